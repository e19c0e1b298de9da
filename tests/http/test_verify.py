"""Verification over HTTP: one answer for a paper, however it is asked, and what that answer leaves behind."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from time import perf_counter
from typing import Any

import pytest

from asgi import ask
from desk import Desk, Json, problem, read
from forging import malformed, resign
from grounds import ORIGIN, Clock, open_client
from khoso import following, wiring
from khoso.app import create_app
from khoso.config import Config
from khoso.formats import lookup
from khoso.formats.claims import StatusRef
from samples import truck_permit
from waiting import until_rows

WITHDRAWN = {"revoke": "revoked", "suspend": "suspended", "supersede": "superseded"}


def decided(verdict: Json) -> tuple[str, str, str]:
    return verdict["outcome"], verdict["colour"], verdict["reason"]


def without_time(verdict: Json) -> Json:
    return verdict | {"checked_at": None}


async def test_scanned_and_typed_are_one_answer(desk: Desk) -> None:
    issued = await desk.issue()
    scanned = await desk.verify(code=issued["code"])
    assert decided(scanned) == ("in_force", "green", "all_checks_passed")
    assert scanned["bearer"] == "not_proven"
    assert scanned["paper"]["comparison"]["value"] == "K48/12 Nguyễn Thị Minh Khai"
    assert "owner_id" not in {field["name"] for field in scanned["paper"]["fields"]}
    for typed in (
        issued["lookup_code"],
        issued["lookup_code"].lower(),
        f" {issued['lookup_code'].replace('-KQ', ' -KQ')}",
    ):
        if " -" not in typed:
            assert without_time(await desk.verify(lookup_code=typed)) == without_time(scanned)


async def told(desk: Desk, outcome: str, /, within_seconds: float = 1, **how: str) -> Json:
    """The verdict, which must have this outcome within a second: acts reach a process's memory by a notification."""
    deadline = perf_counter() + within_seconds
    while True:
        verdict = await desk.verify(**how)
        if verdict["outcome"] == outcome or perf_counter() > deadline:
            assert verdict["outcome"] == outcome
            return verdict
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("act", WITHDRAWN)
async def test_a_withdrawn_paper_is_named_with_its_act(desk: Desk, act: str) -> None:
    old, new = await desk.issue(), await desk.issue()
    successor = {"superseded_by": new["result_code"]} if act == "supersede" else {}
    desk.clock.forward(timedelta(minutes=5))
    await desk.act(old["result_code"], act, **successor)
    for how in ({"code": old["code"]}, {"lookup_code": old["lookup_code"]}):
        verdict = await told(desk, WITHDRAWN[act], **how)
        assert verdict["colour"] == "red"
        assert verdict["withdrawal"] == {
            "act": act,
            "since": "2026-11-23T08:05:00Z",
            "reason_code": "R1",
            "reason": {"vi": "Mã lý do: R1", "en": "Reason code: R1"},
            "decision_number": "77/QĐ",
            "superseded_by": successor.get("superseded_by"),
        }
    assert (await desk.verify(code=new["code"]))["outcome"] == "in_force"


async def test_a_suspended_paper_can_be_restored(desk: Desk) -> None:
    issued = await desk.issue()
    for act, outcome in (("suspend", "suspended"), ("restore", "in_force"), ("revoke", "revoked")):
        desk.clock.forward(timedelta(seconds=1))
        await desk.act(issued["result_code"], act)
        await told(desk, outcome, code=issued["code"])


TIMES = (
    (0, "not_yet_in_force", "red"),
    (2, "in_force", "green"),
    (10, "expires_soon", "green"),
    (6, "expired", "red"),
)


async def test_time_decides(desk: Desk) -> None:
    issued = await desk.issue(truck_permit(1, valid_from="2026-11-25", valid_until="2026-12-10"))
    for days, outcome, colour in TIMES:
        desk.clock.forward(timedelta(days=days))
        # Trust and status are days old when the clock jumps, until they are next refreshed.
        assert (await told(desk, outcome, within_seconds=5, code=issued["code"]))["colour"] == colour


