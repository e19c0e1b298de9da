"""The cut-offs in the database. The connection comes first: the service owns the transaction."""

from datetime import datetime, timedelta

import msgspec

from khoso import db
from khoso.db import Connection

CHANNEL = "khoso_tokens"


class Cutoff(msgspec.Struct, frozen=True):
    """Tokens of `subject` issued before `ended_at` are refused."""

    subject: str
    ended_at: datetime
    version: int


async def lock(conn: Connection, subject: str) -> None:
    """Until the end of the transaction nobody else makes or ends tokens of that subject."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 8))", subject)


async def raise_version(conn: Connection) -> int:
    """The version of a change: until this transaction ends no other change begins. The commit tells every worker."""
    version: int = await conn.fetchval("UPDATE token_cutoff_version SET version = version + 1 RETURNING version")
    await conn.execute("SELECT pg_notify($1, '')", CHANNEL)
    return version


async def end(conn: Connection, subject: str, at: datetime, version: int) -> None:
    """Note a cut-off, at a whole second, for that is what tokens count in."""
    await conn.execute(
        """
        INSERT INTO token_cutoff (subject, ended_at, version) VALUES ($1, $2, $3)
            ON CONFLICT (subject)
            DO UPDATE SET ended_at = greatest(token_cutoff.ended_at, excluded.ended_at), version = excluded.version
        """,
        subject,
        at.replace(microsecond=0) + timedelta(seconds=1),
        version,
    )


async def get_version(conn: Connection) -> int:
    """The version of the newest cut-off; 0 if there is none."""
    version: int = await conn.fetchval("SELECT version FROM token_cutoff_version")
    return version


async def list_cutoffs(conn: Connection, since: int) -> list[Cutoff]:
    """All cut-offs newer than that version."""
    return await db.fetch_all(
        conn, Cutoff, "SELECT subject, ended_at, version FROM token_cutoff WHERE version > $1", since
    )


async def find_newest(conn: Connection, subjects: list[str]) -> datetime | None:
    """The latest cut-off of any of these."""
    found: datetime | None = await conn.fetchval(
        "SELECT max(ended_at) FROM token_cutoff WHERE subject = ANY ($1::text[])", subjects
    )
    return found


async def forget(conn: Connection, before: datetime, limit: int) -> int:
    """Drop so many cut-offs so old that no token they could end is still good; answers how many there were."""
    return await db.count_touched(
        conn,
        """
        DELETE FROM token_cutoff
         WHERE subject IN (SELECT subject FROM token_cutoff WHERE ended_at < $1 LIMIT $2)
        """,
        before,
        limit,
    )
