"""Clients, their keys and quotas. The connection comes first: the service owns the transaction."""

from datetime import datetime
from uuid import UUID

from khoso import db
from khoso.db import Connection
from khoso.errors import InputProblem, InvalidInput
from khoso.identity.model import Client, ClientKey

_UNLIMITED_SHARE = 1_000
"""What a client without a quota takes at a time."""


async def insert_client(conn: Connection, client: Client) -> None:
    await conn.execute(
        """
        INSERT INTO oauth_client (client_id, kind, name, agency_code, redirect_uris, scopes, quota_per_hour, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        client.client_id,
        client.kind,
        client.name,
        client.agency_code,
        client.redirect_uris,
        client.scopes,
        client.quota_per_hour,
        client.created_at,
    )


async def find_client(conn: Connection, client_id: str) -> Client | None:
    return await db.fetch_one(
        conn,
        Client,
        """
        SELECT client_id, kind, name, agency_code, redirect_uris, scopes, quota_per_hour, created_at, ended_at
          FROM oauth_client
         WHERE client_id = $1
        """,
        client_id,
    )


async def list_clients(conn: Connection, agency_codes: list[str]) -> list[Client]:
    """The clients of these agencies, oldest first."""
    return await db.fetch_all(
        conn,
        Client,
        """
        SELECT client_id, kind, name, agency_code, redirect_uris, scopes, quota_per_hour, created_at, ended_at
          FROM oauth_client
         WHERE agency_code = ANY ($1::text[])
         ORDER BY created_at, client_id COLLATE "C"
        """,
        agency_codes,
    )


async def change_client(conn: Connection, client: Client) -> None:
    """Note name, redirect URIs, scopes and quota as they are now."""
    await conn.execute(
        "UPDATE oauth_client SET name = $2, redirect_uris = $3, scopes = $4, quota_per_hour = $5 WHERE client_id = $1",
        client.client_id,
        client.name,
        client.redirect_uris,
        client.scopes,
        client.quota_per_hour,
    )


async def end_client(conn: Connection, client_id: str, now: datetime) -> list[UUID]:
    """End a client for good, with the logins in it; answers which."""
    await conn.execute(
        "UPDATE oauth_client SET ended_at = $2 WHERE client_id = $1 AND ended_at IS NULL", client_id, now
    )
    rows = await conn.fetch(
        "UPDATE app_login SET ended_at = $2 WHERE client_id = $1 AND ended_at IS NULL RETURNING login_id",
        client_id,
        now,
    )
    return [row["login_id"] for row in rows]


async def insert_key(conn: Connection, key: ClientKey) -> None:
    """Raises InvalidInput if the client has a key of that name."""
    taken = InputProblem(
        "kid",
        "taken",
        "đã có khoá mang tên này; đặt tên khác, vì khoá chỉ thêm chứ không thay"
        " | the client has a key of that name; keys are added, never replaced",
    )
    with db.violating("oauth_client_key_pkey", InvalidInput, taken):
        await conn.execute(
            """
            INSERT INTO oauth_client_key (client_id, kid, public_key, valid_from, valid_until)
            VALUES ($1, $2, $3, $4, $5)
            """,
            key.client_id,
            key.kid,
            key.public_key,
            key.valid_from,
            key.valid_until,
        )


async def list_keys(conn: Connection, client_id: str) -> list[ClientKey]:
    """The keys of a client, oldest first."""
    return await db.fetch_all(
        conn,
        ClientKey,
        """
        SELECT client_id, kid, public_key, valid_from, valid_until
          FROM oauth_client_key
         WHERE client_id = $1
         ORDER BY valid_from, kid COLLATE "C"
        """,
        client_id,
    )


async def end_key(conn: Connection, client_id: str, kid: str, at: datetime) -> bool:
    """End a key then, if it did not end before; False if the client has none of that name."""
    found = await conn.fetchval(
        """
        UPDATE oauth_client_key SET valid_until = least(valid_until, $3) WHERE client_id = $1 AND kid = $2
        RETURNING true
        """,
        client_id,
        kid,
        at,
    )
    return found is True


async def take_requests(conn: Connection, client_id: str, hour: datetime, shares: int) -> int | None:
    """Take one of so many shares of a client's quota for that hour; 0 if none is left, None if there is no client."""
    taken: int | None = await conn.fetchval(
        """
        WITH client AS (
            SELECT coalesce(quota_per_hour, 2147000000) AS quota_per_hour,
                   coalesce(greatest(quota_per_hour / $3::integer, 1), $4::integer) AS share
              FROM oauth_client
             WHERE client_id = $1 AND ended_at IS NULL
        ), counted AS (
            INSERT INTO client_quota AS quota (client_id, hour, requests)
            SELECT $1, $2, share FROM client
                ON CONFLICT (client_id, hour)
                DO UPDATE SET requests = quota.requests + excluded.requests
                    WHERE quota.requests + excluded.requests <= (SELECT quota_per_hour FROM client)
            RETURNING 1
        )
        SELECT share * (SELECT count(*) FROM counted)::integer FROM client
        """,
        client_id,
        hour,
        shares,
        _UNLIMITED_SHARE,
    )
    return taken


async def forget_quotas(conn: Connection, before: datetime, limit: int) -> int:
    """Drop so much of what was counted in hours before that; answers how much there was."""
    return await db.count_touched(
        conn,
        """
        DELETE FROM client_quota
         WHERE (client_id, hour) IN (SELECT client_id, hour FROM client_quota WHERE hour < $1 LIMIT $2)
        """,
        before,
        limit,
    )
