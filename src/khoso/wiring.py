"""What a process of Kho Số is made of: every room built once, in order, and handed what it needs of the others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from khoso import db, jobs
from khoso.bulk import BulkIssuing
from khoso.catalogue.service import Catalogue
from khoso.config import Config
from khoso.db import Pool
from khoso.errors import ConfigurationError
from khoso.following import follow, listen
from khoso.imports.service import Imports
from khoso.issuance.service import MAX_BATCH, Issuer
from khoso.observing import REQUEST_TIMES, STATUS_AGE, UNRECORDED, tell_verdicts
from khoso.signing.files import KeyFiles
from khoso.vault.service import Vaults
from khoso.verification.counting import ScanCounts
from khoso.verification.service import Verifier
from khoso.verification.statuses import StatusSnapshot

Clock = Callable[[], datetime]

_AGE_SECONDS = 1.0


def utc_now() -> datetime:
    """The clock of a real process."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Services:
    """The rooms of one process."""

    pool: Pool
    keys: KeyFiles
    catalogue: Catalogue
    statuses: StatusSnapshot
    scan_counts: ScanCounts
    issuer: Issuer
    bulk: BulkIssuing
    imports: Imports
    verifier: Verifier
    vaults: Vaults


@asynccontextmanager
async def open_services(config: Config, now: Clock = utc_now, *, verifying: bool = True) -> AsyncIterator[Services]:
    """Build the rooms and keep their copies of the database fresh until the end.

    A process that verifies nothing need not remember any statuses. Raises ConfigurationError, KeyStoreError or
    Unavailable before anything is served.
    """
    if not config.database_url:
        raise ConfigurationError("KHOSO_DATABASE_URL is missing; `khoso demo` brings a database of its own")
    keys = KeyFiles(config.keys_dir)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(await db.create_pool(config.database_url, config.pool_size))
        async with db.connection(pool) as conn:
            await db.check_role(conn)
            await db.check_schema(conn)
        services = _build(config, pool, keys, now)
        await services.catalogue.refresh()
        if verifying:
            await services.statuses.refresh()
        await stack.enter_async_context(_following(config, services, now, verifying))
        yield services


def _build(config: Config, pool: Pool, keys: KeyFiles, now: Clock) -> Services:
    catalogue = Catalogue(pool, origin=config.public_url, now=now)
    statuses = StatusSnapshot(pool, now)
    scan_counts = ScanCounts(pool, tell_verdicts)
    issuer = make_issuer(config, pool, keys, catalogue, now)
    verifier = Verifier(
        pool,
        lambda: catalogue.snapshot,
        statuses,
        origin=config.public_url,
        now=now,
        counts=scan_counts,
        unrecorded=UNRECORDED.inc,
    )
    bulk = BulkIssuing(issuer, lambda: catalogue.snapshot, now)
    return Services(
        pool=pool,
        keys=keys,
        catalogue=catalogue,
        statuses=statuses,
        scan_counts=scan_counts,
        issuer=issuer,
        bulk=bulk,
        imports=Imports(pool, bulk, jobs.enqueue, now),
        verifier=verifier,
        vaults=Vaults(pool, config.public_url),
    )


def make_issuer(config: Config, pool: Pool, keys: KeyFiles, catalogue: Catalogue, now: Clock) -> Issuer:
    """An issuer by that clock."""
    return Issuer(
        pool,
        lambda: catalogue.snapshot,
        keys.signer,
        origin=config.public_url,
        pepper=keys.holder_pepper(),
        now=now,
        max_batch=MAX_BATCH if config.coalesce else 1,
    )


@asynccontextmanager
async def _following(config: Config, services: Services, now: Clock, verifying: bool) -> AsyncIterator[None]:
    """Keep catalogue and statuses as the database has them."""
    catalogue_changed, status_changed = asyncio.Event(), asyncio.Event()
    wakes = {"khoso_catalogue": catalogue_changed, "khoso_status": status_changed}
    tasks = [
        asyncio.create_task(follow("catalogue", services.catalogue.refresh, catalogue_changed)),
        asyncio.create_task(listen(config.database_direct_url or config.database_url, wakes)),
    ]
    if verifying:
        tasks += [
            asyncio.create_task(follow("statuses", services.statuses.refresh, status_changed)),
            asyncio.create_task(services.scan_counts.keep_flushing()),
            asyncio.create_task(_tell_age(services.statuses, now)),
            asyncio.create_task(REQUEST_TIMES.keep_telling()),
        ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _tell_age(statuses: StatusSnapshot, now: Clock) -> None:
    """Keep the metric of the statuses' age, also and above all while the database is away."""
    while True:
        STATUS_AGE.set(now().timestamp() - statuses.as_of)
        await asyncio.sleep(_AGE_SECONDS)
