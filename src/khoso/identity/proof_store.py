"""What was shown and may not be shown again. The connection comes first: the service owns the transaction."""

from datetime import datetime

from khoso import db
from khoso.db import Connection


async def spend(conn: Connection, proof_hash: bytes, expires_at: datetime) -> bool:
    """Note that a proof was shown; False if it had been before."""
    new = await conn.fetchval(
        """
        INSERT INTO spent_proof (proof_hash, expires_at) VALUES ($1, $2)
            ON CONFLICT (proof_hash) DO NOTHING
        RETURNING true
        """,
        proof_hash,
        expires_at,
    )
    return new is True


async def forget(conn: Connection, now: datetime, limit: int) -> int:
    """Drop so many of those that could not be shown any more anyway; answers how many there were."""
    return await db.count_touched(
        conn,
        """
        DELETE FROM spent_proof
         WHERE proof_hash IN (SELECT proof_hash FROM spent_proof WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)
        """,
        now,
        limit,
    )