@pytest.fixture
async def deaf(desk: Desk, config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Another process, which hears no notification."""
    monkeypatch.setattr(wiring, "listen", lambda *_: asyncio.sleep(3600))
    async with open_client(config, clock) as client:
        yield Desk(client, desk.key_dir, clock, config.database_owner_url)


async def test_what_another_process_has_just_issued_is_seen_at_once(
    desk: Desk, deaf: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second process neither polls nor listens: the record itself tells it."""
    monkeypatch.setattr(following, "POLL_SECONDS", 3600.0)
    await asyncio.sleep(1.1)
    for how in ("code", "lookup_code"):
        issued = await desk.issue()
        verdict = await deaf.verify(**{how: issued[how]})
        assert decided(verdict) == ("in_force", "green", "all_checks_passed")


async def test_a_withdrawal_is_seen_within_a_second_and_by_a_deaf_process_at_its_next_poll(
    desk: Desk, deaf: Desk
) -> None:
    issued = await desk.issue()
    for act, outcome in (("suspend", "suspended"), ("restore", "in_force"), ("revoke", "revoked")):
        desk.clock.forward(timedelta(seconds=1))
        await desk.act(issued["result_code"], act)
        await told(desk, outcome, code=issued["code"])
        await told(deaf, outcome, within_seconds=3, code=issued["code"])


def wrong_lookup(issued: Json) -> str:
    """Rightly typed, wrong secret."""
    result_code, secret = lookup.parse(issued["lookup_code"])
    other = "00000" if secret != "00000" else "00001"
    return lookup.compose(result_code, other)


async def test_ten_wrong_codes_an_hour_however_many_come_at_once(desk: Desk, config: Config, clock: Clock) -> None:
    issued, other_paper = await desk.issue(), await desk.issue()
    wrong = wrong_lookup(issued)
    async with open_client(config, clock) as client:
        second = Desk(client, desk.key_dir, clock, config.database_owner_url)
        both = (desk, second)
        answers = await asyncio.gather(*(both[turn % 2].try_verify(lookup_code=wrong) for turn in range(200)))
        passed = [answer.json() for answer in answers if answer.status_code == 200]
        assert [decided(verdict) for verdict in passed] == [("not_issued", "red", "lookup_unknown")] * 10
        for answer in answers:
            if answer.status_code != 200:
                problem(answer, 429, "too_many_attempts")
                assert answer.headers["retry-after"] == "3600"
        problem(await second.try_verify(lookup_code=issued["lookup_code"]), 429, "too_many_attempts")
        assert (await second.verify(code=issued["code"]))["outcome"] == "in_force", "scanning needs no guess"
        assert (await second.verify(lookup_code=other_paper["lookup_code"]))["outcome"] == "in_force"
    desk.clock.forward(timedelta(hours=1))
    assert read(await desk.try_verify(lookup_code=issued["lookup_code"]), 200)["paper"] is not None


async def test_right_codes_are_not_counted_against_the_limit(desk: Desk) -> None:
    issued = await desk.issue()
    for _ in range(3):
        answers = await asyncio.gather(*(desk.verify(lookup_code=issued["lookup_code"]) for _ in range(10)))
        assert {verdict["outcome"] for verdict in answers} == {"in_force"}
    assert [row["failures"] for row in await desk.rows("SELECT failures FROM lookup_failure")] == [0]


async def test_a_typing_error_is_told_as_one_and_counted_against_nobody(desk: Desk) -> None:
    issued = await desk.issue()
    typed = issued["lookup_code"]
    wrong_check = typed[:-1] + ("0" if typed[-1] != "0" else "1")
    for text, reason in (
        (wrong_check, "lookup_check"),
        ("", "lookup_form"),
        ("x" * 500, "lookup_form"),
        ("\0", "lookup_form"),
    ):
        verdict = await desk.verify(lookup_code=text)
        assert (verdict["outcome"], verdict["reason"]) == ("malformed", reason)
    unknown = lookup.compose("H17.05.12-261120-999999-KQ1", "00000")
    assert decided(await desk.verify(lookup_code=unknown)) == ("not_issued", "red", "lookup_unknown")
    assert await desk.rows("SELECT failures FROM lookup_failure") == [], "nothing is there to guess"


async def test_an_inspectors_check_is_recorded_for_the_holder_under_his_name(desk: Desk) -> None:
    issued = await desk.issue()
    inspector = desk.token("inspect", subject="inspector-12", agency="H17.14")
    await desk.verify(inspector, code=issued["code"])
    await desk.verify(inspector, lookup_code=issued["lookup_code"])
    await desk.verify(inspector, code=await resign(issued["code"], desk.key_dir, issued_at=1))
    await desk.verify(inspector, code=await resign(issued["code"], desk.key_dir, expires_at=2_000_000_000))
    await desk.verify(inspector, code="https://elsewhere.example/")
    scans = await desk.rows("SELECT vault_id, result_code, inspector, agency_code, outcome, reason FROM scan")
    vault_id = await desk.vault_of(issued["result_code"])
    kept = (vault_id, issued["result_code"], "inspector-12", "H17.14", "in_force", "all_checks_passed")
    assert [tuple(row) for row in scans] == [kept, kept], "only what is the holder's own paper"


async def test_a_token_without_the_inspectors_scope_does_not_verify(desk: Desk) -> None:
    problem(await desk.try_verify(desk.officer("credentials:read"), code="x"), 403, "not_permitted")


async def test_an_anonymous_check_leaves_only_counts(desk: Desk, config: Config) -> None:
    issued = await desk.issue()
    for _ in range(3):
        await desk.verify(code=issued["code"])
    await desk.verify(code="https://elsewhere.example/")
    await until_rows(config.database_owner_url, "SELECT FROM scan_count HAVING sum(scans) = 4")
    counts = await desk.rows("SELECT hour::text, type_code, outcome, reason, scans FROM scan_count ORDER BY scans")
    assert [tuple(row) for row in counts] == [
        ("2026-11-23 08:00:00+00", "", "not_an_official_code", "other_origin", 1),
        ("2026-11-23 08:00:00+00", "KQ.H17.000001", "in_force", "all_checks_passed", 3),
    ]
    assert not await desk.rows("SELECT 1 FROM scan UNION ALL SELECT 1 FROM lookup_failure")


async def test_what_a_thief_with_the_key_signs_is_worth_nothing(desk: Desk) -> None:
    issued, stranger = await desk.issue(), await desk.issue()
    ref = (await desk.rows("SELECT list_id, status_index FROM credential"))[0]
    revoked = await desk.issue()
    await desk.act(revoked["result_code"], "revoke")
    other_height = {1: "K48/12 Nguyễn Thị Minh Khai", 4: 9}
    forgeries: dict[str, tuple[dict[str, Any], str]] = {
        "a good index under other content": ({"fields": other_height}, "content_differs_from_record"),
        "an index nobody was given": ({"status": StatusRef(0, 77_777)}, "never_recorded"),
        "a list that is not there": ({"status": StatusRef(7, 1)}, "never_recorded"),
        "an index beyond the list": ({"status": StatusRef(0, 1 << 17)}, "never_recorded"),
        "numbers beyond the database's": ({"status": StatusRef(1 << 40, 1 << 62)}, "never_recorded"),
        "a type of the future": ({"type_version": 99}, "content_differs_from_record"),
    }
    for what, (changes, reason) in forgeries.items():
        verdict = await desk.verify(code=await resign(issued["code"], desk.key_dir, **changes))
        assert decided(verdict) == ("not_issued", "red", reason), what
    stolen = await desk.verify(code=await resign(revoked["code"], desk.key_dir, status=StatusRef(*ref)))
    assert decided(stolen) == ("not_issued", "red", "content_differs_from_record")
    unauthorised = await resign(issued["code"], desk.key_dir, type_code="KQ.H17.000003")
    assert decided(await desk.verify(code=unauthorised)) == ("not_genuine", "red", "type_not_authorised")
    for good in (issued, stranger):
        assert (await desk.verify(code=good["code"]))["outcome"] == "in_force", "honest papers stay good"


async def test_neither_both_nor_none_nor_anything_else_is_asked(desk: Desk) -> None:
    bodies = {b"": "json", b"{": "json", b"\xff": "json", b"[]": "form", b'{"x": "1"}': "form"}
    bodies |= {b"{}": "one_of", b'{"code": "a", "lookup_code": "b"}': "one_of"}
    for body, code in bodies.items():
        answer = await desk.client.post("/api/v1/verify", content=body)
        assert problem(answer, 422, "invalid_input") == [("body", code)], body
    for body in (b'{"code": 1}', b'{"code":' + b"[" * 8000):
        answer = await desk.client.post("/api/v1/verify", content=body)
        assert problem(answer, 422, "invalid_input") == [("code", "form")], body
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "HEAD"):
        answer = await desk.client.request(method, "/api/v1/verify")
        assert answer.status_code == 405, method
        assert answer.headers["allow"] == "POST"


