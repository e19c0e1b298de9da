"""The verdict beyond the golden vectors: what it carries, that it never raises, and that no change makes it green."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden import city, vectors
from golden.city import ACTIVE, NOW
from golden.vectors import Vector
from khoso.formats import cose, link
from khoso.formats.status_list import Status
from khoso.formats.trust import KeyState, Trust
from khoso.formats.verdict import ONLINE, Freshness, Outcome, Verdict

GREEN = frozenset({Outcome.IN_FORCE, Outcome.EXPIRES_SOON})
FRESHNESS = (ONLINE, Freshness(14_400, 86_400))
"""A server that follows its database; an inspector's phone, which may be four hours without its lists."""

GOOD = vectors.read("good-paper")
SIGNED = link.parse(GOOD.code, city.ORIGIN)


def judge(code: str, **changes: Any) -> Verdict:
    return GOOD._replace(code=code, **changes).judge()


def test_the_good_paper() -> None:
    verdict = GOOD.judge()
    assert verdict.paper is not None
    assert verdict.paper.claims.result_code == "H17.11-261020-000123-KQ1"
    assert (verdict.status, verdict.status_as_of, verdict.trust_as_of) == (Status.VALID, NOW - 30, NOW - 60)


def test_the_hash_is_that_of_the_signed_bytes_and_the_same_for_both_signatures() -> None:
    twin = vectors.read("signature-high-s")
    assert twin.code != GOOD.code
    papers = [vector.judge().paper for vector in (GOOD, twin)]
    assert papers[0] == papers[1] is not None
    changed = vectors.read("good-few-fields").judge().paper
    assert papers[0] is not None
    assert changed is not None
    assert changed.signed_hash != papers[0].signed_hash


@pytest.mark.parametrize("name", vectors.names())
def test_a_paper_is_told_only_when_it_is_genuine(name: str) -> None:
    verdict = vectors.read(name).judge()
    assert (verdict.paper is not None) == (verdict.step >= 7)
    assert (verdict.trust_as_of is not None) == (verdict.step >= 3 and verdict.outcome is not Outcome.MALFORMED)
    assert (verdict.status_as_of is None) == (verdict.status is None)
    assert (verdict.status is not None) == (verdict.step >= 8 and verdict.reason != "unknown_status_list")


@pytest.mark.parametrize(
    "name", [name for name in vectors.names() if not name.startswith(("good-", "status-", "time-"))]
)
def test_what_is_no_good_on_line_is_not_better_with_newer_lists(name: str) -> None:
    vector = vectors.read(name)
    fresh = vector._replace(
        statuses=vector.statuses._replace(
            lists={n: (s, vector.now, None) for n, (s, *_) in vector.statuses.lists.items()}
        )
    )
    if vector.judge().step < 8:
        assert fresh.judge() == vector.judge()


def test_every_change_of_one_digit_is_refused() -> None:
    start = len(link.prefix(city.ORIGIN))
    for position in range(start, len(GOOD.code), 3):
        digit = str((int(GOOD.code[position]) + 1) % 10)
        verdict = judge(GOOD.code[:position] + digit + GOOD.code[position + 1 :])
        assert verdict.outcome in (Outcome.MALFORMED, Outcome.NOT_GENUINE)


@given(st.text(max_size=300) | st.text("0123456789", max_size=700).map(lambda digits: f"{city.ORIGIN}/v#1{digits}"))
def test_any_text_gets_a_verdict_and_none_is_green(text: str) -> None:
    assert judge(text).outcome in (Outcome.MALFORMED, Outcome.NOT_AN_OFFICIAL_CODE)


@given(st.binary(max_size=300))
def test_a_good_key_alone_makes_nothing_good(payload: bytes) -> None:
    verdict = judge(city.code(city.signed(payload)))
    assert (verdict.outcome, verdict.step) == (Outcome.MALFORMED, 5)


TIMES = st.integers(NOW - 500 * city.DAY, NOW + 500 * city.DAY)


