"""A key is changed while its agency issues: no request fails, and every paper is good."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import msgspec
import pytest

from desk import AGENCY
from grounds import ORIGIN, Clock
from invariants import check_everything
from khoso.config import Config
from khoso.formats import cose, link
from khoso.issuance.model import IssueRequest
from khoso.wiring import Services, open_services
from samples import house_permit

ROTATIONS = 4
AT_ONCE = 12
CLERKS = 8
"""One alone would be held for issuing too fast."""

BETWEEN_SECONDS = 0.7
"""Longer than a worker needs to hear of a key."""


@pytest.fixture
async def workers(config: Config, clock: Clock) -> AsyncIterator[list[Services]]:
    """Two of them, which hear of a change each in its time."""
    async with open_services(config, clock) as one, open_services(config, clock) as other:
        yield [one, other]
    await check_everything(config.database_owner_url)


async def test_no_request_fails_and_every_paper_is_good(workers: list[Services]) -> None:
    issued: list[str] = []
    serials, ending = count(1), asyncio.Event()

    async def keep_issuing(worker: Services) -> None:
        while not ending.is_set():
            serial = next(serials)
            request: Any = msgspec.convert(house_permit(serial), IssueRequest)
            clerk = f"clerk-{serial % CLERKS}"
            issued.append((await worker.issuer.issue(request, AGENCY, clerk, f"own-{serial}")).code)

    async def rotate(worker: Services) -> None:
        for _ in range(ROTATIONS):
            await asyncio.sleep(BETWEEN_SECONDS)
            await worker.custody.add_key(AGENCY, worker.keys.make_agency_key(), "clerk")
        await asyncio.sleep(BETWEEN_SECONDS)

    async with asyncio.TaskGroup() as group:
        for number in range(AT_ONCE):
            group.create_task(keep_issuing(workers[number % 2]))
        await rotate(workers[0])
        ending.set()
    assert len({cose.kid_of(link.parse(code, ORIGIN)) for code in issued}) >= ROTATIONS
    for worker in workers:
        await worker.catalogue.refresh()
        await worker.statuses.refresh()
        for code in issued:
            verdict = (await worker.verifier.verify_code(code, None)).verdict
            assert (verdict.outcome, verdict.reason) == ("in_force", "all_checks_passed")
