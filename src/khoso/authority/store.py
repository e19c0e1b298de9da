"""What is read and written of roles and assignments. The connection comes first: the service owns the transaction."""

from datetime import datetime

from khoso import db
from khoso.caller import Grant
from khoso.db import Connection


async def list_grants(conn: Connection, subject: str, now: datetime) -> list[Grant]:
    """What a subject's assignments give at that time, scope by scope."""
    return await db.fetch_all(
        conn,
        Grant,
        """
        SELECT scope, agency_code, type_code, valid_until
          FROM assignment
          JOIN role_scope USING (role)
         WHERE subject = $1 AND ended_at IS NULL AND valid_from <= $2 AND (valid_until IS NULL OR valid_until > $2)
         ORDER BY agency_code COLLATE "C", scope COLLATE "C", type_code COLLATE "C"
        """,
        subject,
        now,
    )