async def test_who_hangs_up_before_his_body_is_complete_has_asked_nothing(config: Config, clock: Clock) -> None:
    heard = iter([{"type": "http.request", "body": b'{"code":', "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(heard)

    said = await ask(create_app(config, clock), "POST", "/api/v1/verify", receive=receive)
    assert [message.get("status") for message in said] == [422, None]


async def test_what_says_that_it_will_be_too_large_is_refused_unread(config: Config, clock: Clock) -> None:
    async def receive() -> Any:
        raise AssertionError("it is waited for")

    for announced, status in ((b"8193", 413), (b"9" * 20, 413)):
        start, _ = await ask(
            create_app(config, clock), "POST", "/api/v1/verify", [(b"content-length", announced)], receive
        )
        assert start["status"] == status


async def test_five_thousand_texts_that_are_no_code(desk: Desk) -> None:
    """None is an error of ours, and none keeps a worker busy. A slow answer is asked for again: a busy machine
    is slow once, a text that hurts every time."""
    issued = await desk.issue()
    places = asyncio.Semaphore(8)

    async def seconds(text: str) -> float:
        async with places:
            began = perf_counter()
            verdict = read(await desk.try_verify(code=text), 200)
            assert verdict["colour"] in ("red", "grey"), text
            return perf_counter() - began

    texts = list(malformed(issued["code"], 5_000, seed=20261123))
    took = await asyncio.gather(*map(seconds, texts))
    slow = [text for text, one in zip(texts, took, strict=True) if one > 0.1]
    assert len(slow) < 500
    assert [text for text in slow if min([await seconds(text) for _ in range(3)]) > 0.1] == []


async def test_the_pages_of_other_cities_are_not_ours(desk: Desk) -> None:
    digits = (await desk.issue())["code"].partition("#")[2]
    for origin in (
        "http://kho.danang.gov.vn",
        "https://kho.danang.gov.vn:443",
        "https://kho.danang.gov.vn.",
        "https://KHO.danang.gov.vn",
        "https://kho.danang.gov.vn@evil.example",
        "https://evil.example/https://kho.danang.gov.vn",
        "https://xn--kh-danang-gov-vn.example",
        f" {ORIGIN}",
    ):
        verdict = await desk.verify(code=f"{origin}/v#{digits}")
        assert decided(verdict) == ("not_an_official_code", "red", "other_origin"), origin
