"""Keep up with the database: polled for certain, woken early by a NOTIFY."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

from khoso import db
from khoso.errors import ConfigurationError, Unavailable

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
_PAUSE_SECONDS = 0.1
"""Least time between two refreshes: a busy database is not asked again for every commit."""

_RECONNECT_SECONDS = 2.0
_ALIVE_SECONDS = 10.0


@asynccontextmanager
async def in_background(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let these run until the end, and cancel them then."""
    tasks = [asyncio.create_task(one) for one in work]
    for task in tasks:
        task.add_done_callback(_tell_failure)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error(
            "background work ended", what=getattr(task.get_coro(), "__qualname__", ""), error=type(error).__name__
        )


async def follow(
    name: str, refresh: Callable[[], Awaitable[object]], wake: asyncio.Event, every: float | None = None
) -> None:
    """Refresh whenever `wake` is set, and at least twice a second or `every` so many; runs until cancelled.

    The database may be away, and whatever else fails is logged by its kind and tried again: the copy's age tells.
    """
    available = True
    while True:
        wake.clear()
        try:
            await refresh()
        except Exception as error:  # noqa: BLE001 - a follower that ended would leave its copy to grow old in silence
            if available:
                log.warning("not kept up", what=name, error=_without_values(error))
            available = False
        else:
            available = True
        await asyncio.sleep(_PAUSE_SECONDS)
        # Not wait_for: before Python 3.12 it swallows a cancellation that arrives together with the event.
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS if every is None else every):
                await wake.wait()


def _without_values(error: Exception) -> str:
    """What may be logged: PostgreSQL's messages quote rows, msgspec's quote values."""
    return str(error) if isinstance(error, Unavailable) else type(error).__name__


async def listen(url: str, wakes: Mapping[str, asyncio.Event]) -> None:
    """Set the event of a channel at each NOTIFY on it; reconnects for ever, runs until cancelled.

    A notification is a hint: one that is lost while reconnecting costs a poll's delay and nothing else.
    """
    while True:
        with suppress(Unavailable, ConfigurationError):  # its database may be gone while it is being restored
            await _listen_once(url, wakes)
        await asyncio.sleep(_RECONNECT_SECONDS)


async def _listen_once(url: str, wakes: Mapping[str, asyncio.Event]) -> None:
    with db.translating_absence():
        conn = await db.connect(url)
        try:
            for channel, wake in wakes.items():
                await conn.add_listener(channel, lambda *_, wake=wake: wake.set())
            while True:
                await asyncio.sleep(_ALIVE_SECONDS)
                await conn.execute("SELECT 1")
        finally:
            conn.terminate()
