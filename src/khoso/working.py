"""The background worker: the publisher, which jobs and chores there are, and what each is given."""

import asyncio
import signal
from datetime import timedelta
from uuid import UUID

from khoso import db, jobs
from khoso.config import Config
from khoso.following import follow, in_background
from khoso.imports import store as imports
from khoso.imports.model import JOB_NAME as IMPORT
from khoso.imports.running import run_import
from khoso.issuance import store as issuance
from khoso.publishing.service import ROUND_SECONDS, Publisher
from khoso.verification import store as verification
from khoso.wiring import Services, check_root, open_services, utc_now

KEYS_KEPT = timedelta(days=7)
"""How long an idempotency key answers for its request."""

ATTEMPTS_KEPT = timedelta(days=1)


async def run_worker(config: Config) -> None:
    """Run jobs and chores, and publish, until SIGTERM or SIGINT."""
    shutdown = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, shutdown.set)
    async with open_services(config, verifying=False) as services:
        check_root(config, services)
        chores = {
            "forget": ("17 * * * *", lambda: _forget(services)),
            "resume": ("* * * * *", lambda: _resume(services)),
            "renew-trust": ("23 * * * *", services.catalogue.renew_trust),
        }
        work = {IMPORT: lambda payload: _import(services, payload)}
        async with in_background(_publish(services.publisher)):
            await jobs.run(config.database_direct_url or config.database_url, work, chores, shutdown)


async def _publish(publisher: Publisher) -> None:
    """One round after the other. Nothing wakes it: every change of the record within a round is one publication."""
    await follow("publications", publisher.publish, asyncio.Event(), ROUND_SECONDS)


async def _import(services: Services, payload: bytes) -> None:
    await run_import(services.pool, services.bulk, UUID(payload.decode()), utc_now)


async def _forget(services: Services) -> None:
    """Drop what is kept only for a while."""
    now = utc_now()
    async with db.connection(services.pool) as conn:
        await issuance.forget_keys(conn, now - KEYS_KEPT)
        await verification.forget_attempts(conn, now - ATTEMPTS_KEPT)


async def _resume(services: Services) -> None:
    """Queue every unfinished import again: a job that failed, when the database was away, is not started by itself."""
    async with db.transaction(services.pool) as conn:
        for import_id in await imports.list_unfinished(conn):
            await jobs.enqueue(conn, IMPORT, str(import_id).encode())
