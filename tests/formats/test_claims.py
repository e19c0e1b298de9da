"""The claims: what was stated is read, and nothing else is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden import city
from golden.city import ABSENT
from khoso.formats import cbor, claims
from khoso.formats.claims import SIGNED_ORIGINAL, SIGNED_SCAN, Claims, StatusRef
from khoso.formats.malformed import Malformed

TEXTS = st.text(min_size=1, max_size=20)
TIMES = st.integers(0, 253_402_300_799)
NUMBERS = st.integers(0, (1 << 63) - 1)
INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
FIELD_VALUES = INTEGERS | st.text() | st.lists(INTEGERS, min_size=1) | st.lists(st.text(), min_size=1)
CLAIMS = st.builds(
    Claims,
    issuer=TEXTS,
    issued_at=TIMES,
    result_code=TEXTS,
    type_code=TEXTS,
    type_version=st.integers(1, (1 << 63) - 1),
    status=st.builds(StatusRef, NUMBERS, NUMBERS),
    fields=st.dictionaries(st.integers(1, (1 << 63) - 1), FIELD_VALUES, max_size=6),
    evidence_level=st.sampled_from([SIGNED_ORIGINAL, SIGNED_SCAN]),
    valid_from=st.none() | TIMES,
    expires_at=st.none() | TIMES,
    holder_key=st.none() | st.binary(min_size=32, max_size=32),
    specimen=st.booleans(),
)
GOOD = city.claims()


def reason(value: Any) -> str:
    with pytest.raises(Malformed) as refused:
        claims.decode(city.dumps(value))
    return refused.value.reason


@given(CLAIMS)
def test_what_was_encoded_is_decoded(stated: Claims) -> None:
    decoded = claims.decode(claims.encode(stated))
    assert decoded == stated
    assert isinstance(decoded.status, StatusRef)
    assert claims.encode(decoded) == claims.encode(stated)


@given(CLAIMS, st.randoms())
def test_the_order_in_which_fields_are_given_does_not_matter(stated: Claims, chance: Any) -> None:
    numbers = list(stated.fields)
    chance.shuffle(numbers)
    shuffled = stated._replace(fields={number: stated.fields[number] for number in numbers})
    assert claims.encode(shuffled) == claims.encode(stated)


@given(CLAIMS, st.data())
def test_whatever_is_decoded_says_it_in_the_only_way(stated: Claims, data: st.DataObject) -> None:
    payload = bytearray(claims.encode(stated))
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decoded = claims.decode(bytes(payload))
    except Malformed:
        return
    assert claims.encode(decoded) == payload
    assert decoded != stated


@given(CLAIMS, st.integers(0, 9) | INTEGERS, st.data())
def test_the_last_one_is_blamed_for_nothing_else(stated: Claims, number: int, data: st.DataObject) -> None:
    """Whoever gives no other name has looked for all of them: every claim but the holder's key is as it must be."""
    payload = claims.encode(stated)
    top = cbor.loads(payload)
    place = data.draw(st.sampled_from([top, top[-65537], top[-65537][7]]))
    place[number] = data.draw(st.sampled_from([*ANYTHING.values(), 0, 1, 2, True, "x", bytes(32), [0, 0]]))
    try:
        claims.decode(city.dumps(top))
    except Malformed as malformed:
        if malformed.reason == "claim_holder_key":
            key = top[-65537][5]
            assert not isinstance(key, bytes) or len(key) != 32


def test_the_good_paper_byte_by_byte() -> None:
    assert claims.decode(city.dumps(GOOD)) == Claims(
        issuer="H17.11",
        issued_at=city.ISSUED_AT,
        result_code="H17.11-261020-000123-KQ1",
        type_code="KQ.H17.000003",
        type_version=2,
        status=StatusRef(list_id=7, status_index=5),
        fields=GOOD[-65537][7],
        evidence_level=SIGNED_ORIGINAL,
        expires_at=city.NOW + 335 * city.DAY,
    )


def test_what_says_nothing_is_not_written() -> None:
    plain = Claims("A", 0, "R", "T", 1, StatusRef(0, 0), {})
    assert cbor.loads(claims.encode(plain)) == {1: "A", 6: 0, -65537: {1: "R", 2: "T", 3: 1, 4: [0, 0], 7: {}}}


@pytest.mark.parametrize("more", [-1, 1])
def test_a_map_that_counts_its_entries_wrongly_is_refused(more: int) -> None:
    payload = bytearray(claims.encode(Claims("A", 0, "R", "T", 1, StatusRef(0, 0), {})))
    for head, entries in ((0, 3), (payload.index(b"\xa5"), 5)):
        assert payload[head] == 0xA0 + entries
        changed = payload[:head] + bytes([payload[head] + more]) + payload[head + 1 :]
        with pytest.raises(Malformed):
            claims.decode(bytes(changed))


CLAIM_NAMES = {1: "iss", 4: "exp", 5: "nbf", 6: "iat", -65537: "result"}
RESULT_NAMES = {
    1: "result_code",
    2: "type",
    3: "type_version",
    4: "status",
    5: "holder_key",
    6: "evidence",
    7: "fields",
    8: "specimen",
}
OPTIONAL = {4, 5, "r5", "r6", "r8"}
ANYTHING: dict[str, Any] = {
    "text": "",
    "number": -1,
    "bytes": b"",
    "false": False,
    "list": [],
    "map": {},
    "texts": ["a", "b"],
    "list of a list": [[1]],
    "map of text": {1: "a"},
}
"""Of all kinds, and acceptable nowhere: but for a map where a map belongs."""


