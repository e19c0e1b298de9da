"""The size meter: how large the code of a result type will be, while its designer is still choosing the fields."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from khoso.catalogue.definitions import MAX_NUMBER
from khoso.errors import CodeTooLong, InputProblem, InvalidInput
from khoso.formats import cbor, claims, cose, digits, link
from khoso.formats.claims import Claims, FieldValue, StatusRef
from khoso.formats.field_values import BadValue, mask, to_code
from khoso.formats.result_type import Field, ResultType
from khoso.formats.status_list import SIZE
from khoso.rendering.qr import qr_modules, qr_version

_ORDINARY_TEXT = "Nguyễn Thị Thanh Hương, 135/27 Huỳnh Thúc Kháng, phường Hải Châu. "
"""Names and addresses: 1.3 bytes a character, as Vietnamese text has on average."""

_MEMBER_LENGTH = 24
"""Characters of one text in a list, such as the name of a street."""

_LATEST = date(2099, 12, 31)
_LATEST_TIME = 4_102_419_600  # the end of that day in Vietnam, seconds since 1970 UTC
_LARGEST_STATUS = StatusRef((1 << 16) - 1, SIZE - 1)


class CodeSize(msgspec.Struct, frozen=True, kw_only=True):
    """The size of one code at error correction level M."""

    payload_bytes: int
    signed_bytes: int
    """With the frame and the signature: what the QR code carries."""
    version: int
    """Version of the QR symbol, 1 to 40. Aim at 12 or less."""
    modules: int
    """Modules along one side, without the quiet zone."""
    field_bytes: dict[str, int]
    """What each field adds, its number included."""


def measure(definition: ResultType, values: Mapping[str, Any], issuer: str, origin: str) -> CodeSize:
    """The size of a code of this type issued by `issuer`, with the longest numbers and dates there can be.

    A field without a value counts as long as its definition allows, in ordinary Vietnamese; one with the value None
    is left out. Raises InvalidInput for a value that does not fit, CodeTooLong if no code could hold it.
    """
    fields = _values_in_code(definition, values)
    payload = claims.encode(_claims(definition, fields, issuer))
    signed = cose.assemble(bytes(cose.KID_BYTES), payload, bytes(64))
    if len(signed) > digits.MAX_BYTES:
        raise CodeTooLong(f"{len(signed)} bytes; a code holds {digits.MAX_BYTES}")
    version = qr_version(link.compose(origin, signed))
    names = {field.number: field.name for field in definition.fields}
    return CodeSize(
        payload_bytes=len(payload),
        signed_bytes=len(signed),
        version=version,
        modules=qr_modules(version),
        field_bytes={names[number]: len(cbor.dumps({number: value})) - 1 for number, value in fields.items()},
    )


def _claims(definition: ResultType, fields: Mapping[int, FieldValue], issuer: str) -> Claims:
    ends = definition.validity.months is not None
    return Claims(
        issuer=issuer,
        issued_at=_LATEST_TIME,
        result_code=f"{issuer}-{_LATEST:%y%m%d}-999999-KQ1",
        type_code=definition.code,
        type_version=definition.version,
        status=_LARGEST_STATUS,
        fields=fields,
        expires_at=_LATEST_TIME if ends else None,
    )


def _values_in_code(definition: ResultType, values: Mapping[str, Any]) -> dict[int, FieldValue]:
    problems = [
        InputProblem(
            f"values.{name}",
            "unknown_field",
            "bỏ mục này: định nghĩa không có trường thông tin này | the definition has no such field",
        )
        for name in values.keys() - {field.name for field in definition.fields}
    ]
    in_code: dict[int, FieldValue] = {}
    for field in definition.fields:
        value = values.get(field.name, _longest(field))
        if value is None:
            continue
        try:
            carried = mask(field, to_code(field, value))
        except BadValue as bad:
            problems.append(InputProblem(f"values.{field.name}", bad.code, bad.message))
            continue
        if field.in_code:
            in_code[field.number] = carried
    if problems:
        raise InvalidInput(*problems)
    return in_code


def _longest(field: Field) -> Any:
    """A value as long as the field allows, in the form of the API."""
    match field.kind:
        case "text":
            return _text(field.max_length)
        case "texts":
            return [_text(_MEMBER_LENGTH)] * field.max_length
        case "hours":
            return ["22:30-23:30"] * field.max_length
        case "choice":
            return field.choices[-1].value
        case "date":
            return _LATEST.isoformat()
        case "integer":
            return _largest(field)
        case "decimal":
            return f"{_largest(field)}e-{field.scale}"


def _largest(field: Field) -> int:
    minimum = -MAX_NUMBER if field.minimum is None else field.minimum
    maximum = MAX_NUMBER if field.maximum is None else field.maximum
    return max(minimum, maximum, key=abs)


def _text(length: int) -> str:
    """Exactly `length` characters, the last of them no space."""
    repeated = _ORDINARY_TEXT * (length // len(_ORDINARY_TEXT) + 1)
    return repeated[: length - 1] + "ộ"
