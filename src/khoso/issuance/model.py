"""What is asked of issuance, what it keeps, and what it answers."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from khoso.formats import lookup
from khoso.formats.claims import Claims
from khoso.issue_request import Holder, IssueRequest

__all__ = ["Approval", "Credential", "Hold", "HoldPage", "Holder", "IssueRequest", "Issued", "IssuingRule", "Prepared"]


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A request that passed every check and can be signed once numbers are taken for it."""

    agency_code: str
    dossier_code: str | None
    legal_basis: str | None
    decision_number: str | None
    holder_key: bytes
    holder_name: str
    fields: dict[str, Any]
    search_text: str
    claims: Claims
    """All but the result code and the status reference."""
    kid: bytes
    four_eyes: bool
    """Whether its type asks for two persons: then it is issued by the approval of a draft, and not otherwise."""


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Why a paper may be issued that takes two persons: somebody else had drafted exactly this."""

    drafted_by: str
    on_behalf_of: str | None
    """Whose right the approver used, if it was not his own."""


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `issuing_hold`: somebody issued too much in an hour."""

    hold_id: UUID
    subject: str
    agency_code: str
    held_at: datetime
    papers: int
    """In that hour."""
    allowed: int
    released_by: str | None = None
    release_reason: str | None = None
    released_at: datetime | None = None


class IssuingRule(msgspec.Struct, frozen=True, kw_only=True):
    """What is too fast: more than both in an hour."""

    agency_code: str
    """Empty: any agency that has no rule of its own."""
    per_hour: int
    times_usual: int
    """How many times the most that he issued in any hour of the last 28 days."""


class HoldPage(msgspec.Struct, frozen=True):
    """A page of holds; `next_cursor` asks for the following one."""

    items: list[Hold]
    next_cursor: str | None


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `credential`."""

    vault_id: UUID
    credential_id: UUID
    result_code: str
    type_code: str
    type_version: int
    agency_code: str
    dossier_code: str | None
    legal_basis: str | None
    decision_number: str | None
    holder_name: str
    fields: dict[str, Any]
    issued_at: datetime
    valid_from: datetime
    expires_at: datetime | None
    evidence_level: int
    list_id: int
    status_index: int
    signed: bytes
    lookup_secret: str
    search_text: str
    status: int
    status_since: datetime

    @property
    def lookup_code(self) -> str:
        """What is printed under the QR for typing."""
        return lookup.compose(self.result_code, self.lookup_secret)


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """What the agency gets back for one result."""

    result_code: str
    lookup_code: str
    """Printed under the QR for typing."""
    code: str
    """The text of the QR code."""
    issued_at: datetime
    valid_from: datetime
    expires_at: datetime | None
