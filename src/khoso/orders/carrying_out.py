"""The act itself: in the caller's transaction, on all results of an order, or on none.

What takes long, the rows of the vaults, is done first. The status lists, which issuing waits for, are locked last, and
only for as long as their own entries take.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from khoso.db import Connection
from khoso.orders import standing_store as store
from khoso.orders.model import Chosen, Fault, Order, Wanted
from khoso.orders.rules import BECOMES, find_refusal, hash_order
from khoso.orders.standing_store import Key, Standing

_LEAST = timedelta(microseconds=1)


async def carry_out(conn: Connection, order: Order, chosen: Sequence[Chosen], now: datetime) -> list[Fault]:
    """Do what was ordered. What is in the way comes back; then nothing was done. The order's row must be locked."""
    if hash_order(order.order_id, order.agency_code, order.author, order, chosen) != order.order_hash:
        return [Fault(Wanted("order", ""), "altered")]
    standings = await store.lock_standings(conn, _keys(chosen))
    faults = _find_faults(order, chosen, standings)
    if not faults:
        await _change(conn, order, chosen, [standings[one.credential_id] for one in chosen], now)
    return faults


def _keys(chosen: Sequence[Chosen]) -> list[Key]:
    """What is locked, in the order in which it is: the results, and the newer ones that take their places."""
    successors = {(one.vault_id, one.successor_id) for one in chosen if one.successor_id is not None}
    return sorted(successors | {(one.vault_id, one.credential_id) for one in chosen})


def _find_faults(order: Order, chosen: Sequence[Chosen], standings: Mapping[UUID, Standing]) -> list[Fault]:
    faults = []
    for one in chosen:
        newer = None if one.successor_id is None else standings[one.successor_id].status
        status = standings[one.credential_id].status
        code = find_refusal(order.act, status, newer, approved=order.approver is not None)
        if code is not None:
            faults.append(Fault(Wanted(one.result_code, one.result_code), code))
    return faults


async def _change(
    conn: Connection, order: Order, chosen: Sequence[Chosen], standings: Sequence[Standing], now: datetime
) -> None:
    status = BECOMES[order.act]
    # Behind the locks, and later than whatever was done before: the acts on a result are dated in their order, even if
    # the clocks of two machines are not one.
    acted_at = max(now, order.due_at, max(one.status_since for one in standings) + _LEAST)
    await store.change_statuses(conn, sorted((one.vault_id, one.credential_id) for one in chosen), status, acted_at)
    await store.insert_acts(conn, order, chosen, standings, acted_at)
    list_ids = sorted({one.list_id for one in standings})
    versions = await store.raise_list_versions(conn, list_ids)
    await store.change_entries(conn, sorted(standings, key=_index), status, versions)
    await store.announce(conn, list_ids)


def _index(standing: Standing) -> tuple[int, int]:
    return standing.list_id, standing.status_index
