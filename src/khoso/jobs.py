"""Background work on PostgreSQL: enqueued in the transaction that wants it, run by `khoso worker`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from khoso import db
from khoso.db import Connection

if TYPE_CHECKING:  # loaded where it is used: it takes as long as half of all else that a process loads
    import asyncpg
    from pgqueuer import PgQueuer
    from pgqueuer.adapters.persistence.queries import Queries
    from pgqueuer.domain.models import Job, Schedule

Work = Callable[[bytes], Awaitable[None]]
"""What a job does with its payload. It may be started again after a crash, so it must take up where it was."""

_AT_A_TIME = 2
"""Jobs of one kind, in all workers together: an import may hold a file of 64 MB and what is read of it."""

Chore = Callable[[], Awaitable[None]]


async def enqueue(conn: Connection, name: str, payload: bytes) -> None:
    """Enqueue a job in the caller's transaction: it exists exactly if the transaction commits.

    While the same job waits or runs, enqueuing it again does nothing.
    """
    queries = await asyncio.to_thread(_queries, conn)  # the first time it loads the library, while others are served
    await queries.enqueue(name, payload, dedupe_key=f"{name} {payload.hex()}", on_conflict="skip")


async def forget_log(conn: Connection, before: datetime, limit: int) -> int:
    """Drop so many rows of the queue's own history that are older; answers how many there were."""
    return await db.count_touched(
        conn,
        "DELETE FROM pgqueuer_log WHERE id IN (SELECT id FROM pgqueuer_log WHERE created < $1 LIMIT $2)",
        before,
        limit,
    )


async def run(
    url: str, work: Mapping[str, Work], chores: Mapping[str, tuple[str, Chore]], shutdown: asyncio.Event
) -> None:
    """Run jobs by name and chores by cron expression until `shutdown` is set; survives an absent database.

    `url` must lead to PostgreSQL past any pooler, for it listens.
    """

    import pgqueuer
    from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver

    @asynccontextmanager
    async def queue() -> AsyncIterator["PgQueuer"]:
        conn = await db.connect(url)
        try:
            yield _register(pgqueuer.PgQueuer(AsyncpgDriver(conn)), work, chores)
        finally:
            conn.terminate()

    await pgqueuer.run(
        queue,
        dequeue_timeout=timedelta(seconds=5),
        batch_size=2,
        heartbeat_timeout=timedelta(seconds=20),
        restart_on_failure=True,
        restart_delay=timedelta(seconds=2),
        shutdown=shutdown,
    )


def _queries(conn: Connection) -> "Queries":
    from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
    from pgqueuer.adapters.persistence.queries import Queries

    return Queries(AsyncpgDriver(cast("asyncpg.Connection", conn)))


def _register(queue: "PgQueuer", work: Mapping[str, Work], chores: Mapping[str, tuple[str, Chore]]) -> "PgQueuer":
    for name, one in work.items():
        queue.entrypoint(name, concurrency_limit=_AT_A_TIME)(_job(one))
    for name, (cron, chore) in chores.items():
        queue.schedule(name, cron)(_scheduled(chore))
    return queue


def _job(work: Work) -> Callable[["Job"], Awaitable[None]]:
    async def run_job(job: "Job") -> None:
        await work(job.payload or b"")

    return run_job


def _scheduled(chore: Chore) -> Callable[["Schedule"], Awaitable[None]]:
    async def run_chore(_: "Schedule") -> None:
        await chore()

    return run_chore