@given(
    st.builds(dict, now=TIMES, as_of=TIMES, issued=TIMES, trust=TIMES, begins=st.none() | TIMES, ends=st.none() | TIMES)
)
def test_green_only_with_everything_in_order(times: dict[str, Any]) -> None:
    top = {4: times["ends"] or city.ABSENT, 5: times["begins"] or city.ABSENT, 6: times["issued"]}
    raw = json.loads((vectors.FOLDER / "good-paper" / "vector.json").read_text("utf-8"))
    raw |= {"code": city.paper(top=top), "now": times["now"]}
    raw["trust"] |= {"issued_at": times["trust"], "expires_at": times["trust"] + 7 * city.DAY}
    raw["statuses"]["7"]["as_of"] = times["as_of"]
    verdict = vectors.parse(raw).judge()
    if verdict.outcome in GREEN:
        now = times["now"]
        assert now - 60 <= times["as_of"] <= now + 300
        assert now - 7 * city.DAY < times["trust"] <= now + 300
        assert ACTIVE.entry["valid_from"] <= times["issued"] <= now + 300
        assert (times["begins"] or 0) <= now + 300
        assert times["ends"] is None or now < times["ends"]


@pytest.mark.parametrize(
    ("freshness", "age", "outcome"),
    [
        *((each, age, "in_force") for each in FRESHNESS for age in (-300, 0, each.green)),
        *((each, age, "in_force_offline") for each in FRESHNESS for age in (each.green + 1, each.amber)),
        *((each, age, "cannot_tell") for each in FRESHNESS for age in (-301, each.amber + 1)),
    ],
)
def test_how_old_a_status_may_be(freshness: Freshness, age: int, outcome: str) -> None:
    lists: dict[int, Any] = {
        number: (statuses, NOW - age, None) for number, (statuses, *_) in GOOD.statuses.lists.items()
    }
    assert judge(GOOD.code, statuses=vectors.KnownStatuses(lists), freshness=freshness).outcome == outcome


@pytest.mark.parametrize("state", KeyState)
def test_the_states_of_a_key(state: KeyState) -> None:
    changed = {"state": state.value}
    verdict = _with_key(changed).judge()
    assert (verdict.outcome in GREEN) == (state in (KeyState.ACTIVE, KeyState.RETIRED))


@pytest.mark.parametrize(
    ("since", "until", "reason"),
    [
        (0, None, "all_checks_passed"),
        (city.ISSUED_AT, city.ISSUED_AT + 1, "all_checks_passed"),
        (city.ISSUED_AT + 1, None, "key_not_yet_active"),
        (0, city.ISSUED_AT, "key_expired"),
    ],
)
def test_the_term_of_a_key_is_half_open(since: int, until: int | None, reason: str) -> None:
    assert _with_key({"valid_from": since, "valid_until": until}).judge().reason == reason


def _with_key(changes: dict[str, Any]) -> Vector:
    raw = json.loads((vectors.FOLDER / "good-paper" / "vector.json").read_text("utf-8"))
    raw["trust"]["keys"] = [key | changes if key["kid"] == ACTIVE.kid.hex() else key for key in raw["trust"]["keys"]]
    return vectors.parse(raw)


def test_an_empty_trust_list_believes_nobody() -> None:
    assert judge(GOOD.code, trust=Trust(NOW, NOW + 1)).reason == "unknown_key"


def test_a_code_of_another_city_is_not_ours() -> None:
    assert judge(GOOD.code, origin="https://kho.example.com").reason == "other_origin"
    assert judge(link.compose("https://kho.example.com", SIGNED), origin="https://kho.example.com").outcome in GREEN


def test_the_key_is_looked_up_by_all_of_its_id() -> None:
    for position in range(cose.KID_BYTES):
        kid = bytearray(ACTIVE.kid)
        kid[position] ^= 1
        assert judge(city.code(SIGNED[:8] + bytes(kid) + SIGNED[16:])).reason == "unknown_key"
