"""Orders, to look at: what is outside of the purview of whoever looks is not there."""

from uuid import UUID

from khoso import db
from khoso.bounds import of_agencies
from khoso.caller import Purview
from khoso.db import Connection, Pool
from khoso.errors import NotFound
from khoso.orders import store
from khoso.orders.model import FaultPage, Order, OrderPage, ResultPage, State
from khoso.paging import Position, next_cursor, read_cursor

MAX_PAGE = 1_000


class OrderBook:
    """All orders, each seen by those in whose purview it is."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def get_order(self, order_id: UUID, purview: Purview) -> Order:
        """Raises NotFound alike for one that is absent and one outside of the purview."""
        async with db.transaction(self._pool, of_agencies(purview.agencies)) as conn:
            return await get_order(conn, order_id, purview)

    async def list_orders(self, purview: Purview, state: State | None, cursor: str | None, limit: int) -> OrderPage:
        """A page of the orders in a purview, newest first. Raises InvalidInput for a bad cursor."""
        before = read_cursor(cursor)
        async with db.transaction(self._pool, of_agencies(purview.agencies)) as conn:
            orders = await store.list_orders(conn, purview, state, before, limit + 1)
        return OrderPage(orders[:limit], next_cursor(orders, limit, _position))

    async def list_results(self, order_id: UUID, purview: Purview, cursor: int, limit: int) -> ResultPage:
        """A page of exactly what was ordered. Raises NotFound."""
        async with db.transaction(self._pool, of_agencies(purview.agencies)) as conn:
            await get_order(conn, order_id, purview)
            found = await store.list_results(conn, order_id, cursor, limit + 1)
        return ResultPage(found[:limit], found[limit].position if len(found) > limit else None)

    async def list_faults(self, order_id: UUID, purview: Purview, cursor: int, limit: int) -> FaultPage:
        """A page of what was left out of a file, and of what was in the way when the order's time came.

        Raises NotFound.
        """
        async with db.transaction(self._pool, of_agencies(purview.agencies)) as conn:
            await get_order(conn, order_id, purview)
            found = await store.list_faults(conn, order_id, cursor, limit + 1)
        return FaultPage(found[:limit], found[limit].position if len(found) > limit else None)


async def get_order(conn: Connection, order_id: UUID, purview: Purview) -> Order:
    """Raises NotFound alike for one that is absent and one outside of the purview."""
    order = await store.find_order(conn, order_id)
    if order is None:
        raise NotFound(order_id)
    purview.check_shown(order.agency_code, *order.type_codes)
    return order


def _position(order: Order) -> Position:
    return order.ordered_at, order.order_id
