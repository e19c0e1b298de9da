"""Step 5, the payload: signed by a good key, and still not what a credential says. A key alone makes nothing good."""

from collections.abc import Iterator
from typing import Any

import cbor2

from golden.city import ABSENT, LIST, code, dumps, signed
from golden.city import claims as good_claims
from golden.fault import Fault

PAYLOAD = dumps(good_claims())


def faults() -> Iterator[Fault]:
    """All of them."""
    for name, (description, payload, reason) in _CBOR.items():
        yield Fault(f"cbor-{name}", description, code(signed(payload)), "malformed", 5, reason)
    for name, (description, claims, reason) in _CLAIMS.items():
        yield Fault(f"claim-{name}", description, code(signed(dumps(claims))), "malformed", 5, f"claim_{reason}")


def _deep(levels: int) -> bytes:
    return b"\x81" * levels + b"\x01"


def _reordered() -> bytes:
    claims = good_claims()
    return cbor2.dumps({key: claims[key] for key in reversed(claims)})


def _with_field(encoded: bytes) -> bytes:
    """The good payload with a field 1 written as given."""
    return PAYLOAD.replace(b"\x01\x6a43C-123.45", b"\x01" + encoded)


_CBOR = {
    "trailing-byte": ("A byte behind the claims.", PAYLOAD + b"\x00", "cbor_not_canonical"),
    "truncated": ("The last byte of the claims is missing.", PAYLOAD[:-1], "cbor"),
    "nothing": ("No claims: not even an empty map.", b"", "cbor"),
    "key-order": ("The keys of the map in another order.", _reordered(), "cbor_key_order"),
    "duplicate-key": ("The issuer twice.", b"\xa6\x01\x61x" + PAYLOAD[1:], "cbor"),
    "long-integer": ("The key 1 in two bytes.", b"\xa4\x18\x01" + PAYLOAD[2:], "cbor_not_canonical"),
    "long-length": ("A text with its length in two bytes.", _with_field(b"\x78\x0a43C-123.45"), "cbor_not_canonical"),
    "indefinite-map": ("A map of indefinite length.", b"\xbf" + PAYLOAD[1:] + b"\xff", "cbor"),
    "indefinite-text": ("A text in pieces.", _with_field(b"\x7f\x6343C\x67-123.45\xff"), "cbor"),
    "float": ("A number as float.", _with_field(dumps(1.5)), "cbor_type"),
    "float-integer": ("A whole number as half-precision float.", _with_field(b"\xf9\x3c\x00"), "cbor_type"),
    "not-a-number": ("NaN.", _with_field(b"\xf9\x7e\x00"), "cbor_type"),
    "null": ("null.", _with_field(b"\xf6"), "cbor_type"),
    "undefined": ("undefined.", _with_field(b"\xf7"), "cbor_type"),
    "simple": ("Simple value 16.", _with_field(b"\xf0"), "cbor_type"),
    "tag-date": ("A date with its tag.", _with_field(dumps(cbor2.CBORTag(1004, "2026-11-23"))), "cbor_type"),
    "tag-unknown": ("A tag that nobody knows.", _with_field(dumps(cbor2.CBORTag(4711, 1))), "cbor_type"),
    "bignum": ("A number of 9 bytes.", _with_field(dumps(1 << 64)), "cbor_integer"),
    "key-2-63": ("A field with the number 2^63.", dumps(good_claims(f9223372036854775808=1)), "cbor_integer"),
    "integer-2-63": ("2^63: too large for many languages.", _with_field(b"\x1b\x80" + bytes(7)), "cbor_integer"),
    "decimal-giant": (
        "Eight bytes that say 10^4294967295; some programs never finish to compute it.",
        _with_field(bytes.fromhex("c4 82 1a ff ff ff ff 01")), "cbor_type",
    ),
    "shared-value": (
        "A list of itself, by the tags of shared values (28, 29).", _with_field(bytes.fromhex("d81c 81 d81d 00")),
        "cbor",
    ),
    "shared-values-unfolding": (
        "Lists of 40 times the list before: few bytes that unfold to millions of values.",
        _with_field(b"\x85\xd8\x1c\x81\x01" + b"".join(
            b"\xd8\x1c\x98\x28" + (b"\xd8\x1d" + bytes([level])) * 40 for level in range(4)
        )), "cbor",
    ),
    "text-key": ("A text as key.", dumps(good_claims() | {"iss": "H17.11"}), "cbor_key_type"),
    "bool-key": ("true as key.", dumps(good_claims() | {4711: {True: 1}}), "cbor_key_type"),
    "depth": ("Lists in lists, 200 deep.", _deep(200), "cbor"),
    "giant-length": ("A text that claims 2^32 bytes.", b"\xa1\x01\x7a\xff\xff\xff\xff\x41", "cbor"),
    "bad-text": ("A text that is no UTF-8.", _with_field(b"\x61\xff"), "cbor"),
}  # fmt: skip

