"""How long a check of the whole audit takes, and how much memory.

    python -m bench.audit [rows]

Runs on a PostgreSQL of its own, in one process.
"""

import asyncio
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from khoso import db
from khoso.auditing import service, store
from khoso.auditing.store import Entry
from khoso.db import Pool
from khoso.embedded import EmbeddedPostgres, provision
from khoso.migrating import migrate
from khoso.wiring import utc_now

ROWS = 1_000_000
CHUNK = 1_000
CHECKPOINT_EVERY = 20_000


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    room = Path(tempfile.mkdtemp(prefix="khoso-bench-", dir="/tmp"))
    room.chmod(0o711)  # the account that runs PostgreSQL for root must get through
    try:
        with EmbeddedPostgres(room / "base") as server:
            asyncio.run(_measure(server, rows))
    finally:
        shutil.rmtree(room)


async def _measure(server: EmbeddedPostgres, rows: int) -> None:
    database = await provision(server)
    await migrate(database.owner_dsn)
    key = ec.generate_private_key(ec.SECP256R1())
    async with await db.create_pool(database.app_dsn, 1) as pool:
        began = time.perf_counter()
        for first in range(0, rows, CHUNK):
            await _write(pool, first, min(CHUNK, rows - first))
            if first % CHECKPOINT_EVERY == 0:
                await service.make_checkpoint(pool, key, utc_now())
        written, cpu_written = time.perf_counter(), time.process_time()
        report = await service.check(pool, [key.public_key()], [], begin=_ignore, advance=_ignore)
        checked, cpu_checked = time.perf_counter(), time.process_time()
    if not report.sound or report.rows != rows:
        raise SystemExit(f"wrong: {report}")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{rows} rows written in {written - began:.1f} s, {report.checkpoints} checkpoints signed")
    print(f"checked in {checked - written:.1f} s, {cpu_checked - cpu_written:.1f} s of its own processor time")
    print(f"peak RSS {peak_mb:.0f} MB")


async def _write(pool: Pool, first: int, count: int) -> None:
    entries = [
        Entry("officer-7", "issue", f"H17.05.12-261120-{number:06}-KQ1") for number in range(first, first + count)
    ]
    async with db.transaction(pool) as conn:
        await store.append(conn, entries, utc_now())


def _ignore(_: int) -> None:
    """Nobody looks."""


if __name__ == "__main__":
    main()
