"""What two workers remember of ten million credentials: memory of their own, and seconds until they are ready.

    python -m bench.memory [credentials]

The credentials are rows of `status_entry` and nothing else, written by SQL. A process's own memory is `Private_*` of
Linux's /proc/<pid>/smaps without the fingerprint files, which are shared and which the kernel may drop; Pss, with its
share of them, stands beside. What a worker costs with no credential at all is measured first.
"""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import asyncpg

from khoso.config import Config
from khoso.formats.status_list import SIZE
from khoso.wiring import STATUSES

from . import town
from .load import BenchError, cpu_seconds, drive
from .verify_http import CONNECTIONS, WORKERS

CREDENTIALS = 10_000_000
DEMAND_MB = 16
_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ ")
_CODES = 200


class Memory(NamedTuple):
    """Kilobytes of one process."""

    own: int
    """Private, fingerprint files left out."""
    files: int
    """Resident in the fingerprint files, whoever else has them."""
    pss: int


def read_memory(pid: int) -> Memory:
    own = files = pss = 0
    of_files = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if _MAPPING.match(line):
            of_files = f"/{STATUSES}/" in line
            continue
        name, _, rest = line.partition(":")
        kilobytes = int(rest.split()[0]) if rest.endswith("kB") else 0
        pss += kilobytes if name == "Pss" else 0
        files += kilobytes if name == "Rss" and of_files else 0
        own += kilobytes if name.startswith("Private_") and not of_files else 0
    return Memory(own, files, pss)


def list_workers(launcher: int) -> list[int]:
    """The web workers: those processes below the launcher that serve, not its helpers."""
    children = subprocess.run(["ps", "--ppid", str(launcher), "-o", "pid="], capture_output=True, text=True, check=True)
    found = [pid for pid in map(int, children.stdout.split()) if b"spawn_main" in _command(pid)]
    if len(found) != WORKERS:
        raise BenchError(f"{len(found)} workers found, {WORKERS} started")
    return found


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def fill(config: Config, credentials: int) -> None:
    """Lists of synthetic entries behind those there are; one in fifty is withdrawn."""
    conn = await asyncpg.connect(config.database_owner_url)
    await conn.execute(
        """
        ALTER TABLE status_entry DROP CONSTRAINT status_entry_pkey;
        DROP INDEX status_entry_changes
        """
    )
    for list_id, count in _lists(credentials):
        await conn.execute(
            """
            INSERT INTO status_entry
            SELECT $1::integer, i, CASE WHEN i % 50 = 0 THEN 1 ELSE 0 END, i / 100,
                   sha256(int8send($1::integer::bigint << 32 | i)),
                   '00000000-0000-4000-8000-000000000000', '00000000-0000-4000-8000-000000000000',
                   '\\x0000000000000000'
              FROM generate_series(0, $2::integer - 1) AS i
            """,
            list_id,
            count,
        )
        await conn.execute(
            "INSERT INTO status_list VALUES ($1::integer, sha256(int4send($1::integer)), $2, $3)",
            list_id,
            count,
            SIZE // 100 + 1,
        )
    await conn.execute("ALTER TABLE status_entry ADD PRIMARY KEY (list_id, status_index)", timeout=600)
    await conn.execute("CREATE INDEX status_entry_changes ON status_entry (list_id, list_version)", timeout=600)
    await conn.execute("VACUUM ANALYZE status_entry", timeout=600)
    await conn.close()


def _lists(credentials: int) -> Iterator[tuple[int, int]]:
    for place, start in enumerate(range(0, credentials, SIZE)):
        yield 1_000 + place, min(SIZE, credentials - start)


class Start(NamedTuple):
    """Seconds until the first answer, and processor seconds of all processes till then, PostgreSQL's left out."""

    seconds: float
    cpu_seconds: float


def measure(config: Config, bodies: Path) -> tuple[Start, list[Memory]]:
    """How it started, and what each worker takes once it has answered some thousands."""
    began = time.monotonic()
    with town.start(config, WORKERS) as server:
        start = Start(time.monotonic() - began, cpu_seconds(server.pid))
        drive(server.origin + "/api/v1/verify", bodies, server.pid, connections=CONNECTIONS, seconds=3)
        return start, [read_memory(pid) for pid in list_workers(server.pid)]


def report(name: str, start: Start, memories: list[Memory]) -> None:
    own, files, pss = (max(column) / 1024 for column in zip(*memories, strict=True))
    print(f"{name:>12}  ready in {start.seconds:.1f} s with {start.cpu_seconds:.1f} s of processor", end="   ")
    print(f"own {own:.1f} MB   Pss {pss:.1f} MB   files mapped {files:.1f} MB")


def main() -> None:
    credentials = int(sys.argv[1]) if len(sys.argv) > 1 else CREDENTIALS
    with town.town() as config:
        bodies = town.issue_corpus(config, _CODES).bodies
        start, before = measure(config, bodies)
        report("none", start, before)
        began = time.monotonic()
        asyncio.run(fill(config, credentials))
        print(f"{'':>12}  {credentials:,} rows written in {time.monotonic() - began:.0f} s")
        for name in ("first start", "next start"):
            start, after = measure(config, bodies)
            report(name, start, after)
        more = max(a.own for a in after) - max(b.own for b in before)
        print(f"for {credentials:,} credentials: {more / 1024:.1f} MB of its own a worker   (demand {DEMAND_MB})")


if __name__ == "__main__":
    main()
