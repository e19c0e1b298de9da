"""Roles, and who has which of them where."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its offset."""


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """What is given together: a name for some scopes."""

    role: str
    name_vi: str
    name_en: str
    scopes: list[str]


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A subject has a role in an agency and all below it. It is ended, and never forgotten."""

    assignment_id: UUID
    subject: str
    role: str
    agency_code: str
    type_code: str | None
    """The one result type that it is limited to; None: every type."""
    valid_from: datetime
    valid_until: datetime | None
    granted_by: str
    granted_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
