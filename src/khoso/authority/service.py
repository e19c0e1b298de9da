"""Giving roles and ending them. Every change is one transaction, with its audit row."""

from collections.abc import Awaitable, Callable, Container
from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from khoso import db
from khoso.auditing import store as auditing
from khoso.authority import store
from khoso.authority.model import (
    PLATFORM_ADMIN,
    Assignment,
    AssignmentPage,
    AssignmentRequest,
    Role,
    Search,
)
from khoso.bounds import Bounds
from khoso.caller import ENTRUSTED, Caller, Grant, Hierarchy, Purview, purview_of
from khoso.db import Connection, Pool
from khoso.errors import UNKNOWN_TYPE, InputProblem, InvalidInput, LastAdministrator, NotFound
from khoso.inputs import check_instant
from khoso.paging import Position, next_cursor, read_cursor

ADMINISTER = "assignments:write"

ASSIGNING = Bounds(duty="assign")

MAX_PAGE = 200

EndTokens = Callable[[Connection, str, datetime], Awaitable[None]]
"""Ends all tokens of a subject that were made before that time, in the caller's transaction."""


class Authority:
    """Everything that is done with roles and assignments."""

    def __init__(
        self,
        pool: Pool,
        hierarchy: Callable[[], Hierarchy],
        types: Callable[[], Container[str]],
        end_tokens: EndTokens,
        now: Callable[[], datetime],
    ) -> None:
        """`types` are the codes of the result types that there are."""
        self._pool = pool
        self._hierarchy = hierarchy
        self._types = types
        self._end_tokens = end_tokens
        self._now = now

    async def grants_of(self, conn: Connection, subject: str, at: datetime | None = None) -> list[Grant]:
        """What a subject may do at this moment, in the caller's transaction; nothing for one that nobody knows.

        At another one: what he might, by what was not ended since.
        """
        return await store.list_grants(conn, subject, at or self._now())

    async def list_roles(self) -> list[Role]:
        """All roles there are, by name."""
        async with db.transaction(self._pool) as conn:
            return await store.list_roles(conn)

    async def list_assignments(self, search: Search, caller: Caller) -> AssignmentPage:
        """A page of the assignments that the caller administers. Raises InvalidInput for a bad cursor."""
        before = read_cursor(search.cursor)
        async with db.transaction(self._pool, ASSIGNING) as conn:
            found = await store.list_assignments(
                conn, self._purview(caller, ADMINISTER), search, self._now(), before, search.limit + 1
            )
        return AssignmentPage(found[: search.limit], next_cursor(found, search.limit, _position))

    async def assign(self, request: AssignmentRequest, caller: Caller) -> Assignment:
        """Give somebody a role. Raises InvalidInput, and NotPermitted unless the caller may give it there."""
        now = self._now()
        if request.type_code is not None and request.type_code not in self._types():
            raise InvalidInput(UNKNOWN_TYPE)
        check_instant("valid_from", request.valid_from)
        check_instant("valid_until", request.valid_until)
        assignment = Assignment(
            assignment_id=uuid4(),
            subject=request.subject,
            role=request.role,
            agency_code=request.agency_code,
            type_code=request.type_code,
            valid_from=request.valid_from or now,
            valid_until=request.valid_until,
            granted_by=caller.subject,
            granted_at=now,
        )
        async with db.transaction(self._pool, ASSIGNING) as conn:
            self._check_may_give(caller, assignment, await _get_scopes(conn, request.role))
            await store.insert_assignment(conn, assignment)
            await audit(conn, caller.subject, "assign", assignment, now)
        return assignment

    async def end(self, assignment_id: UUID, caller: Caller) -> Assignment:
        """End an assignment, and the tokens made by it. Ending it again changes nothing.

        Raises NotFound outside of what the caller administers, NotPermitted for a role that he could not give, and
        LastAdministrator.
        """
        now = self._now()
        async with db.transaction(self._pool, ASSIGNING) as conn:
            await store.lock_administrators(conn)
            assignment = await store.find_assignment(conn, assignment_id)
            if assignment is None:
                raise NotFound(assignment_id)
            self._purview(caller, ADMINISTER).check_shown(assignment.agency_code, *assignment.types)
            self._check_may_give(caller, assignment, await _get_scopes(conn, assignment.role))
            if assignment.ended_at is not None:
                return assignment
            await self._check_not_the_last(conn, assignment, now)
            await store.end_assignment(conn, assignment_id, caller.subject, now)
            await self._end_tokens(conn, assignment.subject, now)
            await audit(conn, caller.subject, "end_assignment", assignment, now)
        return msgspec.structs.replace(assignment, ended_at=now, ended_by=caller.subject)

    async def _check_not_the_last(self, conn: Connection, assignment: Assignment, now: datetime) -> None:
        if assignment.role != PLATFORM_ADMIN or not assignment.holds_at(now):
            return
        if not await store.has_administrator(conn, now, besides=assignment.assignment_id):
            raise LastAdministrator(assignment.assignment_id)

    def _check_may_give(self, caller: Caller, assignment: Assignment, scopes: list[str]) -> None:
        """Nobody gives, or takes, more than he has there; only what is entrusted to him he need not have himself."""
        for scope in (ADMINISTER, *(scope for scope in scopes if scope not in ENTRUSTED)):
            self._purview(caller, scope).check_asked(assignment.agency_code, *assignment.types)

    def _purview(self, caller: Caller, scope: str) -> Purview:
        return purview_of(caller, self._hierarchy(), scope)


async def audit(conn: Connection, actor: str, act: str, assignment: Assignment, now: datetime) -> None:
    """Write down who gave what to whom, or ended it; last in the transaction."""
    what = (assignment.subject, assignment.role, assignment.agency_code, assignment.type_code or "*")
    subject = " ".join((str(assignment.assignment_id), *what))
    await auditing.append(conn, [auditing.Entry(actor, act, subject)], now)


async def _get_scopes(conn: Connection, role: str) -> list[str]:
    for one in await store.list_roles(conn):
        if one.role == role:
            return one.scopes
    raise InvalidInput(InputProblem("role", "unknown", "không có vai trò này | no such role"))


def _position(assignment: Assignment) -> Position:
    return assignment.granted_at, assignment.assignment_id
