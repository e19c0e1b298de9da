"""Holds on whoever issued too much, to look at, and to release by another person."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import msgspec

from khoso import db
from khoso.auditing import store as auditing
from khoso.bounds import Bounds
from khoso.caller import Caller, Hierarchy, purview_of
from khoso.db import Pool
from khoso.errors import HoldReleased, InputProblem, InvalidInput, NotFound, SecondPersonNeeded
from khoso.inputs import check_text
from khoso.issuance import pace_store as store
from khoso.issuance.model import Hold, HoldPage, IssuingRule
from khoso.paging import Position, next_cursor, read_cursor

APPROVE = "credentials:approve"

MOST = 2_000_000_000
"""What the numbers of a rule may be at most: as good as no rule, and PostgreSQL can count to it."""


class Holds:
    """All holds, each seen by whoever is held, and by those who may approve in the agency for which he issued."""

    def __init__(self, pool: Pool, hierarchy: Callable[[], Hierarchy], now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._hierarchy = hierarchy
        self._now = now

    async def list_holds(self, caller: Caller, cursor: str | None, limit: int) -> HoldPage:
        """A page of holds, newest first. Raises InvalidInput for a bad cursor."""
        agencies = sorted(purview_of(caller, self._hierarchy(), APPROVE).agencies)
        before = read_cursor(cursor)
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            found = await store.list_holds(conn, agencies, caller.subject, before, limit + 1)
        return HoldPage(found[:limit], next_cursor(found, limit, _position))

    async def release(self, hold_id: UUID, reason: str, caller: Caller) -> Hold:
        """Let somebody issue again, for a reason. Again changes nothing.

        Raises NotFound, InvalidInput without a reason, SecondPersonNeeded for who is held himself, and HoldReleased if
        somebody else was first.
        """
        check_text("reason", reason)
        agencies = purview_of(caller, self._hierarchy(), APPROVE).agencies
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            hold = await store.find_hold(conn, hold_id)
            if hold is None or not (hold.agency_code in agencies or hold.subject == caller.subject):
                raise NotFound(hold_id)
            if hold.subject == caller.subject:
                raise SecondPersonNeeded(hold_id)
            now = self._now()
            if await store.release_hold(conn, hold, caller.subject, reason, now):
                entry = auditing.Entry(caller.subject, "release_issuing", f"{hold.subject} {hold_id}")
                await auditing.append(conn, [entry], now)
                return msgspec.structs.replace(hold, released_by=caller.subject, release_reason=reason, released_at=now)
            released = await store.find_hold(conn, hold_id)
        if released is None or (released.released_by, released.release_reason) != (caller.subject, reason):
            raise HoldReleased(hold_id)
        return released

    async def list_rules(self) -> list[IssuingRule]:
        """What is too fast, in each agency that has a rule of its own, and in all others ('')."""
        async with db.transaction(self._pool) as conn:
            return await store.list_rules(conn)

    async def set_rule(self, rule: IssuingRule, actor: str) -> None:
        """Say what is too fast in an agency; '' in all that have no rule of their own. Raises InvalidInput."""
        if not (1 <= rule.per_hour <= MOST and 1 <= rule.times_usual <= MOST):
            message = f"cả hai số phải từ 1 đến {MOST} | both numbers are from 1 to {MOST}"
            raise InvalidInput(InputProblem("per_hour", "out_of_range", message))
        async with db.transaction(self._pool) as conn:
            await store.set_rule(conn, rule)
            said = msgspec.json.encode(rule).decode()
            await auditing.append(conn, [auditing.Entry(actor, "set_issuing_rule", said)], self._now())


def _position(hold: Hold) -> Position:
    return hold.held_at, hold.hold_id
