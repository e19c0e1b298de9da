"""What is ordered, how far an order has come, and what is told of it."""

from datetime import datetime
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

import msgspec

from khoso.caller import Purview, everything_of

MAX_LISTED = 1_000
"""Results that a request may name; more come as a file."""

MAX_RESULTS = 200_000
"""Results of one order."""

MAX_FILE_BYTES = 8 << 20

Act = Literal["revoke", "suspend", "restore", "supersede"]

State = Literal["awaiting_approval", "scheduled", "carried_out", "failed", "cancelled"]
"""awaiting_approval: a second person is asked · scheduled: it waits for its time, or for the worker ·
carried_out: all of it · failed: none of it, for it could not be carried out whole · cancelled: by somebody, before"""

StatusName = Literal["valid", "revoked", "suspended", "superseded"]
STATUS_NAMES: tuple[StatusName, ...] = ("valid", "revoked", "suspended", "superseded")
"""By the number in the status list (for a recorded result, 1 is revoked)."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its offset."""


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was decided: who decided stands in the decision."""

    act: Act
    reason_code: str
    decision_number: str
    effective_at: Instant | None = None
    """From when; at once if absent."""


class StatusAct(Decision, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision on one result."""

    superseded_by: str | None = None
    """Result code of the newer result; only with `supersede`."""


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Results of the caller's agency by how they were issued: all that is given must fit."""

    issued_by: str | None = None
    """The subject of the token with which they were issued."""
    type_code: str | None = None
    issued_from: Instant | None = None
    issued_until: Instant | None = None
    """They were issued before it."""
    status: StatusName | None = None
    """Their present status; if absent, every status from which the act leads, but `revoked` only if it is named."""


Codes = Annotated[list[str], msgspec.Meta(min_length=1, max_length=MAX_LISTED)]
Replacements = Annotated[dict[str, str], msgspec.Meta(min_length=1, max_length=MAX_LISTED)]


class OrderRequest(Decision, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order: what was decided, about which results, in exactly one of three ways."""

    results: Codes | None = None
    """Result codes."""
    replacements: Replacements | None = None
    """With `supersede`: the code of each old result, and that of the newer one which takes its place."""
    query: Query | None = None
    expected_count: int | None = None
    """With `query`: how many results the preview showed. If reality differs, nothing is ordered."""


class PreviewRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order that is only asked about."""

    act: Act
    results: Codes | None = None
    replacements: Replacements | None = None
    query: Query | None = None


class FileRequest(Decision, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order whose results come in a file."""

    only_valid: bool = False
    """Leave out wrong lines instead of refusing the file."""


class Orderer(NamedTuple):
    """Who orders, in whose name, and what he may change the status of."""

    agency_code: str
    author: str
    purview: Purview

    @classmethod
    def of(cls, agency_code: str, author: str) -> "Orderer":
        """Somebody who may change everything that his agency has issued."""
        return cls(agency_code, author, everything_of(agency_code))


class Wanted(NamedTuple):
    """One result as it was asked for."""

    field: str
    """Where, as an answer names it: `line 7`."""
    result_code: str
    superseded_by: str | None = None
    line_number: int | None = None


class Place(NamedTuple):
    """Where a result code leads."""

    result_code: str
    vault_id: UUID
    credential_id: UUID
    type_code: str


class Chosen(NamedTuple):
    """One result of an order."""

    result_code: str
    vault_id: UUID
    credential_id: UUID
    superseded_by: str | None = None
    successor_id: UUID | None = None


class Fault(NamedTuple):
    """Why a result cannot be in an order, or the order not be carried out."""

    wanted: Wanted
    code: str


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `status_order`."""

    order_id: UUID
    agency_code: str
    author: str
    idempotency_key: str | None
    request_hash: bytes
    act: Act
    reason_code: str
    decision_number: str
    effective_at: datetime | None
    due_at: datetime
    results: int
    type_codes: list[str]
    """The types of its results, each once."""
    order_hash: bytes
    needs_approval: bool
    state: State
    ordered_at: datetime
    approver: str | None = None
    approved_at: datetime | None = None
    cancelled_by: str | None = None
    cancel_reason: str | None = None
    ended_at: datetime | None = None
    faults: int = 0


class OrderPage(msgspec.Struct, frozen=True):
    """A page of an agency's orders; `next_cursor` asks for the following one."""

    items: list[Order]
    next_cursor: str | None


class ListedFault(msgspec.Struct, frozen=True):
    """What was wrong with a line of the file, or with a result when the order was to be carried out."""

    position: int
    line_number: int | None
    result_code: str
    code: str


class FaultPage(msgspec.Struct, frozen=True):
    """A page of them; `next_cursor` asks for the following one."""

    items: list[ListedFault]
    next_cursor: int | None


class OrderedResult(msgspec.Struct, frozen=True):
    """One result of an order."""

    position: int
    result_code: str
    superseded_by: str | None


class ResultPage(msgspec.Struct, frozen=True):
    """A page of an order's results; `next_cursor` asks for the following one."""

    items: list[OrderedResult]
    next_cursor: int | None


class Sample(msgspec.Struct, frozen=True):
    """One of the results that an order would change."""

    result_code: str
    type_code: str
    status: StatusName


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What an order would do now."""

    count: int
    """`expected_count` of the order."""
    needs_approval: bool
    sample: list[Sample]
