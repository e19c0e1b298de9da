"""What a person sees and decides of his own logins: who he is here, for which agency he acts, where he is logged in."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from khoso import db
from khoso.bounds import Bounds
from khoso.caller import Caller
from khoso.db import Connection, Pool
from khoso.errors import NotFound, NotPermitted
from khoso.identity import client_store, login_store, store
from khoso.identity.authorizing import Authorizations
from khoso.identity.model import Account, Level, account_of
from khoso.identity.rights import Rights
from khoso.identity.sessions import IDLE
from khoso.text import Words

NameOf = Callable[[str], Words]
"""The name of an agency by its code."""


class AgencyName(msgspec.Struct, frozen=True):
    agency_code: str
    name: Words


class MeView(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever asks, as he is known here."""

    subject: str
    name: str | None
    """None for a system, and for whoever has no account here."""
    scopes: list[str]
    types: dict[str, list[str]]
    """Scopes that are limited to some result types, with those."""
    agency: AgencyName | None
    """The agency he acts for."""
    agencies: list[AgencyName]
    """Those that he may choose to act for."""
    vault_id: UUID | None
    stepped_up_at: datetime | None


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """Where a person is logged in: in a browser, or in an app."""

    name: str
    where: str
    """What the browser calls itself, or the name of the app."""
    agency: AgencyName | None
    created_at: datetime
    expires_at: datetime
    present: bool
    """Whether it is the one by which he asks."""


class SessionList(msgspec.Struct, frozen=True):
    items: list[SessionView]


class Me:
    """Everybody's own."""

    def __init__(
        self,
        pool: Pool,
        rights: Rights,
        authorizations: Authorizations,
        name_of: NameOf,
        now: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._rights = rights
        self._authorizations = authorizations
        self._name_of = name_of
        self._now = now

    async def describe(self, caller: Caller) -> MeView:
        """Whoever asks, and for whom he might act."""
        account, agencies = None, list[str]()
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            account_id = _account_id(caller)
            account = None if account_id is None else await store.find_account(conn, account_id)
            if account is not None:
                agencies = await self._list_agencies(conn, caller, account)
        return MeView(
            subject=caller.subject,
            name=None if account is None else account.name,
            scopes=sorted(caller.scopes),
            types={scope: sorted(types) for scope, types in sorted(caller.types.items())},
            agency=self._agency(caller.agency_code),
            agencies=[AgencyName(code, self._name_of(code)) for code in agencies],
            vault_id=caller.vault_id,
            stepped_up_at=_instant(caller.stepped_up_at, self._now()),
        )

    async def choose_agency(self, caller: Caller, agency_code: str) -> None:
        """Act for that agency from now on: in a browser at once, in an app with its next token.

        Raises NotPermitted for an agency that he may not act for.
        """
        kind, session_id = _session(caller)
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            account = await self._get_account(conn, caller)
            if agency_code not in await self._list_agencies(conn, caller, account):
                raise NotPermitted(agency_code)
            if kind == "session":
                await store.set_agency(conn, session_id, agency_code)
            else:
                await login_store.set_agency(conn, session_id, agency_code)

    async def list_sessions(self, caller: Caller) -> SessionList:
        """Where he is logged in, browsers first, newest first."""
        now = self._now()
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            account = await self._get_account(conn, caller)
            browsers = await store.list_sessions(conn, account.account_id, now, now - IDLE)
            logins = await login_store.list_logins(conn, account.account_id, now)
            apps = {login.client_id: await client_store.find_client(conn, login.client_id) for login in logins}
        found = [self._view(one, one.browser, caller) for one in browsers]
        found += [self._view(one, app.name if (app := apps[one.client_id]) else "", caller) for one in logins]
        return SessionList(found)

    async def end_session(self, caller: Caller, name: str) -> None:
        """Log out in one of the places of `list_sessions`. Raises NotFound."""
        kind, _, text = name.partition(":")
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            account = await self._get_account(conn, caller)
            session_id = _uuid(text)
            if kind == "session" and await store.delete_session(conn, account.account_id, session_id):
                return
        if kind != "login" or not await self._authorizations.end_login(account.account_id, session_id):
            raise NotFound("session")

    async def _get_account(self, conn: Connection, caller: Caller) -> Account:
        account_id = _account_id(caller)
        account = None if account_id is None else await store.find_account(conn, account_id)
        if account is None:
            raise NotPermitted("no person with an account")
        return account

    async def _list_agencies(self, conn: Connection, caller: Caller, account: Account) -> list[str]:
        """Those that he may act for by this login; without one, none but the one that the token names."""
        level = await self._find_level(conn, caller)
        return [] if level is None else await self._rights.list_agencies(conn, account, level)

    async def _find_level(self, conn: Connection, caller: Caller) -> Level | None:
        if caller.session_name is None:
            return None
        kind, session_id = _session(caller)
        return await (store.find_level if kind == "session" else login_store.find_level)(conn, session_id)

    def _agency(self, agency_code: str | None) -> AgencyName | None:
        return None if agency_code is None else AgencyName(agency_code, self._name_of(agency_code))

    def _view(self, one: Any, where: str, caller: Caller) -> SessionView:
        return SessionView(
            name=one.session_name,
            where=where,
            agency=self._agency(one.agency_code),
            created_at=one.created_at,
            expires_at=one.expires_at,
            present=one.session_name == caller.session_name,
        )


def _account_id(caller: Caller) -> UUID | None:
    """The account of a person who has logged in."""
    return None if caller.session_name is None else account_of(caller.subject)


def _session(caller: Caller) -> tuple[str, UUID]:
    """By what he logged in. Raises NotPermitted for whoever did not."""
    if caller.session_name is None:
        raise NotPermitted("no login")
    kind, _, text = caller.session_name.partition(":")
    return kind, UUID(text)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("session") from None


def _instant(seconds: int | None, now: datetime) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, now.tzinfo)