@pytest.mark.parametrize("kind", ANYTHING)
@pytest.mark.parametrize("number", CLAIM_NAMES)
def test_a_claim_of_another_kind_is_refused(number: int, kind: str) -> None:
    incomplete = {"map": "claim_result_code", "map of text": "claim_type"} if number == -65537 else {}
    assert reason(GOOD | {number: ANYTHING[kind]}) == incomplete.get(kind, f"claim_{CLAIM_NAMES[number]}")


@pytest.mark.parametrize("kind", ANYTHING)
@pytest.mark.parametrize("number", RESULT_NAMES)
def test_a_member_of_the_result_of_another_kind_is_refused(number: int, kind: str) -> None:
    if number == 7 and kind in ("map", "map of text"):
        assert claims.decode(city.dumps(city.claims(r7=ANYTHING[kind])))
    else:
        assert reason(city.claims(**{f"r{number}": ANYTHING[kind]})) == f"claim_{RESULT_NAMES[number]}"


@pytest.mark.parametrize("number", CLAIM_NAMES)
def test_a_claim_is_there_unless_it_is_optional(number: int) -> None:
    absent = city.claims({number: ABSENT})
    if number in OPTIONAL:
        assert claims.decode(city.dumps(absent))
    else:
        assert reason(absent) == f"claim_{CLAIM_NAMES[number]}"


@pytest.mark.parametrize("number", RESULT_NAMES)
def test_a_member_of_the_result_is_there_unless_it_is_optional(number: int) -> None:
    changes: dict[str, Any] = {f"r{number}": ABSENT}
    absent = city.claims(None, **changes)
    if f"r{number}" in OPTIONAL:
        assert claims.decode(city.dumps(absent))
    else:
        assert reason(absent) == f"claim_{RESULT_NAMES[number]}"


@pytest.mark.parametrize("number", [-1, 0, 2, 3, 7, 8, 65537, -65536, -65538])
def test_no_other_claims(number: int) -> None:
    assert reason(city.claims({number: "x"})) == "claim_claims"


@pytest.mark.parametrize("number", [-1, 0, 9, 100])
def test_no_other_members_of_the_result(number: int) -> None:
    changed = city.claims()
    changed[-65537][number] = 1
    assert reason(changed) == "claim_result"


@pytest.mark.parametrize("top", [[], 1, "claims", b"", True])
def test_the_payload_is_a_map(top: Any) -> None:
    assert reason(top) == "claim_claims"


BOUNDS: dict[str, tuple[dict[int, Any], dict[str, Any], str | None]] = {
    "first second": ({6: 0}, {}, None),
    "last second": ({4: 253_402_300_799, 5: 253_402_300_799, 6: 253_402_300_799}, {}, None),
    "later than the last second": ({6: 253_402_300_800}, {}, "claim_iat"),
    "begin later than the last second": ({5: 253_402_300_800}, {}, "claim_nbf"),
    "version 1": ({}, {"r3": 1}, None),
    "version 0": ({}, {"r3": 0}, "claim_type_version"),
    "version true": ({}, {"r3": True}, "claim_type_version"),
    "list 0, index 0": ({}, {"r4": [0, 0]}, None),
    "list -1": ({}, {"r4": [-1, 0]}, "claim_status"),
    "index -1": ({}, {"r4": [0, -1]}, "claim_status"),
    "status of three": ({}, {"r4": [0, 0, 0]}, "claim_status"),
    "status of texts": ({}, {"r4": ["0", "0"]}, "claim_status"),
    "thumbprint of 31": ({}, {"r5": bytes(31)}, "claim_holder_key"),
    "thumbprint of 32": ({}, {"r5": bytes(32)}, None),
    "thumbprint of 33": ({}, {"r5": bytes(33)}, "claim_holder_key"),
    "scan": ({}, {"r6": 2}, None),
    "evidence 0": ({}, {"r6": 0}, "claim_evidence"),
    "evidence 1": ({}, {"r6": 1}, "claim_evidence"),
    "evidence 3": ({}, {"r6": 3}, "claim_evidence"),
    "specimen": ({}, {"r8": True}, None),
    "not a specimen": ({}, {"r8": False}, "claim_specimen"),
    "specimen 1": ({}, {"r8": 1}, "claim_specimen"),
    "field 0": ({}, {"f0": 1}, "claim_fields"),
    "field 2^63 - 1": ({}, {"f9223372036854775807": 1}, None),
    "empty text in a field": ({}, {"f1": ""}, None),
    "empty list": ({}, {"f6": []}, "claim_fields"),
    "list of lists": ({}, {"f6": [["a"]]}, "claim_fields"),
    "list of true": ({}, {"f6": [True]}, "claim_fields"),
    "list of bytes": ({}, {"f6": [b"a"]}, "claim_fields"),
    "list of a number and true": ({}, {"f6": [1, True]}, "claim_fields"),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds(name: str) -> None:
    top, changes, expected = BOUNDS[name]
    payload = city.dumps(city.claims(top, **changes))
    if expected is None:
        assert claims.encode(claims.decode(payload)) == payload
    else:
        assert reason(city.claims(top, **changes)) == expected
