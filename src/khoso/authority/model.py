"""Roles, and who has which of them where."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

PLATFORM_ADMIN = "platform_admin"
"""The role of which there is always somebody, once there was."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its offset."""


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """What is given together: a name for some scopes."""

    role: str
    name_vi: str
    name_en: str
    scopes: list[str]


class RoleList(msgspec.Struct, frozen=True):
    """All roles there are."""

    items: list[Role]


class AssignmentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role for somebody, in an agency and all below it."""

    subject: str
    """`person:<uuid>` or `client:<id>`."""
    role: str
    agency_code: str
    type_code: str | None = None
    """The one result type that it is limited to; if absent, every type."""
    valid_from: Instant | None = None
    """Since when; if absent, at once."""
    valid_until: Instant | None = None
    """When it ends by itself; if absent, never."""


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A subject has a role in an agency and all below it. It is ended, and never forgotten."""

    assignment_id: UUID
    subject: str
    role: str
    agency_code: str
    type_code: str | None
    """The one result type that it is limited to; null: every type."""
    valid_from: datetime
    valid_until: datetime | None
    granted_by: str
    granted_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None

    @property
    def types(self) -> tuple[str, ...]:
        """The types as a purview is asked about them: none named is all of them."""
        return () if self.type_code is None else (self.type_code,)

    def holds_at(self, instant: datetime) -> bool:
        """Whether it gives anything at that time."""
        return (
            self.ended_at is None
            and self.valid_from <= instant
            and (self.valid_until is None or instant < self.valid_until)
        )


class AssignmentPage(msgspec.Struct, frozen=True):
    """A page of assignments, newest first; `next_cursor` asks for the following one."""

    items: list[Assignment]
    next_cursor: str | None


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What to list: all that is given must fit."""

    subject: str | None = None
    role: str | None = None
    agency_code: str | None = None
    past: bool = False
    """Those too that were ended, or have ended by themselves."""
    cursor: str | None = None
    limit: int = 50
