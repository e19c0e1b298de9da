"""One realistic permit of each type fits a symbol of version 12 at error correction M, so every phone reads it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from khoso.catalogue import danang
from khoso.formats import claims, cose, link
from khoso.formats.claims import Claims, FieldValue, StatusRef
from khoso.formats.field_values import mask, to_code
from khoso.formats.result_type import ResultType
from khoso.rendering.qr import qr_version

ORIGIN = "https://kho.danang.gov.vn"
ISSUED_AT = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
TYPES = {definition.code: definition for definition in danang.load().types}

# Names, streets and companies as long as they usually get; a ward does not repeat itself in the address.
PERMITS: dict[str, tuple[str, dict[str, Any]]] = {
    "KQ.H17.000001": (
        "H17.05.12",
        {
            "address": "K135/27 Nguyễn Thị Minh Khai",
            "owner": "Nguyễn Hoàng Phước Thịnh",
            "parcel": "215/32",
            "floors": 4,
            "height": "15.6",
            "setback": "2.4",
            "start_by": "2027-11-23",
        },
    ),
    "KQ.H17.000002": (
        "H17.14",
        {
            "address": "135/27 Huỳnh Thúc Kháng, P. Hải Châu",
            "premises": "Cơ sở bánh tráng Thanh Hương",
            "activity": "production_and_trade",
        },
    ),
    "KQ.H17.000003": (
        "H17.11",
        {
            "plate": "43C-123.45",
            "load": "12.5",
            "streets": ["Nguyễn Văn Linh", "Điện Biên Phủ", "Bạch Đằng"],
            "hours": ["09:00-15:30", "20:00-06:00"],
        },
    ),
    "KQ.H17.000004": (
        "H17.05.12",
        {
            "address": "K45/12 Nguyễn Thị Minh Khai",
            "trader": "Công ty TNHH Thương mại Hoàng Gia",
            "goods": "wine",
        },
    ),
    "KQ.H17.000005": (
        "H17.13",
        {
            "name": "Nguyễn Hoàng Thị Thanh Hương",
            "kind": "international",
            "card_number": "148123456",
            "language": "ko",
            "personal_id": "048193123456",
        },
    ),
    "KQ.H17.000006": (
        "H17.11",
        {
            "plate": "43B-012.34",
            "kind": "tourist",
            "operator": "Công ty TNHH Vận tải và Du lịch Phương Đông",
            "badge_number": "DL4326001234",
        },
    ),
    "KQ.H17.000007": (
        "H17.12",
        {
            "vessel_number": "QNa-91234-TS",
            "gear": "purse_seine",
            "zone": "offshore",
            "length": "21.35",
            "port": "Cảng cá Thọ Quang",
            "owner": "Huỳnh Nguyễn Phước Thịnh",
        },
    ),
    "KQ.H17.000008": (
        "H17.05.12",
        {
            "address": "K45/12 Nguyễn Thị Minh Khai",
            "business_name": "Quán ăn gia đình Thanh Hương",
            "main_line": "restaurant",
            "tax_code": "048193123456",
        },
    ),
}


def in_code(definition: ResultType, values: dict[str, Any]) -> dict[int, FieldValue]:
    return {
        field.number: mask(field, to_code(field, values[field.name])) for field in definition.fields if field.in_code
    }


def signed_permit(type_code: str) -> bytes:
    issuer, values = PERMITS[type_code]
    definition = TYPES[type_code]
    ends = None if definition.validity.months is None else ISSUED_AT + timedelta(days=30 * definition.validity.months)
    payload = claims.encode(
        Claims(
            issuer=issuer,
            issued_at=int(ISSUED_AT.timestamp()),
            result_code=f"{issuer}-261120-020175-KQ1",
            type_code=type_code,
            type_version=definition.version,
            status=StatusRef(12, 117_003),
            fields=in_code(definition, values),
            expires_at=None if ends is None else int(ends.timestamp()),
        )
    )
    return cose.assemble(bytes(8), payload, bytes(64))


def test_there_is_one_for_each_type() -> None:
    assert PERMITS.keys() == TYPES.keys()


@pytest.mark.parametrize("type_code", PERMITS)
def test_the_permit_fits_version_12(type_code: str) -> None:
    signed = signed_permit(type_code)
    assert len(signed) <= 256
    assert qr_version(link.compose(ORIGIN, signed)) <= 12


@pytest.mark.parametrize("type_code", PERMITS)
def test_the_permit_says_everything_that_is_in_the_code(type_code: str) -> None:
    named = set(PERMITS[type_code][1])
    assert named == {field.name for field in TYPES[type_code].fields if field.in_code}
