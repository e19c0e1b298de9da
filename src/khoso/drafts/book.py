"""Drafts and delegations, to look at: what is not within the purview is not there."""

import base64
import binascii
from datetime import UTC, datetime
from uuid import UUID

from khoso import db
from khoso.bounds import Bounds
from khoso.caller import Caller, Purview, purview_of
from khoso.db import Pool
from khoso.drafts import store
from khoso.drafts.model import APPROVE, ISSUE, Delegation, Draft, DraftPage, HierarchyOf, State
from khoso.errors import InputProblem, InvalidInput, NotFound

_END = (datetime(9999, 1, 1, tzinfo=UTC), UUID(int=(1 << 128) - 1))


class DraftBook:
    """All drafts, each seen by whoever may issue or approve results of its type for its agency."""

    def __init__(self, pool: Pool, hierarchy: HierarchyOf) -> None:
        self._pool = pool
        self._hierarchy = hierarchy

    async def get_draft(self, draft_id: UUID, caller: Caller) -> Draft:
        """Raises NotFound alike for one that is absent and one outside of the purview."""
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            draft = await store.find_draft(conn, draft_id)
        if draft is None:
            raise NotFound(draft_id)
        self._purview(caller).check_shown(draft.agency_code, draft.type_code)
        return draft

    async def list_drafts(self, caller: Caller, state: State | None, cursor: str | None, limit: int) -> DraftPage:
        """A page of what is within the purview, newest first. Raises InvalidInput for a bad cursor."""
        before = _END if cursor is None else _read_cursor(cursor)
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            found = await store.list_drafts(conn, self._purview(caller), state, before, limit + 1)
        page = found[:limit]
        return DraftPage(page, _cursor(page[-1].drafted_at, page[-1].draft_id) if len(found) > limit else None)

    async def list_delegations(
        self, caller: Caller, cursor: str | None, limit: int
    ) -> tuple[list[Delegation], str | None]:
        """A page of the delegations of agencies within the purview, and of those by or to the caller; newest first."""
        own = purview_of(caller, self._hierarchy(), APPROVE)
        before = _END if cursor is None else _read_cursor(cursor)
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            found = await store.list_delegations(conn, sorted(own.agencies), caller.subject, before, limit + 1)
        page = found[:limit]
        return page, _cursor(page[-1].made_at, page[-1].delegation_id) if len(found) > limit else None

    def _purview(self, caller: Caller) -> Purview:
        return purview_of(caller, self._hierarchy(), APPROVE, ISSUE)


def _cursor(at: datetime, one_id: UUID) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()} {one_id}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, one_id = base64.urlsafe_b64decode(cursor).decode().split(" ")
        return datetime.fromisoformat(at).astimezone(UTC), UUID(one_id)
    except (binascii.Error, ValueError, OverflowError):
        raise InvalidInput(InputProblem("cursor", "cursor", "use next_cursor of the page before")) from None
