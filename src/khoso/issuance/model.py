"""What is asked of issuance, what it keeps, and what it answers."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from khoso.formats.claims import Claims


class Holder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose result it is: the vault is found by `id`."""

    kind: Literal["person", "organisation"]
    id: str
    """Personal id (12 digits) or tax code."""
    name: str


class IssueRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One result to issue."""

    type_code: str
    dossier_code: str
    holder: Holder
    fields: dict[str, Any]
    valid_from: date | None = None
    """First day in force; the day of issue if absent."""
    valid_until: date | None = None
    """Last day in force; the result type's own term if absent."""
    evidence_level: Literal[1, 2] = 1
    """1: the agency's signed original; 2: a paper's scan signed by an officer."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A request that passed every check and can be signed once numbers are taken for it."""

    agency_code: str
    dossier_code: str
    holder_key: bytes
    holder_name: str
    fields: dict[str, Any]
    search_text: str
    draft: Claims
    """The claims but for the result code and the status reference."""
    kid: bytes


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `credential`."""

    vault_id: UUID
    credential_id: UUID
    result_code: str
    type_code: str
    type_version: int
    agency_code: str
    dossier_code: str
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
