"""Drafts and delegations, and what this area asks of issuance."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, Protocol
from uuid import UUID

import msgspec

from khoso.caller import Hierarchy, Purview
from khoso.db import Connection
from khoso.errors import KhosoError
from khoso.issue_request import IssueRequest
from khoso.text import Words

MAX_APPROVED = 1_000
"""Drafts that one act approves."""

APPROVE = "credentials:approve"
ISSUE = "credentials:issue"

HierarchyOf = Callable[[], Hierarchy]
"""The administration as it stands now."""

State = Literal["awaiting_approval", "issued", "rejected", "withdrawn", "lapsed"]
"""awaiting_approval: for another person · issued: by his approval · rejected: by him · withdrawn: by its author ·
lapsed: nobody approved it in time"""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its offset."""

DraftHash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `draft`."""

    draft_id: UUID
    agency_code: str
    author: str
    idempotency_key: str
    request_hash: bytes | None
    """Of the request that came with the key; None once that is forgotten."""
    type_code: str
    type_version: int
    request: str | None
    """Exactly what is asked for, as JSON; None once that is forgotten, some time after the end."""
    draft_hash: bytes
    revision: int
    state: State
    drafted_at: datetime
    revised_at: datetime
    lapses_at: datetime
    approver: str | None = None
    on_behalf_of: str | None = None
    result_code: str | None = None
    ended_by: str | None = None
    end_reason: str | None = None
    ended_at: datetime | None = None

    @property
    def subject(self) -> str:
        """The draft as the audit names it: with the hash of exactly what it said."""
        return f"{self.draft_id} {self.draft_hash.hex()}"


class DraftPage(msgspec.Struct, frozen=True):
    """A page of drafts; `next_cursor` asks for the following one."""

    items: list[Draft]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Paper:
    """A request that passed every check of issuance."""

    type_code: str
    type_version: int
    statement: bytes
    """What the code will say, but for what issuing itself adds."""
    prepared: Any
    """What issuance makes of it: nothing for this room to look into."""


class Hand(NamedTuple):
    """Who drafted a paper, and whose right its approver used, if not his own."""

    drafted_by: str
    on_behalf_of: str | None


class PreviewLine(msgspec.Struct, frozen=True):
    """A field as the paper will show it."""

    label: Words
    shown: Words


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A paper as it would be, if it were issued now. It has no code and no signature, and is worth nothing."""

    mark: Words
    """What to write across it: SPECIMEN."""
    title: Words
    agency: Words
    holder_name: str
    dossier_code: str | None
    legal_basis: str | None
    decision_number: str | None
    valid_from: datetime
    expires_at: datetime | None
    fields: list[PreviewLine]


class Papers(Protocol):
    """What drafts ask of issuance."""

    def look(self, request: IssueRequest, agency_code: str) -> Paper:
        """Check a request. Raises InvalidInput with every problem, NotAuthorisedToIssue or NoSigningKey.

        Called in a thread.
        """
        ...

    def preview(self, request: IssueRequest, agency_code: str) -> Preview:
        """The paper as it would be. Raises as `look`; no key is touched."""
        ...

    async def issue_in(
        self, conn: Connection, papers: Sequence[Paper], approver: str, hands: Sequence[Hand]
    ) -> Sequence[str]:
        """Issue in the caller's transaction, as approved: the result code of each, in order. Raises IssuingHeld."""
        ...


PurviewOf = Callable[[Connection, str, str], Awaitable[Purview]]
"""What a subject may approve at this moment when he acts for an agency; in the caller's transaction."""


class Seen(NamedTuple):
    """A draft as the approver saw it."""

    draft_id: UUID
    draft_hash: bytes


class Outcome(NamedTuple):
    """What became of one draft of an approval."""

    seen: Seen
    draft: Draft | None = None
    error: KhosoError | None = None


class Delegation(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `delegation`: an approver lets another person approve for him."""

    delegation_id: UUID
    agency_code: str
    """The agency for which the delegator acted: it extends to what his right does from there."""
    delegator: str
    delegate: str
    type_codes: list[str] | None
    """Null: every type."""
    made_at: datetime
    valid_until: datetime
    ended_by: str | None = None
    ended_at: datetime | None = None


class DelegationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to let approve, what, and until when."""

    delegate: Annotated[str, msgspec.Meta(pattern="^[!-~]{1,200}$")]
    """The subject of the person's token."""
    type_codes: Annotated[list[str], msgspec.Meta(min_length=1, max_length=100)] | None = None
    """Only results of these types; all if absent."""
    valid_until: Instant
