"""Drafts and delegations, to look at: what is not within the purview is not there."""

from uuid import UUID

from khoso import db
from khoso.bounds import Bounds
from khoso.caller import Caller, Purview, purview_of
from khoso.db import Pool
from khoso.drafts import store
from khoso.drafts.model import APPROVE, ISSUE, Delegation, Draft, DraftPage, HierarchyOf, State
from khoso.errors import NotFound
from khoso.paging import next_cursor, read_cursor


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
        before = read_cursor(cursor)
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            found = await store.list_drafts(conn, self._purview(caller), state, before, limit + 1)
        return DraftPage(found[:limit], next_cursor(found, limit, lambda one: (one.drafted_at, one.draft_id)))

    async def list_delegations(
        self, caller: Caller, cursor: str | None, limit: int
    ) -> tuple[list[Delegation], str | None]:
        """A page of the delegations of agencies within the purview, and of those by or to the caller; newest first."""
        own = purview_of(caller, self._hierarchy(), APPROVE)
        before = read_cursor(cursor)
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            found = await store.list_delegations(conn, sorted(own.agencies), caller.subject, before, limit + 1)
        return found[:limit], next_cursor(found, limit, lambda one: (one.made_at, one.delegation_id))

    def _purview(self, caller: Caller) -> Purview:
        return purview_of(caller, self._hierarchy(), APPROVE, ISSUE)
