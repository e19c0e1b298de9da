"""Requests that fit the catalogue of Da Nang."""

from typing import Any


def house_permit(serial: int = 1, **changes: Any) -> dict[str, Any]:
    """A request to issue a house-building permit, as JSON."""
    request: dict[str, Any] = {
        "type_code": "KQ.H17.000001",
        "dossier_code": f"H17.05.12-261120-{serial:06}",
        "holder": {"kind": "person", "id": "048078999001", "name": "Nguyễn Hoàng Phước Thịnh"},
        "fields": {
            "address": "K48/12 Nguyễn Thị Minh Khai",
            "owner": "Nguyễn Hoàng Phước Thịnh",
            "parcel": "215/32",
            "floors": 4,
            "height": "15.6",
            "setback": "2.4",
            "start_by": "2027-11-20",
            "permit_number": "218/GPXD",
            "floor_area": "312.5",
            "owner_id": "048078999001",
        },
    }
    return request | changes


def truck_permit(serial: int = 1, **changes: Any) -> dict[str, Any]:
    """A request to issue a truck access permit, as JSON: fields of every kind but choice."""
    request: dict[str, Any] = {
        "type_code": "KQ.H17.000003",
        "dossier_code": f"H17.11-261121-{serial:06}",
        "holder": {"kind": "organisation", "id": "0401234567", "name": "Công ty Vận tải Hoà Khánh"},
        "fields": {
            "plate": "43C-123.45",
            "load": 11.5,
            "streets": ["Bạch Đằng", "Lê Duẩn"],
            "hours": ["22:00-06:00"],
            "operator": "Công ty Vận tải Hoà Khánh",
            "permit_number": "77/GP",
        },
    }
    return request | changes
