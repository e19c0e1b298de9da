"""Who is known here, and by what: accounts, sessions, clients, logins of apps."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from khoso.caller import Grant
from khoso.db import Connection

Level = int
"""How surely the identity provider knew the person: 1 by name, 2 with his id card, 3 in person; 0 not said."""

ClientKind = Literal["app", "system"]
"""An app has people who log in; a system acts for its agency by itself."""

Act = Literal["issue", "approve", "revoke"]
"""For what an agency may ask its people to show a passkey."""

GrantsOf = Callable[[Connection, str], Awaitable[list[Grant]]]
"""What somebody is granted now, by his subject: `person:<account_id>` or `client:<client_id>`."""

OpenVault = Callable[[str], Awaitable[UUID]]
"""The vault of a personal id, made if there was none."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody as the identity provider has just identified him."""

    issuer: str
    provider_subject: str
    name: str
    personal_id: str | None
    level: Level


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A person who has logged in here."""

    account_id: UUID
    name: str
    vault_id: UUID | None

    @property
    def subject(self) -> str:
        """Who he is in rights and in the audit."""
        return f"person:{self.account_id}"


def account_of(subject: str) -> UUID | None:
    """The account of a person's `subject`; None for what is no person's."""
    kind, _, text = subject.partition(":")
    with suppress(ValueError):
        return UUID(text) if kind == "person" else None
    return None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A login in a browser."""

    session_id: UUID
    account_id: UUID
    name: str
    vault_id: UUID | None
    level: Level
    agency_code: str | None
    browser: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    stepped_up_at: datetime | None

    @property
    def session_name(self) -> str:
        return f"session:{self.session_id}"

    @property
    def account(self) -> Account:
        return Account(account_id=self.account_id, name=self.name, vault_id=self.vault_id)


class AppRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What an app asked for at /oauth/authorize (RFC 6749, 4.1.1; RFC 7636; RFC 9449, 10)."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    scopes: list[str]
    state: str | None
    key_hash: str | None


class LoginAttempt(msgspec.Struct, frozen=True):
    """A login on its way through the identity provider."""

    app_request: AppRequest | None
    begun_at: datetime


class AppLogin(msgspec.Struct, frozen=True, kw_only=True):
    """A login in an app: all its refresh tokens are one family, and end together."""

    login_id: UUID
    client_id: str
    account_id: UUID
    level: Level
    scopes: list[str]
    agency_code: str | None
    key_hash: str | None
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    stepped_up_at: datetime | None = None

    @property
    def session_name(self) -> str:
        return f"login:{self.login_id}"


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """An app, or an agency's system, that is registered here."""

    client_id: str
    kind: ClientKind
    name: str
    agency_code: str
    redirect_uris: list[str]
    scopes: list[str]
    quota_per_hour: int | None
    created_at: datetime
    ended_at: datetime | None

    @property
    def subject(self) -> str:
        """Who it is in rights and in the audit."""
        return f"client:{self.client_id}"


class ClientKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key by which a system proves who it is."""

    client_id: str
    kid: str
    public_key: bytes
    valid_from: datetime
    valid_until: datetime | None
