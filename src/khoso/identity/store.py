"""Accounts, logins on their way, and sessions of browsers. The connection comes first, as in all stores."""

import hashlib
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from khoso import db
from khoso.db import Connection
from khoso.identity.model import Account, AppRequest, LoginAttempt, Person, Session


def hash_secret(secret: str) -> bytes:
    """What is kept of a secret of 32 random bytes: nobody finds it by trying."""
    return hashlib.sha256(secret.encode()).digest()


# ---------------------------------------------------------------- accounts


async def ensure_account(conn: Connection, account_id: UUID, person: Person, now: datetime) -> Account:
    """The account of that person at that provider, by his present name; with the proposed id if he is new."""
    account = await db.fetch_one(
        conn,
        Account,
        """
        INSERT INTO account (account_id, issuer, provider_subject, name, created_at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (issuer, provider_subject) DO UPDATE SET name = excluded.name
        RETURNING account_id, name, vault_id
        """,
        account_id,
        person.issuer,
        person.provider_subject,
        person.name,
        now,
    )
    assert account is not None
    return account


async def set_vault(conn: Connection, account_id: UUID, vault_id: UUID) -> None:
    """Note which vault is a person's own."""
    await conn.execute("UPDATE account SET vault_id = $2 WHERE account_id = $1", account_id, vault_id)


async def find_account(conn: Connection, account_id: UUID) -> Account | None:
    return await db.fetch_one(
        conn, Account, "SELECT account_id, name, vault_id FROM account WHERE account_id = $1", account_id
    )


# ---------------------------------------------------------------- logins on their way


async def insert_attempt(conn: Connection, browser_hash: bytes, app_request: AppRequest | None, now: datetime) -> None:
    await conn.execute(
        "INSERT INTO login_attempt (browser_hash, app_request, begun_at) VALUES ($1, $2, $3)",
        browser_hash,
        app_request,
        now,
    )


async def take_attempt(conn: Connection, browser_hash: bytes, since: datetime) -> LoginAttempt | None:
    """The login begun in that browser since then. Whoever takes it is the only one."""
    return await db.fetch_one(
        conn,
        LoginAttempt,
        "DELETE FROM login_attempt WHERE browser_hash = $1 AND begun_at >= $2 RETURNING app_request, begun_at",
        browser_hash,
        since,
    )


async def forget_attempts(conn: Connection, before: datetime, limit: int) -> int:
    """Drop so many logins that were begun before that and never came back; answers how many there were."""
    return await db.count_touched(
        conn,
        """
        DELETE FROM login_attempt
         WHERE browser_hash IN (SELECT browser_hash FROM login_attempt WHERE begun_at < $1 LIMIT $2)
        """,
        before,
        limit,
    )


# ---------------------------------------------------------------- sessions of browsers


async def insert_session(conn: Connection, session_hash: bytes, session: Session) -> None:
    await conn.execute(
        """
        INSERT INTO web_session (session_hash, session_id, account_id, level, agency_code, browser, created_at, seen_at,
                                 expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        session_hash,
        session.session_id,
        session.account_id,
        session.level,
        session.agency_code,
        session.browser,
        session.created_at,
        session.seen_at,
        session.expires_at,
    )


_SELECT_SESSION: LiteralString = """
    SELECT session_id, account_id, name, vault_id, level, agency_code, browser, web_session.created_at, seen_at,
           expires_at, stepped_up_at
      FROM web_session
      JOIN account USING (account_id)
"""


async def find_session(conn: Connection, session_hash: bytes, now: datetime, seen_since: datetime) -> Session | None:
    """The session with that cookie, unless it has ended by itself: by its age, or unused since then."""
    return await db.fetch_one(
        conn,
        Session,
        _SELECT_SESSION
        + """
         WHERE session_hash = $1 AND expires_at > $2 AND seen_at > $3
        """,
        session_hash,
        now,
        seen_since,
    )


async def list_sessions(conn: Connection, account_id: UUID, now: datetime, seen_since: datetime) -> list[Session]:
    """The sessions of a person that have not ended, newest first."""
    return await db.fetch_all(
        conn,
        Session,
        _SELECT_SESSION
        + """
         WHERE account_id = $1 AND expires_at > $2 AND seen_at > $3
         ORDER BY web_session.created_at DESC, session_id DESC
        """,
        account_id,
        now,
        seen_since,
    )


async def find_level(conn: Connection, session_id: UUID) -> int | None:
    """How surely the owner of a session was known when he logged in."""
    level: int | None = await conn.fetchval("SELECT level FROM web_session WHERE session_id = $1", session_id)
    return level


async def touch_session(conn: Connection, session_id: UUID, now: datetime) -> None:
    """Note that a session is used."""
    await conn.execute("UPDATE web_session SET seen_at = $2 WHERE session_id = $1 AND seen_at < $2", session_id, now)


async def set_agency(conn: Connection, session_id: UUID, agency_code: str) -> None:
    """Note for which agency a session acts."""
    await conn.execute("UPDATE web_session SET agency_code = $2 WHERE session_id = $1", session_id, agency_code)


async def step_up_session(conn: Connection, session_id: UUID, session_hash: bytes, now: datetime) -> None:
    """A passkey was shown: from now on the session answers to another cookie."""
    await conn.execute(
        "UPDATE web_session SET session_hash = $2, stepped_up_at = $3 WHERE session_id = $1",
        session_id,
        session_hash,
        now,
    )


async def delete_session(conn: Connection, account_id: UUID, session_id: UUID) -> bool:
    """End one session of a person; False if he has none of that name."""
    found = await conn.fetchval(
        "DELETE FROM web_session WHERE account_id = $1 AND session_id = $2 RETURNING true", account_id, session_id
    )
    return found is True


async def delete_sessions(conn: Connection, account_id: UUID) -> None:
    """End all sessions of a person."""
    await conn.execute("DELETE FROM web_session WHERE account_id = $1", account_id)


async def delete_session_by_cookie(conn: Connection, session_hash: bytes) -> None:
    await conn.execute("DELETE FROM web_session WHERE session_hash = $1", session_hash)


async def forget_sessions(conn: Connection, now: datetime, seen_since: datetime, limit: int) -> int:
    """Drop so many sessions that have ended by themselves; answers how many there were."""
    return await db.count_touched(
        conn,
        """
        DELETE FROM web_session
         WHERE session_hash IN (SELECT session_hash FROM web_session WHERE expires_at <= $1 OR seen_at <= $2 LIMIT $3)
        """,
        now,
        seen_since,
        limit,
    )
