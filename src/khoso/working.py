"""The background worker: the publisher, which jobs and chores there are, and what each is given."""

import asyncio
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import msgspec
import structlog

from khoso import db, jobs
from khoso.auditing.service import make_checkpoint
from khoso.bounds import Bounds
from khoso.config import Config
from khoso.db import Pool
from khoso.drafts import forgetting as drafts
from khoso.errors import AuditNotSound, IssuingHeld, KeyStoreError, NoSigningKey, RecordBehind, Unavailable
from khoso.following import follow, in_background
from khoso.forgetting import Kind, forget
from khoso.formats.audit_chain import PrivateKey
from khoso.identity import forgetting as identity
from khoso.imports import store as imports
from khoso.imports.model import JOB_NAME as IMPORT
from khoso.imports.running import run_import
from khoso.issuance import pace_store
from khoso.issuance import store as issuance
from khoso.issuance.pace import USUAL
from khoso.processes import spare_the_collector
from khoso.publishing.service import ROUND_SECONDS, Publisher
from khoso.reports import forgetting as reports
from khoso.signing.files import KeyFiles
from khoso.verification import store as verification
from khoso.verification.keeping import RECEIPTS_KEPT
from khoso.wiring import Services, check_root, open_services, utc_now

KEYS_KEPT = timedelta(days=7)
"""How long an idempotency key answers for its request."""

ATTEMPTS_KEPT = timedelta(days=1)
JOBS_KEPT = timedelta(days=28)

KINDS = (
    Kind("idempotency_key", issuance.forget_keys, KEYS_KEPT),
    Kind("issuing_hour", pace_store.forget_hours, USUAL),
    Kind("lookup_failure", verification.forget_attempts, ATTEMPTS_KEPT),
    Kind("batch_receipt", verification.forget_receipts, RECEIPTS_KEPT),
    Kind("pgqueuer_log", jobs.forget_log, JOBS_KEPT),
    *identity.KINDS,
    *drafts.KINDS,
    *reports.KINDS,
)
"""Everything that is kept only for a while."""

log = structlog.get_logger(__name__)


async def run_worker(config: Config) -> None:
    """Run jobs and chores, and publish, until SIGTERM or SIGINT. Raises KeyStoreError if the audit's key is missing."""
    shutdown = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, shutdown.set)
    audit_key = KeyFiles(config.keys_dir).audit_key()
    async with open_services(config, verifying=False, working=True) as services:
        check_root(config, services)
        spare_the_collector()
        chores = {
            "forget": ("17 * * * *", lambda: forget(services.pool, KINDS, utc_now())),
            "resume": ("* * * * *", lambda: resume_imports(services)),
            "checkpoint": ("*/10 * * * *", lambda: tell_checkpoint(services.pool, audit_key)),
            "lapse": ("41 * * * *", services.drafts.lapse),
            "renew-trust": ("23 * * * *", services.catalogue.renew_trust),
        }
        work = {IMPORT: lambda payload: carry_out_import(services, payload, shutdown.is_set)}
        # Not a chore: the queue's schedule knows minutes, and an order is to be carried out in its second.
        orders_due = follow("orders", services.orders.carry_out_due, asyncio.Event())
        async with in_background(orders_due, _publish(services.publisher)):
            await jobs.run(config.database_direct_url or config.database_url, work, chores, shutdown)


async def _publish(publisher: Publisher) -> None:
    """One round after the other. Nothing wakes it: every change of the record within a round is one publication."""
    await follow("publications", publisher.publish, asyncio.Event(), ROUND_SECONDS)


async def carry_out_import(services: Services, payload: bytes, stopping: Callable[[], bool]) -> None:
    """Carry the import of that id out, or as far as it comes: `resume_imports` has it gone on with."""
    try:
        await run_import(services.pool, services.bulk, UUID(payload.decode()), utc_now, stopping=stopping)
    except (IssuingHeld, NoSigningKey, KeyStoreError, RecordBehind, Unavailable) as error:  # it will pass
        log.warning("import waits", import_id=payload.decode(), reason=type(error).__name__, detail=str(error))


async def resume_imports(services: Services) -> None:
    """Queue every unfinished import again: one that waits, or stopped with its worker, is not started by itself."""
    async with db.transaction(services.pool, Bounds(duty="import")) as conn:
        for import_id in await imports.list_unfinished(conn):
            await jobs.enqueue(conn, IMPORT, str(import_id).encode())


async def tell_checkpoint(pool: Pool, key: PrivateKey) -> None:
    """Sign where the audit ends, and tell it whatever the log's level, for a log system elsewhere to keep."""
    now = utc_now()
    try:
        signed = await make_checkpoint(pool, key, now)
    except AuditNotSound as error:
        log.error("audit not sound", problem=str(error))
        return
    line = {"event": "audit checkpoint", "checkpoint": signed, "level": "info", "timestamp": now}
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()
