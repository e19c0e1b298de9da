"""What was shown and may not be shown again. The connection comes first: the service owns the transaction."""

from datetime import datetime

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


async def forget(conn: Connection, now: datetime) -> None:
    """Drop what could not be shown any more anyway."""
    await conn.execute("DELETE FROM spent_proof WHERE expires_at < $1", now)
