"""Logging in at the identity provider, for a session of the browser or for an app.

The browser that begins a login gets a cookie of 32 random bytes. State, nonce and code verifier are made from it, so
the answer is good in that browser alone, and once: neither a link that somebody else prepared nor a copy of the
database opens anything.
"""

import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

import msgspec

from khoso import db
from khoso.auditing import store as auditing
from khoso.bounds import Bounds
from khoso.db import Connection, Pool
from khoso.errors import LoginRefused, Unavailable
from khoso.identity import store
from khoso.identity.encoding import base64url
from khoso.identity.model import Account, AppRequest, Level, OpenVault, Person
from khoso.identity.provider import Provider
from khoso.identity.rights import Rights
from khoso.identity.sessions import Sessions
from khoso.identity.store import hash_secret

PATIENCE = timedelta(minutes=10)
"""How long a login may take at the provider."""


class ProviderAnswer(NamedTuple):
    """What the provider gave the browser to bring back."""

    code: str
    state: str
    issuer: str | None
    error: str | None


class Begun(NamedTuple):
    """Where to send the browser, and the cookie to give it."""

    url: str
    cookie: str


class Finished(NamedTuple):
    """Who has logged in, and for whom: an app, or, with the cookie of his session, the browser itself."""

    account: Account | None
    """None for an app whose user did not."""
    level: Level
    app_request: AppRequest | None
    cookie: str | None


class Logins:
    """All logins."""

    def __init__(
        self,
        pool: Pool,
        provider: Provider | None,
        sessions: Sessions,
        rights: Rights,
        open_vault: OpenVault,
        now: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._provider = provider
        self._sessions = sessions
        self._rights = rights
        self._open_vault = open_vault
        self._now = now

    @property
    def provider(self) -> Provider:
        """Where people log in. Raises Unavailable where nobody can."""
        if self._provider is None:
            raise Unavailable("KHOSO_OIDC_ISSUER is not set: nobody can log in")
        return self._provider

    async def begin(self, app_request: AppRequest | None = None) -> Begun:
        """Begin a login, for an app if it asks. Raises Unavailable if the provider does not answer."""
        secret = secrets.token_urlsafe(32)
        url = await self.provider.begin(*(_derived(secret, name) for name in ("state", "nonce", "code verifier")))
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            await store.insert_attempt(conn, hash_secret(secret), app_request, self._now())
        return Begun(url, secret)

    async def finish(self, cookie: str, answer: ProviderAnswer, old_session: str | None, browser: str) -> Finished:
        """End a login in the browser that began it. A session that it had before ends.

        Raises LoginRefused, or Unavailable if the provider does not answer.
        """
        provider, now = self.provider, self._now()
        # 1. The answer belongs to the login of this very browser, and comes from our provider.
        await provider.check_response(answer.state, _derived(cookie, "state"), answer.issuer)
        # 2. It is the first answer, and not too late.
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            attempt = await store.take_attempt(conn, hash_secret(cookie), now - PATIENCE)
        if attempt is None:
            raise LoginRefused("no login was begun here, or it took too long")
        if answer.error is not None or not answer.code:
            if attempt.app_request is None:
                raise LoginRefused("the provider answers an error")
            return Finished(None, 0, attempt.app_request, None)
        # 3. The provider says who it is, in a token made for this login.
        person = await provider.redeem(answer.code, _derived(cookie, "nonce"), _derived(cookie, "code verifier"))
        # 4. His account, his vault if he is known surely enough, and a new session, never the one from before.
        vault_id = None
        if person.personal_id is not None and self._rights.opens_vault(person.level):
            vault_id = await self._open_vault(person.personal_id)
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            account = await store.ensure_account(conn, uuid4(), person, now)
            if vault_id is not None and vault_id != account.vault_id:
                await store.set_vault(conn, account.account_id, vault_id)
                account = msgspec.structs.replace(account, vault_id=vault_id)
            session = None
            if attempt.app_request is None:
                session = await self._start_session(conn, account, person, old_session, browser)
            await auditing.append(conn, [auditing.Entry(account.subject, "login", f"level {person.level}")], now)
        return Finished(account, person.level, attempt.app_request, session)

    async def _start_session(
        self, conn: Connection, account: Account, person: Person, old_session: str | None, browser: str
    ) -> str:
        if old_session is not None:
            await store.delete_session_by_cookie(conn, hash_secret(old_session))
        return await self._sessions.start(conn, account, person.level, browser)


def _derived(secret: str, purpose: str) -> str:
    """43 characters that nobody knows who does not know the secret."""
    return base64url(hmac.digest(secret.encode(), purpose.encode(), "sha256"))
