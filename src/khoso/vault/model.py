"""A result as its holder or its agency sees it."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from khoso.caller import Purview
from khoso.text import Words

StatusName = Literal["valid", "revoked", "suspended", "superseded"]
STATUS_NAMES: tuple[StatusName, ...] = ("valid", "revoked", "suspended", "superseded")
"""By the number in the status list (for a recorded result, 1 is revoked)."""


class Reader(msgspec.Struct, frozen=True):
    """Whose eyes: a vault's own, or those in whose purview a result is. Anything else sees nothing."""

    vault_id: UUID | None
    purview: Purview


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One result in a vault, as stored."""

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
    signed: bytes
    lookup_secret: str
    status: int
    status_since: datetime


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `status_act`."""

    act: str
    reason_code: str
    decision_number: str
    acted_at: datetime
    effective_at: datetime
    superseded_by: str | None
    order_id: UUID
    actor: str
    approver: str | None


class ActView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One administrative act in a result's history."""

    act: str
    reason_code: str
    reason: Words
    decision_number: str
    acted_at: datetime
    effective_at: datetime
    """From when it was decided; `acted_at` is when it was done."""
    superseded_by: str | None
    order_id: UUID | None = None
    """Told to the agency alone, as are author and approver of the order."""
    author: str | None = None
    approver: str | None = None


class IssueView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a result came to be."""

    issued_at: datetime
    dossier_code: str | None
    """Its ground; null where there was no dossier, but a legal basis and a decision."""
    legal_basis: str | None
    decision_number: str | None
    issued_by: str | None = None
    """Told to the agency alone, as are the next two."""
    drafted_by: str | None = None
    """Who drafted it, where it took two persons; then `issued_by` is who approved it."""
    on_behalf_of: str | None = None
    """Whose right he used, where it was delegated to him."""


class History(msgspec.Struct, frozen=True):
    """How a result came to be, and all acts on it, oldest first."""

    issue: IssueView
    items: list[ActView]


class CredentialSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A result in a list."""

    result_code: str
    type_code: str
    type_version: int
    agency_code: str
    holder_name: str
    status: StatusName
    issued_at: datetime
    valid_from: datetime
    expires_at: datetime | None


class CredentialView(CredentialSummary, frozen=True, kw_only=True):
    """A whole result with its signed copy and its history."""

    dossier_code: str | None
    """On what ground it was issued; null where there was no dossier, but a legal basis and a decision."""
    legal_basis: str | None
    decision_number: str | None
    fields: dict[str, Any]
    status_since: datetime
    lookup_code: str
    code: str
    """The text of the QR code; behind the # it is the signed copy itself."""
    history: list[ActView]


class Page(msgspec.Struct, frozen=True):
    """A page of a list; `next_cursor` asks for the following one."""

    items: list[CredentialSummary]
    next_cursor: str | None
