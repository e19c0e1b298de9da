"""What anybody asks for who wants a result: the same at the counter, in a file, and in a draft."""

from datetime import date
from typing import Any, Literal

import msgspec


class Holder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose result it is: the vault is found by `id`."""

    kind: Literal["person", "organisation"]
    id: str
    """Personal id (12 digits) or tax code."""
    name: str


class IssueRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One result to issue."""

    type_code: str
    holder: Holder
    fields: dict[str, Any]
    dossier_code: str | None = None
    """On what ground: the dossier in which it was decided. Where there was none, both of the next two."""
    legal_basis: str | None = None
    decision_number: str | None = None
    valid_from: date | None = None
    """First day in force; the day of issue if absent."""
    valid_until: date | None = None
    """Last day in force; the result type's own term if absent."""
    evidence_level: Literal[1, 2] = 1
    """1: the agency's signed original; 2: a paper's scan signed by an officer."""
