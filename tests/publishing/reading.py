"""A stranger who verifies by what a city publishes, with the formats alone."""

from datetime import timedelta
from pathlib import Path

import asyncpg
import httpx

from desk import Desk
from grounds import ORIGIN, Clock
from khoso.formats import bundle
from khoso.formats.lists import Lists
from khoso.formats.verdict import OFFLINE, verify
from khoso.signing.files import KeyFiles
from khoso.wiring import Services


async def download(client: httpx.AsyncClient, key_dir: Path) -> Lists:
    """The lists of the city, opened under its root."""
    lists = Lists(ORIGIN, KeyFiles(key_dir).roots())
    lists.take(bundle.decode((await client.get("/lists/bundle")).content))
    return lists


def judge(lists: Lists, code: str, clock: Clock) -> str:
    """What that stranger says of a code."""
    return verify(code, ORIGIN, lists.trust, lists.types, lists, int(clock().timestamp()), OFFLINE).outcome.value


async def publish(services: Services) -> dict[str, str]:
    """A round of the publisher; answers what was refused, and why."""
    await services.catalogue.refresh()
    return (await services.publisher.publish()).refused


async def published(desk: Desk) -> asyncpg.Record:
    """The publication of list 0."""
    [row] = await desk.rows("SELECT * FROM status_publication WHERE list_id = 0")
    return row


async def act(desk: Desk, result_code: str, name: str) -> None:
    """An act in a second of its own: acts follow one another in time."""
    desk.clock.forward(timedelta(seconds=1))
    await desk.act(result_code, name)
