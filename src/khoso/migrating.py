"""Bring the schema up to date: plain SQL files, forward only, each once."""

import hashlib
import logging
from importlib.resources import files
from pathlib import Path

from pogo_core.util import migrate as pogo

from khoso import db

_LOCK = int.from_bytes(hashlib.sha256(b"khoso migrate").digest()[:7])
"""Advisory lock: two launchers never migrate at once."""


_QUIET = logging.Logger("migrations", logging.ERROR)
"""pogo reports each file that it applies as a warning."""


def migrations_dir() -> Path:
    """The SQL files: inside the installed package, or at the top of a checkout."""
    packaged = Path(str(files("khoso"))) / "migrations"
    return packaged if packaged.is_dir() else packaged.parents[2] / "migrations"


async def migrate(owner_url: str) -> None:
    """Apply what is missing, as the owner of the schema. Raises Unavailable if the database cannot be reached."""
    conn = await db.connect(owner_url)
    try:
        await conn.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await pogo.apply(conn, migrations_dir(), schema_name="public", logger=_QUIET)
    finally:
        await conn.close()
