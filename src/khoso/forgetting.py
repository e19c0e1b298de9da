"""What is kept only for a while: each kind forgotten by itself, so many rows in a transaction until there are no more.

So no statement runs into its time limit however much there is, and none holds many rows for long.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

import structlog

from khoso import db
from khoso.bounds import Bounds
from khoso.db import Connection, Pool

Forget: TypeAlias = Callable[[Connection, datetime, int], Awaitable[int]]
"""Forgets what is older than that, so many rows at most; answers of how many."""

AT_A_TIME = 1_000

log = structlog.get_logger(__name__)


class Kind(NamedTuple):
    """Something that is kept only for a while."""

    table: str
    forget: Forget
    kept: timedelta


async def forget(pool: Pool, kinds: Iterable[Kind], now: datetime, at_a_time: int = AT_A_TIME) -> None:
    """Forget of each kind what is too old. Raises RuntimeError if any failed, when all the others are done."""
    failed: list[str] = []
    for kind in kinds:
        try:
            await _forget(pool, kind, now, at_a_time)
        except Exception as error:  # noqa: BLE001 - whatever keeps one kind keeps no other
            log.error("not forgotten", table=kind.table, error=type(error).__name__)  # its message may quote a row
            failed.append(kind.table)
    if failed:
        raise RuntimeError(f"not forgotten: {', '.join(failed)}")


async def _forget(pool: Pool, kind: Kind, now: datetime, at_a_time: int) -> None:
    forgotten = at_a_time
    while forgotten == at_a_time:
        async with db.transaction(pool, Bounds(duty="forget")) as conn:
            forgotten = await kind.forget(conn, now - kind.kept, at_a_time)