_Claims = dict[int, Any]
_CLAIMS: dict[str, tuple[str, _Claims, str]] = {
    "unknown": ("A claim that the format does not know.", good_claims({3: "anybody"}), "claims"),
    "no-issuer": ("No issuer.", good_claims({1: ABSENT}), "iss"),
    "empty-issuer": ("An empty issuer.", good_claims({1: ""}), "iss"),
    "no-time": ("No time of issue.", good_claims({6: ABSENT}), "iat"),
    "negative-time": ("Issued before 1970.", good_claims({6: -1}), "iat"),
    "bool-time": ("true for a time.", good_claims({6: True}), "iat"),
    "late-end": ("An end in a year that no calendar has.", good_claims({4: 1 << 38}), "exp"),
    "text-end": ("An end as text.", good_claims({4: "2027-01-01"}), "exp"),
    "negative-begin": ("In force from before 1970.", good_claims({5: -1}), "nbf"),
    "no-result": ("No result.", good_claims({-65537: ABSENT}), "result"),
    "result-list": ("A list in the place of the result.", good_claims({-65537: [1, 2]}), "result"),
    "result-unknown": ("A number in the result that the format does not know.", good_claims(r9=1), "result"),
    "no-result-code": ("No result code.", good_claims(r1=ABSENT), "result_code"),
    "number-result-code": ("A number as result code.", good_claims(r1=1), "result_code"),
    "no-type": ("No result type.", good_claims(r2=ABSENT), "type"),
    "version-zero": ("Version 0 of a type; they begin at 1.", good_claims(r3=0), "type_version"),
    "version-text": ("The version as text.", good_claims(r3="2"), "type_version"),
    "no-status": ("No status: a paper that nobody could revoke.", good_claims(r4=ABSENT), "status"),
    "status-short": ("A status list without an index.", good_claims(r4=[LIST]), "status"),
    "status-negative": ("The index -1, the last one in some languages.", good_claims(r4=[LIST, -1]), "status"),
    "status-bool": ("true for an index.", good_claims(r4=[LIST, True]), "status"),
    "holder-key-short": ("A holder key's thumbprint of 31 bytes.", good_claims(r5=bytes(31)), "holder_key"),
    "holder-key-text": ("A thumbprint as text.", good_claims(r5="00" * 32), "holder_key"),
    "evidence-written": ("The usual evidence level, which is never written.", good_claims(r6=1), "evidence"),
    "evidence-unknown": ("An evidence level that does not exist.", good_claims(r6=3), "evidence"),
    "specimen-false": ("false for SPECIMEN; a real paper says nothing.", good_claims(r8=False), "specimen"),
    "specimen-one": ("1 for SPECIMEN: not true, and not to be overlooked.", good_claims(r8=1), "specimen"),
    "no-fields": ("No fields.", good_claims(r7=ABSENT), "fields"),
    "fields-list": ("The fields as a list.", good_claims(r7=["43C-123.45"]), "fields"),
    "field-zero": ("A field number 0; they begin at 1.", good_claims(f0="x"), "fields"),
    "field-empty-list": ("An empty list, which says nothing.", good_claims(f6=[]), "fields"),
    "field-mixed-list": ("Texts and numbers in one list.", good_claims(f6=["a", 1]), "fields"),
    "field-map": ("A map as value.", good_claims(f1={1: 2}), "fields"),
    "field-bool": ("true as value.", good_claims(f3=True), "fields"),
    "field-bytes": ("Bytes as value.", good_claims(f1=b"43C"), "fields"),
    "three-faults": ("Of several faults the first is told.", good_claims({4: "x"}, r6=3, f0="x"), "fields"),
    "two-faults": ("SPECIMEN is looked at before everything.", good_claims({1: ABSENT}, r8=1), "specimen"),
}
