"""Logins of apps, their codes and refresh tokens. The connection comes first: the service owns the transaction."""

from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec

from khoso import db
from khoso.db import Connection
from khoso.identity.model import AppLogin


class Code(msgspec.Struct, frozen=True):
    """An authorization code, as it was given."""

    login_id: UUID
    redirect_uri: str
    code_challenge: str
    expires_at: datetime


async def insert_login(conn: Connection, login: AppLogin) -> None:
    await conn.execute(
        """
        INSERT INTO app_login (login_id, client_id, account_id, level, scopes, agency_code, key_hash, created_at,
                               expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        login.login_id,
        login.client_id,
        login.account_id,
        login.level,
        login.scopes,
        login.agency_code,
        login.key_hash,
        login.created_at,
        login.expires_at,
    )


_SELECT_LOGIN: LiteralString = """
    SELECT login_id, client_id, account_id, level, scopes, agency_code, key_hash, created_at, expires_at, ended_at,
           stepped_up_at
      FROM app_login
     WHERE ended_at IS NULL AND expires_at > $1
"""


async def find_login(conn: Connection, login_id: UUID, now: datetime) -> AppLogin | None:
    """The login, unless it has ended."""
    return await db.fetch_one(conn, AppLogin, _SELECT_LOGIN + " AND login_id = $2", now, login_id)


async def hold_login(conn: Connection, login_id: UUID, now: datetime) -> AppLogin | None:
    """The same, and until the transaction ends nobody ends it. To be called before its owner's tokens are locked."""
    return await db.fetch_one(conn, AppLogin, _SELECT_LOGIN + " AND login_id = $2 FOR UPDATE", now, login_id)


async def list_logins(conn: Connection, account_id: UUID, now: datetime) -> list[AppLogin]:
    """The logins of a person in apps that have not ended, newest first."""
    return await db.fetch_all(
        conn,
        AppLogin,
        _SELECT_LOGIN + " AND account_id = $2 ORDER BY created_at DESC, login_id DESC",
        now,
        account_id,
    )


async def find_level(conn: Connection, login_id: UUID) -> int | None:
    """How surely the user of a login was known when he logged in; None once it has ended."""
    level: int | None = await conn.fetchval(
        "SELECT level FROM app_login WHERE login_id = $1 AND ended_at IS NULL", login_id
    )
    return level


async def set_agency(conn: Connection, login_id: UUID, agency_code: str) -> None:
    """Note for which agency a login acts."""
    await conn.execute("UPDATE app_login SET agency_code = $2 WHERE login_id = $1", login_id, agency_code)


async def step_up(conn: Connection, login_id: UUID, now: datetime) -> None:
    """Note that a passkey was shown."""
    await conn.execute("UPDATE app_login SET stepped_up_at = $2 WHERE login_id = $1", login_id, now)


async def end_login(conn: Connection, login_id: UUID, now: datetime) -> bool:
    """End a login and its whole family of refresh tokens; False if it has ended before, or never was."""
    ended = await conn.fetchval(
        "UPDATE app_login SET ended_at = $2 WHERE login_id = $1 AND ended_at IS NULL RETURNING true", login_id, now
    )
    return ended is True


async def end_logins(conn: Connection, account_id: UUID, now: datetime) -> int:
    """End all logins of a person in apps; answers how many there were."""
    return await db.count_touched(
        conn,
        "UPDATE app_login SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2",
        account_id,
        now,
    )


async def insert_code(conn: Connection, code_hash: bytes, code: Code) -> None:
    await conn.execute(
        """
        INSERT INTO authorization_code (code_hash, login_id, redirect_uri, code_challenge, expires_at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        code_hash,
        code.login_id,
        code.redirect_uri,
        code.code_challenge,
        code.expires_at,
    )


async def use_code(conn: Connection, code_hash: bytes, now: datetime) -> Code | None:
    """Use a code up. None if it had been used, or never was."""
    return await db.fetch_one(
        conn,
        Code,
        """
        UPDATE authorization_code SET used_at = $2 WHERE code_hash = $1 AND used_at IS NULL
        RETURNING login_id, redirect_uri, code_challenge, expires_at
        """,
        code_hash,
        now,
    )


async def find_login_of_code(conn: Connection, code_hash: bytes) -> UUID | None:
    """The login for which a code was given, used or not."""
    found: UUID | None = await conn.fetchval("SELECT login_id FROM authorization_code WHERE code_hash = $1", code_hash)
    return found


async def insert_refresh_token(conn: Connection, token_hash: bytes, login_id: UUID, now: datetime) -> None:
    await conn.execute(
        "INSERT INTO refresh_token (token_hash, login_id, created_at) VALUES ($1, $2, $3)", token_hash, login_id, now
    )


async def use_refresh_token(conn: Connection, token_hash: bytes, now: datetime) -> UUID | None:
    """Use a refresh token up; answers its login. None if it had been used, or never was."""
    found: UUID | None = await conn.fetchval(
        "UPDATE refresh_token SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL RETURNING login_id",
        token_hash,
        now,
    )
    return found


async def find_login_of_token(conn: Connection, token_hash: bytes) -> UUID | None:
    """The login of a refresh token, used or not."""
    found: UUID | None = await conn.fetchval("SELECT login_id FROM refresh_token WHERE token_hash = $1", token_hash)
    return found


async def bind_login(conn: Connection, login_id: UUID, key_hash: str) -> None:
    """Only whoever has that key may use the login from now on."""
    await conn.execute(
        "UPDATE app_login SET key_hash = $2 WHERE login_id = $1 AND key_hash IS NULL", login_id, key_hash
    )


async def forget_codes(conn: Connection, before: datetime, limit: int) -> int:
    """Drop so many codes of logins that ended before that; answers how many there were."""
    return await db.count_touched(
        conn,
        """
        DELETE FROM authorization_code
         WHERE code_hash IN (SELECT code_hash FROM authorization_code JOIN app_login USING (login_id)
                              WHERE app_login.expires_at < $1 OR ended_at < $1 LIMIT $2)
        """,
        before,
        limit,
    )


async def forget_refresh_tokens(conn: Connection, before: datetime, limit: int) -> int:
    """Drop so many refresh tokens of logins that ended before that; answers how many there were."""
    return await db.count_touched(
        conn,
        """
        DELETE FROM refresh_token
         WHERE token_hash IN (SELECT token_hash FROM refresh_token JOIN app_login USING (login_id)
                               WHERE expires_at < $1 OR ended_at < $1 LIMIT $2)
        """,
        before,
        limit,
    )


async def forget_logins(conn: Connection, before: datetime, limit: int) -> int:
    """Drop so many logins that ended before that, whose codes and tokens are gone; answers how many there were."""
    return await db.count_touched(
        conn,
        """
        DELETE FROM app_login
         WHERE login_id IN (SELECT login_id FROM app_login WHERE expires_at < $1 OR ended_at < $1 LIMIT $2)
        """,
        before,
        limit,
    )
