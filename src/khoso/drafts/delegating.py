"""Delegations: an approver lets another person approve for him, for a time, and nothing that he may not himself."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from khoso import db
from khoso.auditing import store as auditing
from khoso.bounds import Bounds
from khoso.caller import Caller, Purview, purview_of
from khoso.db import Connection, Pool
from khoso.drafts import store
from khoso.drafts.approving import Approver, Rights
from khoso.drafts.model import APPROVE, Delegation, DelegationRequest, HierarchyOf, PurviewOf
from khoso.errors import InputProblem, InvalidInput, NotFound, NotPermitted

LONGEST = timedelta(days=92)


async def rights_of(conn: Connection, approver: Approver, purview: PurviewOf, now: datetime) -> Rights:
    """What somebody may approve at this moment.

    A delegation extends to what its delegator may approve now by a right of his own: it ends with that right, and
    cannot be handed on.
    """
    delegations = await store.list_standing(conn, approver.subject, now)
    delegated = [(one, await purview(conn, one.delegator, one.agency_code)) for one in delegations]
    return Rights(approver, delegated)


class Delegations:
    """Everything that is done with delegations."""

    def __init__(self, pool: Pool, hierarchy: HierarchyOf, purview: PurviewOf, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._hierarchy = hierarchy
        self._purview_of = purview
        self._now = now

    async def delegate(self, request: DelegationRequest, caller: Caller) -> Delegation:
        """Let another person approve what the delegator may approve when he acts for that agency.

        Raises InvalidInput, and NotPermitted if he may not approve that by an assignment of his own.
        """
        agency_code, delegator, now = caller.acting_agency, caller.subject, self._now()
        _check(request, delegator, now)
        delegation = Delegation(
            delegation_id=uuid4(),
            agency_code=agency_code,
            delegator=delegator,
            delegate=request.delegate,
            type_codes=None if request.type_codes is None else sorted(set(request.type_codes)),
            made_at=now,
            valid_until=request.valid_until.astimezone(UTC),
        )
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            _check_right(await self._purview_of(conn, delegator, agency_code), delegation)
            await store.insert_delegation(conn, delegation)
            await _audit(conn, now, delegator, "delegate", delegation)
        return delegation

    async def end(self, delegation_id: UUID, caller: Caller) -> Delegation:
        """End a delegation before its time: its delegator may, and whoever may approve in its agency.

        Again changes nothing. Raises NotFound alike for one that is absent and one that is not his to end.
        """
        own = purview_of(caller, self._hierarchy(), APPROVE)
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            delegation = await store.find_delegation(conn, delegation_id)
            if delegation is None or not (
                delegation.delegator == caller.subject or delegation.agency_code in own.agencies
            ):
                raise NotFound(delegation_id)
            now = self._now()
            if await store.end_delegation(conn, delegation_id, caller.subject, now):
                await _audit(conn, now, caller.subject, "end_delegation", delegation)
            ended = await store.find_delegation(conn, delegation_id)
            assert ended is not None  # it was there, and none is ever deleted
            return ended


def _check(request: DelegationRequest, delegator: str, now: datetime) -> None:
    if request.delegate == delegator:
        raise InvalidInput(InputProblem("delegate", "himself", "chọn người khác | name another person"))
    if not now < request.valid_until <= now + LONGEST:
        raise InvalidInput(
            InputProblem(
                "valid_until",
                "out_of_range",
                f"chọn thời điểm trong vòng {LONGEST.days} ngày tới | a time within the next {LONGEST.days} days",
            )
        )


def _check_right(purview: Purview, delegation: Delegation) -> None:
    """Raise NotPermitted for what the delegator may not approve himself."""
    own = delegation.agency_code in purview.agencies
    if not own or not all(purview.has(delegation.agency_code, one) for one in delegation.type_codes or ()):
        raise NotPermitted("nobody delegates what he may not do")


async def _audit(conn: Connection, now: datetime, actor: str, act: str, delegation: Delegation) -> None:
    """With the whole delegation, so that the audit vouches for it."""
    said = msgspec.json.encode(msgspec.structs.replace(delegation, ended_by=None, ended_at=None)).decode()
    await auditing.append(conn, [auditing.Entry(actor, act, said)], now)
