"""The program the tests kill: runs an EmbeddedPostgres until it is told to stop.

usage: launcher.py BASE BINDIR [UID]      with UID it first becomes that user, as only root can
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg

from khoso.embedded import EmbeddedPostgres


async def note(dsn: str, text: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        await connection.execute("INSERT INTO note VALUES ($1)", text)
    finally:
        await connection.close()


def become(uid: int) -> None:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def main() -> None:
    base, bindir, *uid = sys.argv[1:]
    if uid:
        become(int(uid[0]))
    with EmbeddedPostgres(Path(base), bindir=Path(bindir)) as server:
        try:
            print(server.dsn(), flush=True)
            signal.pause()
        except KeyboardInterrupt:
            # The database is still there for whoever has to tidy up.
            asyncio.run(note(server.dsn(), "written after Ctrl-C"))


if __name__ == "__main__":
    main()
