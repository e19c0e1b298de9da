"""Passkeys, the challenges on their way, tries, and for what an agency asks for them. The connection comes first."""

from datetime import datetime
from uuid import UUID

import msgspec

from khoso import db
from khoso.db import Connection
from khoso.errors import InputProblem, InvalidInput
from khoso.identity.model import Act


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A key in a phone or a security key; `passkey_id` is what its authenticator calls it by."""

    passkey_id: bytes
    account_id: UUID
    public_key: bytes
    sign_count: int
    name: str
    created_at: datetime
    used_at: datetime | None


class Rule(msgspec.Struct, frozen=True):
    """An agency asks its people, and those of all agencies below it, for a passkey before that act."""

    agency_code: str
    act: Act


async def insert_passkey(conn: Connection, passkey: Passkey) -> None:
    """Raises InvalidInput if it is registered already."""
    taken = InputProblem(
        "credential", "taken", "khoá truy cập này đã được đăng ký | this passkey is registered already"
    )
    with db.violating("passkey_pkey", InvalidInput, taken):
        await conn.execute(
            """
            INSERT INTO passkey (passkey_id, account_id, public_key, sign_count, name, created_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            passkey.passkey_id,
            passkey.account_id,
            passkey.public_key,
            passkey.sign_count,
            passkey.name,
            passkey.created_at,
        )


async def list_passkeys(conn: Connection, account_id: UUID) -> list[Passkey]:
    """The passkeys of a person, oldest first."""
    return await db.fetch_all(
        conn,
        Passkey,
        """
        SELECT passkey_id, account_id, public_key, sign_count, name, created_at, used_at
          FROM passkey
         WHERE account_id = $1
         ORDER BY created_at, passkey_id
        """,
        account_id,
    )


async def use_passkey(conn: Connection, passkey_id: bytes, sign_count: int, now: datetime) -> bool:
    """Note that a passkey was shown; False if its counter has not gone on, as that of a copy would not."""
    used = await conn.fetchval(
        """
        UPDATE passkey SET sign_count = $2, used_at = $3
         WHERE passkey_id = $1 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0))
        RETURNING true
        """,
        passkey_id,
        sign_count,
        now,
    )
    return used is True


async def delete_passkey(conn: Connection, account_id: UUID, passkey_id: bytes) -> bool:
    """Forget a passkey of a person; False if he has none of that name."""
    found = await conn.fetchval(
        "DELETE FROM passkey WHERE account_id = $1 AND passkey_id = $2 RETURNING true", account_id, passkey_id
    )
    return found is True


async def delete_passkeys(conn: Connection, account_id: UUID) -> int:
    """Forget all passkeys of a person; answers how many he had."""
    return await db.count_touched(conn, "DELETE FROM passkey WHERE account_id = $1", account_id)


async def put_challenge(conn: Connection, session: str, purpose: str, challenge: bytes, expires_at: datetime) -> None:
    """Note the challenge of a ceremony; the one before in that session is good no more."""
    await conn.execute("DELETE FROM passkey_challenge WHERE session_name = $1 AND purpose = $2", session, purpose)
    await conn.execute(
        "INSERT INTO passkey_challenge (session_name, purpose, challenge, expires_at) VALUES ($1, $2, $3, $4)",
        session,
        purpose,
        challenge,
        expires_at,
    )


async def take_challenge(conn: Connection, session: str, purpose: str, now: datetime) -> bytes | None:
    """The challenge of a ceremony. Whoever takes it is the only one."""
    challenge: bytes | None = await conn.fetchval(
        """
        DELETE FROM passkey_challenge WHERE session_name = $1 AND purpose = $2 AND expires_at > $3
        RETURNING challenge
        """,
        session,
        purpose,
        now,
    )
    return challenge


async def try_once(conn: Connection, subject: str, began_at: datetime, limit: int) -> bool:
    """Count a try in the span of time that began then; False, and nothing is counted, beyond the limit."""
    counted = await conn.fetchval(
        """
        INSERT INTO attempt_count AS count (subject, began_at, attempts) VALUES ($1, $2, 1)
            ON CONFLICT (subject, began_at) DO UPDATE SET attempts = count.attempts + 1 WHERE count.attempts < $3
        RETURNING true
        """,
        subject,
        began_at,
        limit,
    )
    return counted is True


async def list_rules(conn: Connection) -> list[Rule]:
    """For what any agency asks for a passkey."""
    return await db.fetch_all(conn, Rule, "SELECT agency_code, act FROM step_up_rule")


async def set_rules(conn: Connection, agency_code: str, acts: list[Act]) -> None:
    """For what an agency asks for a passkey from now on."""
    await conn.execute("DELETE FROM step_up_rule WHERE agency_code = $1", agency_code)
    await conn.execute(
        "INSERT INTO step_up_rule (agency_code, act) SELECT $1, act FROM unnest($2::text[]) AS act", agency_code, acts
    )


async def forget_challenges(conn: Connection, now: datetime, limit: int) -> int:
    """Drop so many challenges that nobody met; answers how many there were."""
    return await db.count_touched(
        conn,
        """
        DELETE FROM passkey_challenge
         WHERE (session_name, purpose) IN (SELECT session_name, purpose FROM passkey_challenge WHERE expires_at < $1
                                            LIMIT $2)
        """,
        now,
        limit,
    )


async def forget_tries(conn: Connection, before: datetime, limit: int) -> int:
    """Drop so many counts of tries that began before that; answers how many there were."""
    return await db.count_touched(
        conn,
        """
        DELETE FROM attempt_count
         WHERE (subject, began_at) IN (SELECT subject, began_at FROM attempt_count WHERE began_at < $1 LIMIT $2)
        """,
        before,
        limit,
    )
