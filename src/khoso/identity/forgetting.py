"""What identity keeps only for a while."""

from datetime import datetime, timedelta

from khoso.db import Connection
from khoso.forgetting import Kind
from khoso.identity import client_store, cutoff_store, login_store, passkey_store, proof_store, store
from khoso.identity.logins import PATIENCE
from khoso.identity.sessions import IDLE
from khoso.identity.tokens import LONGEST_LIFETIME

AT_ONCE = timedelta(0)
"""For what has its end written in it."""
QUOTAS_KEPT = timedelta(days=1)
TRIES_KEPT = timedelta(days=1)
LOGINS_KEPT = timedelta(days=1)
"""How long a login of an app is remembered after its end, to tell what is shown again from what never was."""


async def _forget_sessions(conn: Connection, now: datetime, limit: int) -> int:
    return await store.forget_sessions(conn, now, now - IDLE, limit)


KINDS = (
    Kind("login_attempt", store.forget_attempts, PATIENCE),
    Kind("web_session", _forget_sessions, AT_ONCE),
    Kind("authorization_code", login_store.forget_codes, LOGINS_KEPT),
    Kind("refresh_token", login_store.forget_refresh_tokens, LOGINS_KEPT),
    Kind("app_login", login_store.forget_logins, LOGINS_KEPT),
    Kind("spent_proof", proof_store.forget, AT_ONCE),
    Kind("passkey_challenge", passkey_store.forget_challenges, AT_ONCE),
    Kind("attempt_count", passkey_store.forget_tries, TRIES_KEPT),
    Kind("client_quota", client_store.forget_quotas, QUOTAS_KEPT),
    Kind("token_cutoff", cutoff_store.forget, LONGEST_LIFETIME),
)
"""What ends by itself; what hangs on a login before the login."""
