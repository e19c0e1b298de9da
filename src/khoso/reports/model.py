"""A report of an inspector, as it comes in and as it is read."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from khoso.errors import InputProblem, InvalidInput

MAX_PHOTO_BYTES = 4 << 20


class Finding(StrEnum):
    """What does not match."""

    DIFFERS = "differs"
    """What the inspector sees is not what the code says: another plate, address or person."""
    ALTERED = "altered"
    """The print says something else than the code."""
    FORGED = "forged"
    """No genuine code."""
    OTHER = "other"


class ReportRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an inspector found. Everything in it is his word but the paper, which the code proves."""

    report_id: UUID
    """Made by whoever reports, the same however often it is sent."""
    code: Annotated[str, msgspec.Meta(max_length=2_500)]
    """The whole text of the scanned QR code."""
    finding: Finding
    note: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    photo: Annotated[bytes, msgspec.Meta(max_length=MAX_PHOTO_BYTES)] | None = None
    """JPEG, PNG or WebP, in base64."""


class Paper(msgspec.Struct, frozen=True):
    """What the code proved."""

    result_code: str
    type_code: str
    issuer: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report as it is kept."""

    report_id: UUID
    reported_at: datetime
    reporter: str
    reporter_agency: str
    finding: str
    note: str | None
    """None once it is forgotten, and then neither photo nor code is left."""
    result_code: str | None = None
    """None for a code that proved nothing; then `code` is the text that was scanned, until it is forgotten."""
    type_code: str | None = None
    issuer: str | None = None
    code: str | None = None
    has_photo: bool


class Days(msgspec.Struct, frozen=True):
    """Days of Vietnam's calendar, the first and the last among them; without one there is no end on that side."""

    since: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        """Raises InvalidInput if the last is before the first."""
        if self.since and self.until and self.until < self.since:
            raise InvalidInput(
                InputProblem(
                    "until", "before_since", "chọn ngày không sớm hơn since | give a day that is not before since"
                )
            )


class ReportPage(msgspec.Struct, frozen=True):
    """A page of reports, newest first; `next_cursor` asks for the following one."""

    items: list[Report]
    next_cursor: str | None
