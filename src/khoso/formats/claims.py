"""The claims of a credential: a CBOR Web Token (RFC 8392) with one private claim for what is ours.

    {1: iss, 4: exp, 5: nbf, 6: iat, -65537: {1: result code, 2: result type, 3: type version, 4: [list, index],
     5: holder key thumbprint, 6: evidence level, 7: {field number: value}, 8: true if SPECIMEN}}

Times are seconds since 1970 UTC (RFC 8392, 2). What says nothing is not written: no `exp` means no expiry, no `nbf`
valid from `iat`, no evidence level the signed original, no SPECIMEN a real paper. The code carries values only; what
they mean is in the result type.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from . import cbor
from .malformed import Malformed

ISS, EXP, NBF, IAT, RESULT = 1, 4, 5, 6, -65537
CODE, TYPE, TYPE_VERSION, STATUS, HOLDER_KEY, EVIDENCE, FIELDS, SPECIMEN = 1, 2, 3, 4, 5, 6, 7, 8

FieldValue = int | str | list[int] | list[str]
"""A field's value as the code carries it; `result_type.Field.kind` says how to read it."""

SIGNED_ORIGINAL, SIGNED_SCAN = 1, 2
"""Evidence levels: the agency's own signed original, or a paper's scan signed by an officer."""

_TOP_KEYS = frozenset({ISS, EXP, NBF, IAT, RESULT})
_RESULT_KEYS = frozenset({CODE, TYPE, TYPE_VERSION, STATUS, HOLDER_KEY, EVIDENCE, FIELDS, SPECIMEN})
_FIELD_KINDS = frozenset({int, str})
_THUMBPRINT_BYTES = 32
_MAX_TIME = 253_402_300_800  # the year 10000: dates stay computable


class StatusRef(NamedTuple):
    """Where a credential's status stands: the number of the status list and the index in it."""

    list_id: int
    status_index: int


class Claims(NamedTuple):
    """What an agency states about one result, as signed."""

    issuer: str
    issued_at: int
    result_code: str
    type_code: str
    type_version: int
    status: StatusRef
    fields: Mapping[int, FieldValue]
    evidence_level: int = SIGNED_ORIGINAL
    valid_from: int | None = None
    expires_at: int | None = None
    holder_key: bytes | None = None
    specimen: bool = False


def encode(claims: Claims) -> bytes:
    """The payload to sign."""
    result: dict[int, Any] = {
        CODE: claims.result_code,
        TYPE: claims.type_code,
        TYPE_VERSION: claims.type_version,
        STATUS: list(claims.status),
        HOLDER_KEY: claims.holder_key,
        EVIDENCE: None if claims.evidence_level == SIGNED_ORIGINAL else claims.evidence_level,
        FIELDS: {number: claims.fields[number] for number in sorted(claims.fields)},
        SPECIMEN: claims.specimen or None,
    }
    top: dict[int, Any] = {
        ISS: claims.issuer,
        EXP: claims.expires_at,
        NBF: claims.valid_from,
        IAT: claims.issued_at,
        RESULT: _without_none(result),
    }
    return cbor.dumps(_without_none(top))


def decode(payload: bytes) -> Claims:
    """The claims in a payload. Raises Malformed for anything but exactly the form above."""
    top = cbor.loads(payload)
    _require_map(top, _TOP_KEYS, "claims")
    result = top.get(RESULT)
    _require_map(result, _RESULT_KEYS, "result")
    specimen = result.get(SPECIMEN)
    if specimen is not None and specimen is not True:
        raise Malformed("claim_specimen")
    return Claims(  # in the order of its fields: by name costs a tenth more
        _text(top.get(ISS), "iss"),
        _time(top.get(IAT), "iat"),
        _text(result.get(CODE), "result_code"),
        _text(result.get(TYPE), "type"),
        _number(result.get(TYPE_VERSION), 1, "type_version"),
        _status(result.get(STATUS)),
        _fields(result.get(FIELDS)),
        _evidence(result[EVIDENCE]) if EVIDENCE in result else SIGNED_ORIGINAL,
        _time(top[NBF], "nbf") if NBF in top else None,
        _time(top[EXP], "exp") if EXP in top else None,
        _thumbprint(result[HOLDER_KEY]) if HOLDER_KEY in result else None,
        specimen is True,
    )


def _without_none(claims: dict[int, Any]) -> dict[int, Any]:
    return {key: value for key, value in claims.items() if value is not None}


def _require_map(value: Any, known: frozenset[int], name: str) -> None:
    if type(value) is not dict or not known.issuperset(value):
        raise Malformed(f"claim_{name}")


def _text(value: Any, name: str) -> str:
    if type(value) is not str or not value:
        raise Malformed(f"claim_{name}")
    return value


def _number(value: Any, lowest: int, name: str) -> int:
    if type(value) is not int or value < lowest:
        raise Malformed(f"claim_{name}")
    return value


def _time(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value < _MAX_TIME:
        raise Malformed(f"claim_{name}")
    return value


def _status(value: Any) -> StatusRef:
    if type(value) is not list or len(value) != 2:
        raise Malformed("claim_status")
    return StatusRef(_number(value[0], 0, "status"), _number(value[1], 0, "status"))


def _evidence(value: Any) -> int:
    if value != SIGNED_SCAN:  # the usual level is never written: one value, one encoding
        raise Malformed("claim_evidence")
    return SIGNED_SCAN


def _thumbprint(value: Any) -> bytes:
    if type(value) is not bytes or len(value) != _THUMBPRINT_BYTES:
        raise Malformed("claim_holder_key")
    return value


def _fields(value: Any) -> Mapping[int, FieldValue]:
    if type(value) is not dict:
        raise Malformed("claim_fields")
    for number, item in value.items():
        if number < 1 or not (type(item) in _FIELD_KINDS or _is_uniform_list(item)):
            raise Malformed("claim_fields")
    return value


def _is_uniform_list(item: Any) -> bool:
    return type(item) is list and set(map(type, item)) in ({int}, {str})
