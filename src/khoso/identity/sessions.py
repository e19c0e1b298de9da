"""Sessions of browsers. A cookie is 32 random bytes, kept as a hash; it changes at every login and step-up.

A session ends after half an hour without use, after twelve hours in any case, and when its owner says so.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from khoso import db
from khoso.bounds import Bounds
from khoso.caller import Caller
from khoso.db import Connection, Pool
from khoso.identity import store
from khoso.identity.model import Account, Level, Session
from khoso.identity.rights import Rights
from khoso.identity.store import hash_secret

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
_NOTED_EVERY = timedelta(minutes=1)
"""How often it is noted that a session is used."""
_MAX_BROWSER = 200


class Sessions:
    """The sessions of all browsers."""

    def __init__(self, pool: Pool, rights: Rights, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._rights = rights
        self._now = now

    async def start(self, conn: Connection, account: Account, level: Level, browser: str) -> str:
        """A new session; answers its cookie. Who may act for one agency alone acts for it."""
        now, secret = self._now(), secrets.token_urlsafe(32)
        agencies = await self._rights.list_agencies(conn, account, level)
        session = Session(
            session_id=uuid4(),
            account_id=account.account_id,
            name=account.name,
            vault_id=account.vault_id,
            level=level,
            agency_code=agencies[0] if len(agencies) == 1 else None,
            browser=browser[:_MAX_BROWSER],
            created_at=now,
            seen_at=now,
            expires_at=now + LONGEST,
            stepped_up_at=None,
        )
        await store.insert_session(conn, hash_secret(secret), session)
        return secret

    async def find_caller(self, secret: str) -> Caller | None:
        """The owner of the session of a cookie, as he may act now; None if there is no such session, or no more."""
        now = self._now()
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            session = await store.find_session(conn, hash_secret(secret), now, now - IDLE)
            if session is None:
                return None
            if now - session.seen_at > _NOTED_EVERY:
                await store.touch_session(conn, session.session_id, now)
            caller = await self._rights.find_person(conn, session.account, session.level, session.agency_code)
        stepped_up_at = None if session.stepped_up_at is None else int(session.stepped_up_at.timestamp())
        return msgspec.structs.replace(caller, session_name=session.session_name, stepped_up_at=stepped_up_at)

    async def end(self, secret: str) -> None:
        """End the session of a cookie, if there is one."""
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            await store.delete_session_by_cookie(conn, hash_secret(secret))

    async def step_up(self, conn: Connection, session_id: UUID) -> str:
        """A passkey was shown in this session: answers its new cookie."""
        secret = secrets.token_urlsafe(32)
        await store.step_up_session(conn, session_id, hash_secret(secret), self._now())
        return secret
