"""Reading a vault: what is not the reader's is not there."""

from uuid import UUID

import msgspec

from khoso import db
from khoso.act_reasons import in_words
from khoso.bounds import Bounds
from khoso.db import Pool
from khoso.errors import InputProblem, InvalidInput, NotFound
from khoso.formats import link, lookup
from khoso.paging import Position, next_cursor, read_cursor
from khoso.text import fold
from khoso.vault import store
from khoso.vault.model import (
    STATUS_NAMES,
    Act,
    ActView,
    CredentialSummary,
    CredentialView,
    Entry,
    History,
    IssueView,
    Page,
    Reader,
    StatusName,
)

MAX_PAGE = 100


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What to list of a vault."""

    query: str = ""
    """Words that must all occur, in any order: in names, texts, chosen labels, numbers of dossier or decision, code."""
    type_code: str | None = None
    status: StatusName | None = None
    cursor: str | None = None
    limit: int = 20


class Vaults:
    """All vaults of the city, each read through its own door."""

    def __init__(self, pool: Pool, origin: str) -> None:
        self._pool = pool
        self._origin = origin

    async def list_results(self, vault_id: UUID, search: Search) -> Page:
        """A page of the vault's results, newest first. Raises InvalidInput for a bad cursor or limit."""
        if not 1 <= search.limit <= MAX_PAGE:
            raise InvalidInput(
                InputProblem("limit", "out_of_range", f"chọn từ 1 đến {MAX_PAGE} | from 1 to {MAX_PAGE}")
            )
        async with db.transaction(self._pool, Bounds(vault_id=vault_id)) as conn:
            entries = await store.list_entries(
                conn,
                vault_id,
                words=fold(search.query).split(),
                type_code=search.type_code,
                status=None if search.status is None else STATUS_NAMES.index(search.status),
                before=read_cursor(search.cursor),
                limit=search.limit + 1,
            )
        page = entries[: search.limit]
        return Page([_summary(entry) for entry in page], next_cursor(entries, search.limit, _position))

    async def get_result(self, result_code: str, reader: Reader) -> CredentialView:
        """A whole result. Raises NotFound alike for one that is absent and one that is not the reader's."""
        async with db.transaction(self._pool, _bounds(reader)) as conn:
            place, entry = await self._read(conn, result_code, reader)
            acts = await store.list_acts(conn, place)
        return CredentialView(
            **msgspec.structs.asdict(_summary(entry)),
            dossier_code=entry.dossier_code,
            legal_basis=entry.legal_basis,
            decision_number=entry.decision_number,
            fields=entry.fields,
            status_since=entry.status_since,
            lookup_code=lookup.compose(entry.result_code, entry.lookup_secret),
            code=link.compose(self._origin, entry.signed),
            history=[_told(act) for act in acts],
        )

    async def get_history(self, result_code: str, reader: Reader) -> History:
        """All acts on a result; in whose purview it is sees who is behind each. Raises as `get_result`."""
        async with db.transaction(self._pool, _bounds(reader)) as conn:
            place, entry = await self._read(conn, result_code, reader)
            acts = await store.list_acts(conn, place)
        is_agency = reader.purview.has(entry.agency_code, entry.type_code)
        tell = _told_to_agency if is_agency else _told
        return History(_issue(entry, place if is_agency else None), list(map(tell, acts)))

    async def get_code(self, result_code: str, reader: Reader) -> str:
        """The text of a result's QR code. Raises NotFound as `get_result` does."""
        async with db.transaction(self._pool, _bounds(reader)) as conn:
            _, entry = await self._read(conn, result_code, reader)
        return link.compose(self._origin, entry.signed)

    async def _read(self, conn: db.Connection, result_code: str, reader: Reader) -> tuple[store.Place, Entry]:
        place = await store.find_place(conn, result_code)
        entry = None if place is None else await store.find_entry(conn, place)
        if place is None or entry is None or not _is_readers(entry, reader):
            raise NotFound(result_code)
        return place, entry


def _bounds(reader: Reader) -> Bounds:
    return Bounds(vault_id=reader.vault_id, agencies=tuple(sorted(reader.purview.agencies)))


def _is_readers(entry: Entry, reader: Reader) -> bool:
    return entry.vault_id == reader.vault_id or reader.purview.has(entry.agency_code, entry.type_code)


def _summary(entry: Entry) -> CredentialSummary:
    return CredentialSummary(
        result_code=entry.result_code,
        type_code=entry.type_code,
        type_version=entry.type_version,
        agency_code=entry.agency_code,
        holder_name=entry.holder_name,
        status=STATUS_NAMES[entry.status],
        issued_at=entry.issued_at,
        valid_from=entry.valid_from,
        expires_at=entry.expires_at,
    )


def _issue(entry: Entry, hands: store.Place | None) -> IssueView:
    """How it came to be; with those through whose hands it went, if they are told."""
    return IssueView(
        issued_at=entry.issued_at,
        dossier_code=entry.dossier_code,
        legal_basis=entry.legal_basis,
        decision_number=entry.decision_number,
        issued_by=None if hands is None else hands.issued_by,
        drafted_by=None if hands is None else hands.drafted_by,
        on_behalf_of=None if hands is None else hands.on_behalf_of,
    )


def _told(act: Act) -> ActView:
    return ActView(
        act=act.act,
        reason_code=act.reason_code,
        reason=in_words(act.reason_code),
        decision_number=act.decision_number,
        acted_at=act.acted_at,
        effective_at=act.effective_at,
        superseded_by=act.superseded_by,
    )


def _told_to_agency(act: Act) -> ActView:
    return msgspec.structs.replace(_told(act), order_id=act.order_id, author=act.actor, approver=act.approver)


def _position(entry: Entry) -> Position:
    return entry.issued_at, entry.credential_id
