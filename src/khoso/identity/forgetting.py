"""What identity keeps only for a while."""

from datetime import datetime, timedelta

from khoso.db import Connection
from khoso.identity import client_store, cutoff_store, login_store, passkey_store, proof_store, store
from khoso.identity.logins import PATIENCE
from khoso.identity.sessions import IDLE
from khoso.identity.tokens import LONGEST_LIFETIME

QUOTAS_KEPT = timedelta(days=1)
TRIES_KEPT = timedelta(days=1)
LOGINS_KEPT = timedelta(days=1)
"""How long a login of an app is remembered after its end, to tell what is shown again from what never was."""


async def forget_identity(conn: Connection, now: datetime) -> None:
    """Drop what has ended by itself."""
    await store.forget_attempts(conn, now - PATIENCE)
    await store.forget_sessions(conn, now, now - IDLE)
    await login_store.forget_logins(conn, now - LOGINS_KEPT)
    await proof_store.forget(conn, now)
    await passkey_store.forget(conn, now, now - TRIES_KEPT)
    await client_store.forget_quotas(conn, now - QUOTAS_KEPT)
    await cutoff_store.forget(conn, now - LONGEST_LIFETIME)
