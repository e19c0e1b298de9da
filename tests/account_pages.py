"""Somebody who is logged in, as the database and his browser know it; no identity provider is asked."""

import secrets
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
from playwright.async_api import Page

from demo_site import Site
from khoso.identity.door import COOKIE
from khoso.identity.store import hash_secret

AGENCIES = ("H17.05.12", "H17.05.13")


async def be_logged_in(site: Site, page: Page, name: str, browser: str) -> None:
    """From now on the browser has a session of a new person of this name, an officer of two agencies.

    His passkey, and the two browsers in which he is logged in, are called `browser`.
    """
    account_id, cookie, now = uuid4(), secrets.token_urlsafe(32), datetime.now(UTC)
    conn = await asyncpg.connect(site.database_url)
    await conn.execute(
        "INSERT INTO account VALUES ($1, 'tests', $2, $3, NULL, $4)", account_id, str(account_id), name, now
    )
    await conn.execute(
        "INSERT INTO passkey VALUES ($1, $2, '\\x00', 0, $3, $4)", account_id.bytes, account_id, browser, now
    )
    await conn.executemany(
        """
        INSERT INTO assignment (assignment_id, subject, role, agency_code, valid_from, granted_by, granted_at)
        VALUES ($1, $2, 'officer', $3, $4, 'tests', $4)
        """,
        [(uuid4(), f"person:{account_id}", agency, now) for agency in AGENCIES],
    )
    await conn.executemany(
        "INSERT INTO web_session VALUES ($1, $2, $3, 3, $4, $5, $6, $6, $7)",
        [
            (hash_secret(secret), uuid4(), account_id, AGENCIES[0], browser, begun, now + timedelta(hours=8))
            for secret, begun in ((cookie, now), (f"not {cookie}", now - timedelta(minutes=1)))
        ],
    )
    await conn.close()
    # Browsers take this cookie over TLS alone, and give it to localhost without.
    origin = site.origin.replace("http:", "https:")
    await page.context.add_cookies([{"name": COOKIE, "value": cookie, "url": origin, "secure": True}])
