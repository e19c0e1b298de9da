"""An import, the rows of its file, and what this area asks of issuance."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, Protocol, TypeVar
from uuid import UUID

import msgspec

from khoso.db import Connection
from khoso.errors import InputProblem
from khoso.formats.result_type import ResultType

FileFormat = Literal["csv", "xlsx", "ndjson"]
HolderKind = Literal["person", "organisation"]
State = Literal["validating", "rejected", "issuing", "finished", "cancelled"]
"""validating, issuing: under way · rejected: nothing of it was issued · finished: all that was right in it ·
cancelled: by somebody, or because it cannot go on; what was issued before stays issued"""

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_ROWS = 1_000_000
MAX_LISTED = 10_000
"""Faults kept for one import; beyond them only the rows are counted."""

MAX_PROBLEMS = 100
"""Faults kept for one row: the first ones say enough of one that has nothing right."""

MAX_LISTED_NAME = 200
"""Characters kept of the name of a column: nothing bounds what a file calls one."""

JOB_NAME = "import"
"""The name under which a received file is queued; the payload is the import id as text."""


class Fault(NamedTuple):
    """One thing that is wrong with the file."""

    code: str
    message: str
    """What to do about it: "Tiếng Việt | English"."""
    row_number: int = 1
    """As a spreadsheet counts: from 1, the heading included."""
    column: str = ""
    """The column by its heading in the file, or in NDJSON by its path; empty for the row or file as a whole."""


class Unreadable(Exception):
    """The file cannot be read as a table of results."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(*faults)
        self.faults = faults


class Flaw(NamedTuple):
    """In the place of a cell's value: why it has none."""

    code: str
    message: str


class Record(NamedTuple):
    """One row of a file by API path ("dossier_code", "holder.id", "fields.plate"); what is empty is left out."""

    row_number: int
    values: Mapping[str, Any]
    flaws: Sequence[InputProblem] = ()
    """What is wrong with the row already as a row."""


def flawed(row_number: int, code: str, message: str) -> Record:
    """A row that is wrong as a whole."""
    return Record(row_number, {}, [InputProblem("", code, message)])


class Repeats:
    """Tells rows that were there before: what is pasted twice would be issued twice."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}

    def flawed(self, row_number: int, content: str) -> Record | None:
        """The flaw of a row with this content, if it has one; 64 bits of a text's hash do not meet by chance."""
        first = self._first.setdefault(hash(content), row_number)
        if first == row_number:
            return None
        return flawed(
            row_number,
            "repeated_row",
            f"trùng với dòng {first}: bỏ một trong hai dòng | the same as row {first}: remove one of them",
        )


class Table(NamedTuple):
    """The records of a file, read as they are taken; reading raises Unreadable."""

    headings: Mapping[str, str]
    """The heading of each path, where it is not the path itself."""
    records: Iterator[Record]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One result as a file asks for it."""

    dossier_code: str | None
    legal_basis: str | None
    decision_number: str | None
    holder_kind: HolderKind
    holder_id: str
    holder_name: str
    fields: dict[str, Any]
    valid_from: date | None
    valid_until: date | None
    evidence_level: Literal[1, 2]


class Issued(Protocol):
    """What comes back for one issued row."""

    @property
    def result_code(self) -> str: ...

    @property
    def lookup_code(self) -> str: ...


Prepared = TypeVar("Prepared")


class BulkIssuer(Protocol[Prepared]):
    """What an import asks of issuance."""

    def result_type(self, type_code: str, agency_code: str) -> ResultType:
        """The newest version. Raises InvalidInput if there is none, NotAuthorisedToIssue if not for this agency."""
        ...

    def prepare(self, row: Row, type_code: str, agency_code: str) -> Prepared:
        """Check one row. Raises InvalidInput with every problem, NotAuthorisedToIssue, or NoSigningKey.

        Called in a thread.
        """
        ...

    async def check_right(self, conn: Connection, job: "Job") -> None:
        """Raise NotPermitted if the right by which the file was uploaded has ended. In the caller's transaction."""
        ...

    async def issue_in(self, conn: Connection, prepared: Sequence[Prepared], actor: str) -> Sequence[Issued]:
        """Issue in the caller's transaction; one answer for each, in order."""
        ...


Enqueue = Callable[[Connection, str, bytes], Awaitable[None]]
"""Queue a job by name with a payload, in the caller's transaction."""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked with a file."""

    type_code: str
    file_format: FileFormat
    issue_valid: bool
    """Issue the good rows even if others are wrong; otherwise one wrong row rejects the file."""
    idempotency_key: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `import_job`."""

    import_id: UUID
    agency_code: str
    client: str
    idempotency_key: str
    request_hash: bytes
    type_code: str
    file_format: FileFormat
    issue_valid: bool
    state: State
    rows_checked: int
    rows_total: int | None
    rows_invalid: int
    rows_issued: int
    last_row: int
    """Rows up to this one are done: issued, or reported as wrong."""
    created_at: datetime
    finished_at: datetime | None


class Result(msgspec.Struct, frozen=True):
    """One issued row."""

    row_number: int
    result_code: str
    lookup_code: str


class ListedFault(msgspec.Struct, frozen=True):
    """A fault as it is kept; `position` counts the faults of an import from 0."""

    position: int
    row_number: int
    column_name: str
    code: str
    message: str


class FaultPage(msgspec.Struct, frozen=True):
    """A page of a list; `next_cursor` asks for the following one."""

    items: list[ListedFault]
    next_cursor: int | None
