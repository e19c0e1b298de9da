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
from .cbor import read_argument, read_bytes, read_integer, read_number, read_text
from .malformed import Malformed

ISS, EXP, NBF, IAT, RESULT = 1, 4, 5, 6, -65537
CODE, TYPE, TYPE_VERSION, STATUS, HOLDER_KEY, EVIDENCE, FIELDS, SPECIMEN = 1, 2, 3, 4, 5, 6, 7, 8

FieldValue = int | str | list[int] | list[str]
"""A field's value as the code carries it; `result_type.Field.kind` says how to read it."""

SIGNED_ORIGINAL, SIGNED_SCAN = 1, 2
"""Evidence levels: the agency's own signed original, or a paper's scan signed by an officer."""

_TOP_KEYS = frozenset({ISS, EXP, NBF, IAT, RESULT})
_RESULT_KEYS = frozenset({CODE, TYPE, TYPE_VERSION, STATUS, HOLDER_KEY, EVIDENCE, FIELDS, SPECIMEN})
_THUMBPRINT_BYTES = 32
_MAX_TIME = 253_402_300_800  # the year 10000: dates stay computable

_RESULT_FOLLOWS = cbor.dumps(RESULT)
_TWO_NUMBERS_FOLLOW = bytes((STATUS, cbor.ARRAY + 2))
_IS_SPECIMEN = bytes((SPECIMEN,)) + cbor.dumps(value=True)


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
    try:
        return _read(payload)
    except (LookupError, ValueError):
        raise _fault(payload) from None


def _without_none(claims: dict[int, Any]) -> dict[int, Any]:
    return {key: value for key, value in claims.items() if value is not None}


def _read(payload: bytes) -> Claims:
    """The claims in the one form that `encode` writes. Raises LookupError or ValueError for any other.

    As with the frame, what is fixed is compared and only what varies is read: nothing is left that could be written in
    two ways.
    """
    valid_from = expires_at = holder_key = None
    evidence_level, specimen = SIGNED_ORIGINAL, False
    top_head, result_head = cbor.MAP + 3, cbor.MAP + 5
    issuer, at = read_text(payload, _under(ISS, payload, 1))
    if payload[at] == EXP:
        expires_at, at = _read_time(payload, at + 1)
        top_head += 1
    if payload[at] == NBF:
        valid_from, at = _read_time(payload, at + 1)
        top_head += 1
    issued_at, at = _read_time(payload, _under(IAT, payload, at))
    result_at = _behind(_RESULT_FOLLOWS, payload, at)
    result_code, at = read_text(payload, _under(CODE, payload, result_at + 1))
    type_code, at = read_text(payload, _under(TYPE, payload, at))
    type_version, at = read_number(payload, _under(TYPE_VERSION, payload, at))
    list_id, at = read_number(payload, _behind(_TWO_NUMBERS_FOLLOW, payload, at))
    status_index, at = read_number(payload, at)
    if payload[at] == HOLDER_KEY:
        holder_key, at = read_bytes(payload, at + 1)
        if len(holder_key) != _THUMBPRINT_BYTES:
            raise ValueError
        result_head += 1
    if payload[at] == EVIDENCE:
        evidence_level, at = read_number(payload, at + 1)
        if evidence_level != SIGNED_SCAN:  # the usual level is never written: one value, one encoding
            raise ValueError
        result_head += 1
    fields, at = _read_fields(payload, _under(FIELDS, payload, at))
    if at != len(payload):
        at = _behind(_IS_SPECIMEN, payload, at)
        specimen = True
        result_head += 1
    if payload[0] != top_head or payload[result_at] != result_head or at != len(payload):
        raise ValueError
    if not (issuer and result_code and type_code and type_version):
        raise ValueError
    return Claims(  # in the order of its fields: by name costs a tenth more
        issuer,
        issued_at,
        result_code,
        type_code,
        type_version,
        StatusRef(list_id, status_index),
        fields,
        evidence_level,
        valid_from,
        expires_at,
        holder_key,
        specimen,
    )


def _under(key: int, payload: bytes, at: int) -> int:
    """Where the value under this key begins."""
    if payload[at] != key:
        raise ValueError
    return at + 1


def _behind(expected: bytes, payload: bytes, at: int) -> int:
    """Where these bytes end."""
    end = at + len(expected)
    if payload[at:end] != expected:
        raise ValueError
    return end


def _read_time(payload: bytes, at: int) -> tuple[int, int]:
    time, at = read_argument(payload, at, cbor.UNSIGNED)
    if time >= _MAX_TIME:
        raise ValueError
    return time, at


def _read_fields(payload: bytes, at: int) -> tuple[dict[int, FieldValue], int]:
    length, at = read_argument(payload, at, cbor.MAP)
    fields: dict[int, FieldValue] = {}
    last = 0
    for _ in range(length):  # ends with the payload, whatever the length
        number, at = read_number(payload, at)
        if number <= last:
            raise ValueError
        last = number
        first = payload[at]
        if first >= cbor.ARRAY:
            fields[number], at = _read_list(payload, at)
        elif first >= cbor.TEXT:
            fields[number], at = read_text(payload, at)
        else:
            fields[number], at = read_integer(payload, at)
    return fields, at


def _read_list(payload: bytes, at: int) -> tuple[Any, int]:
    """Texts or integers, one at least."""
    length, at = read_argument(payload, at, cbor.ARRAY)
    read = read_text if payload[at] >= cbor.TEXT else read_integer
    items = []
    for _ in range(length):
        item, at = read(payload, at)
        items.append(item)
    if not items:
        raise ValueError
    return items, at


def _fault(payload: bytes) -> Malformed:
    """A name for what is wrong with claims that `_read` refuses. It cannot accept anything. Raises Malformed itself.

    Of several the first, in the order of the TypeScript verifier.
    """
    top = cbor.loads(payload)
    if type(top) is not dict or not _TOP_KEYS.issuperset(top):
        return Malformed("claim_claims")
    result = top.get(RESULT)
    if type(result) is not dict or not _RESULT_KEYS.issuperset(result):
        return Malformed("claim_result")
    good = {
        "specimen": result.get(SPECIMEN, True) is True,
        "iss": _is_text(top.get(ISS)),
        "iat": _is_time(top.get(IAT)),
        "result_code": _is_text(result.get(CODE)),
        "type": _is_text(result.get(TYPE)),
        "type_version": _is_number(result.get(TYPE_VERSION), 1),
        "status": _is_status(result.get(STATUS)),
        "fields": _is_fields(result.get(FIELDS)),
        "evidence": result.get(EVIDENCE, SIGNED_SCAN) == SIGNED_SCAN,
        "nbf": _is_time(top.get(NBF, 0)),
        "exp": _is_time(top.get(EXP, 0)),
        "holder_key": False,  # if it is nothing else
    }
    return Malformed(f"claim_{next(name for name in good if not good[name])}")


def _is_text(value: Any) -> bool:
    return type(value) is str and value != ""


def _is_number(value: Any, lowest: int) -> bool:
    return type(value) is int and value >= lowest


def _is_time(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MAX_TIME


def _is_status(value: Any) -> bool:
    return type(value) is list and len(value) == 2 and all(_is_number(part, 0) for part in value)


def _is_fields(value: Any) -> bool:
    return type(value) is dict and all(number > 0 and _is_field(item) for number, item in value.items())


def _is_field(item: Any) -> bool:
    kinds = set(map(type, item)) if type(item) is list else {type(item)}
    return kinds in ({int}, {str})
