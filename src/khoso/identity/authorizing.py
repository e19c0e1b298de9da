"""The authorization server of apps and agencies' systems: OAuth 2.0 as RFC 9700 wants it.

An app is a public client: code flow with PKCE (RFC 7636), refresh tokens that are good once, all of a login one
family; it may bind its tokens to a key (DPoP, RFC 9449). A system proves itself by a key (private_key_jwt, RFC 7523).
What an access token allows is read from the grants at the moment when it is made.
"""

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from urllib.parse import urlencode
from uuid import UUID, uuid4

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from khoso import db
from khoso.auditing import store as auditing
from khoso.bounds import Bounds
from khoso.caller import Caller
from khoso.db import Connection, Pool
from khoso.errors import LoginRefused, NotAuthenticated, OAuthRefused
from khoso.identity import client_store, login_store, store
from khoso.identity.cutoffs import Cutoffs, time_of_token
from khoso.identity.encoding import digest
from khoso.identity.login_store import Code
from khoso.identity.logins import Begun, Finished, Logins
from khoso.identity.model import AppLogin, AppRequest, Client
from khoso.identity.proofs import Proofs, ProvenRequest
from khoso.identity.rights import Rights, limited
from khoso.identity.store import hash_secret
from khoso.identity.tokens import TokenReader, make_token, read_unverified_claim

TOKEN_LIFETIME = timedelta(minutes=10)
CODE_LIFETIME = timedelta(minutes=1)
LOGIN_LIFETIME = timedelta(days=30)
"""After which an app has to have its user log in again."""

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

CLIENT_ID = re.compile(r"[a-z0-9-]{1,60}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_MAX_STATE = 1_000


class AuthorizeQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What an app asks at /oauth/authorize."""

    client_id: str = ""
    redirect_uri: str = ""
    response_type: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""
    scope: str = ""
    state: str | None = None
    dpop_jkt: str | None = None


class TokenForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a client sends to /oauth/token."""

    grant_type: str = ""
    client_id: str | None = None
    code: str = ""
    redirect_uri: str = ""
    code_verifier: str = ""
    refresh_token: str = ""
    scope: str | None = None
    agency: str | None = None
    """The agency to act for from now on; of a login that may act for several."""
    client_assertion_type: str = ""
    client_assertion: str = ""


class RevokeForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a client sends to /oauth/revoke (RFC 7009, 2.1)."""

    token: str = ""
    token_type_hint: str = ""
    client_id: str | None = None
    client_assertion_type: str = ""
    client_assertion: str = ""


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An access token and what goes with it (RFC 6749, 5.1; RFC 9396, 7)."""

    access_token: str
    token_type: Literal["Bearer", "DPoP"]
    expires_in: int
    scope: str
    refresh_token: str | None = None
    authorization_details: list[dict[str, object]] = []
    agency: str | None = None


class _Redeemed(NamedTuple):
    """What became of a code or refresh token: a login, or why not; a login that was given away is ended."""

    login: AppLogin | None
    fault: str = ""


class Authorizations:
    """The authorization server."""

    def __init__(
        self,
        pool: Pool,
        logins: Logins,
        rights: Rights,
        proofs: Proofs,
        cutoffs: Cutoffs,
        key: ec.EllipticCurvePrivateKey,
        *,
        origin: str,
        now: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._logins = logins
        self._rights = rights
        self._proofs = proofs
        self._cutoffs = cutoffs
        self._key = key
        self._tokens = TokenReader(key.public_key(), origin)
        self._origin = origin
        self._now = now

    # ------------------------------------------------------------ an app's user logs in

    async def authorize(self, asked: AuthorizeQuery) -> Begun:
        """Send the browser to the identity provider, or back to the app with what is wrong: then there is no cookie.

        Raises LoginRefused where there is no app to go back to, Unavailable if the provider does not answer.
        """
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            client = await _find_client(conn, asked.client_id, "app")
        if client is None or asked.redirect_uri not in client.redirect_uris:
            raise LoginRefused("no such app, or not its redirect URI")
        fault = _fault(asked, client)
        if fault is not None:
            return Begun(self._back(asked.redirect_uri, asked.state, error=fault), "")
        return await self._logins.begin(
            AppRequest(
                client_id=client.client_id,
                redirect_uri=asked.redirect_uri,
                code_challenge=asked.code_challenge,
                scopes=asked.scope.split() or client.scopes,
                state=asked.state,
                key_hash=asked.dpop_jkt,
            )
        )

    async def complete(self, finished: Finished) -> str:
        """A user has logged in for an app, or not: the address that brings the app its code, or the news."""
        asked, account = finished.app_request, finished.account
        assert asked is not None
        if account is None:
            return self._back(asked.redirect_uri, asked.state, error="access_denied")
        now, secret = self._now(), secrets.token_urlsafe(32)
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            agencies = await self._rights.list_agencies(conn, account, finished.level)
            login = AppLogin(
                login_id=uuid4(),
                client_id=asked.client_id,
                account_id=account.account_id,
                level=finished.level,
                scopes=asked.scopes,
                agency_code=agencies[0] if len(agencies) == 1 else None,
                key_hash=asked.key_hash,
                created_at=now,
                expires_at=now + LOGIN_LIFETIME,
            )
            await login_store.insert_login(conn, login)
            code = Code(login.login_id, asked.redirect_uri, asked.code_challenge, now + CODE_LIFETIME)
            await login_store.insert_code(conn, hash_secret(secret), code)
        return self._back(asked.redirect_uri, asked.state, code=secret)

    def _back(self, redirect_uri: str, state: str | None, **answer: str) -> str:
        """The app's address with an answer to it (RFC 6749, 4.1.2) and who answers (RFC 9207)."""
        answer |= {"iss": self._origin} | ({} if state is None else {"state": state})
        return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(answer)}"

    # ------------------------------------------------------------ tokens

    async def give_token(self, form: TokenForm, proof: str | None) -> TokenAnswer:
        """An access token for a code, a refresh token or a client assertion. Raises OAuthRefused."""
        if not form.grant_type:
            raise OAuthRefused("invalid_request", "grant_type is missing")
        key_hash = None if proof is None else await self._read_proof(proof)
        if form.grant_type == "client_credentials":
            return await self._give_system(form, key_hash)
        if form.grant_type == "authorization_code":
            return await self._give_app(form, key_hash, self._redeem_code)
        if form.grant_type == "refresh_token":
            return await self._give_app(form, key_hash, self._redeem_refresh_token)
        raise OAuthRefused("unsupported_grant_type", "grant_type")

    async def revoke(self, form: RevokeForm) -> None:
        """End a refresh token with its login, or the access tokens like this one. Raises OAuthRefused for no client."""
        now = self._now()
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            client = await self._get_client(conn, form)
            login_id = await login_store.find_login_of_token(conn, hash_secret(form.token))
            login = None if login_id is None else await login_store.find_login(conn, login_id, now)
            if login is not None and login.client_id == client.client_id:
                await self._end(conn, login, now)
            elif login_id is None:
                await self._end_access_tokens(conn, form.token, client, now)

    async def _end_access_tokens(self, conn: Connection, text: str, client: Client, now: datetime) -> None:
        try:
            token = self._tokens.read(text)
        except NotAuthenticated:
            return  # nothing that is good: there is nothing to do (RFC 7009, 2.2)
        if token.client_id == client.client_id:
            await self._cutoffs.end(conn, token.caller.session_name or token.caller.subject, now)

    async def end_login(self, account_id: UUID, login_id: UUID) -> bool:
        """End a login of a person in an app; False if he has none of that name."""
        now = self._now()
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            login = await login_store.find_login(conn, login_id, now)
            if login is None or login.account_id != account_id:
                return False
            await self._end(conn, login, now)
        return True

    # ------------------------------------------------------------ apps

    async def _give_app(
        self,
        form: TokenForm,
        key_hash: str | None,
        redeem: Callable[[Connection, TokenForm, str | None, datetime], Awaitable[_Redeemed]],
    ) -> TokenAnswer:
        now, secret = self._now(), secrets.token_urlsafe(32)
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            client = await self._get_client(conn, form)
            if client.kind != "app":
                raise OAuthRefused("unauthorized_client", "this grant is for apps")
            login, fault = await redeem(conn, form, key_hash, now)
            if login is not None and login.client_id == client.client_id:
                answer = await self._answer_app(conn, form, login, key_hash, now)
                await login_store.insert_refresh_token(conn, hash_secret(secret), login.login_id, now)
                return msgspec.structs.replace(answer, refresh_token=secret)
        raise OAuthRefused("invalid_grant", fault or "of another client")

    async def _redeem_code(self, conn: Connection, form: TokenForm, key_hash: str | None, now: datetime) -> _Redeemed:
        """The login for which a code was given (RFC 6749, 4.1.3). A code shown twice, or wrongly, ends it."""
        code_hash = hash_secret(form.code)
        code = await login_store.use_code(conn, code_hash, now)
        if code is None:
            return await self._given_away(conn, await login_store.find_login_of_code(conn, code_hash), now, "code")
        login = await login_store.hold_login(conn, code.login_id, now)
        good = (
            now < code.expires_at
            and form.redirect_uri == code.redirect_uri
            and _is_verified(form.code_verifier, code.code_challenge)
            and login is not None
            and login.client_id == form.client_id
            and login.key_hash in (None, key_hash)
        )
        if not good or login is None:
            return await self._given_away(conn, code.login_id, now, "code")
        if key_hash is not None:
            await login_store.bind_login(conn, login.login_id, key_hash)
            login = msgspec.structs.replace(login, key_hash=key_hash)
        return _Redeemed(login)

    async def _redeem_refresh_token(
        self, conn: Connection, form: TokenForm, key_hash: str | None, now: datetime
    ) -> _Redeemed:
        """The login of a refresh token. One shown twice, or without the key that it is bound to, ends it."""
        token_hash = hash_secret(form.refresh_token)
        login_id = await login_store.use_refresh_token(conn, token_hash, now)
        if login_id is None:
            login_id = await login_store.find_login_of_token(conn, token_hash)
            return await self._given_away(conn, login_id, now, "refresh token")
        login = await login_store.hold_login(conn, login_id, now)
        if login is None:
            return _Redeemed(None, "the login has ended")
        if login.client_id != form.client_id or login.key_hash != key_hash:
            return await self._given_away(conn, login_id, now, "refresh token")
        return _Redeemed(login)

    async def _given_away(self, conn: Connection, login_id: UUID | None, now: datetime, what: str) -> _Redeemed:
        """Somebody shows what was used, or what he cannot use: nobody knows who of the two is the thief, so it ends."""
        login = None if login_id is None else await login_store.find_login(conn, login_id, now)
        if login is not None:
            await self._end(conn, login, now)
        return _Redeemed(None, what)

    async def _end(self, conn: Connection, login: AppLogin, now: datetime) -> None:
        if await login_store.end_login(conn, login.login_id, now):
            await self._cutoffs.end(conn, login.session_name, now)
            entry = auditing.Entry(f"person:{login.account_id}", "end_login", login.session_name)
            await auditing.append(conn, [entry], now)

    async def _answer_app(
        self, conn: Connection, form: TokenForm, login: AppLogin, key_hash: str | None, now: datetime
    ) -> TokenAnswer:
        account = await store.find_account(conn, login.account_id)
        assert account is not None  # nobody may delete one
        issued_at = await time_of_token(conn, account.subject, login.session_name, now)
        agency_code = login.agency_code
        if form.agency is not None:
            if form.agency not in await self._rights.list_agencies(conn, account, login.level):
                raise OAuthRefused("invalid_target", "agency")
            agency_code = form.agency
            await login_store.set_agency(conn, login.login_id, agency_code)
        caller = await self._rights.find_person(conn, account, login.level, agency_code)
        stepped_up_at = None if login.stepped_up_at is None else int(login.stepped_up_at.timestamp())
        caller = msgspec.structs.replace(
            limited(caller, frozenset(_narrowed(form.scope, login.scopes))),
            session_name=login.session_name,
            stepped_up_at=stepped_up_at,
        )
        ends_at = await self._rights.find_end(conn, account.subject)
        return self._made(caller, login.client_id, key_hash, issued_at, ends_at)

    # ------------------------------------------------------------ systems

    async def _give_system(self, form: TokenForm, key_hash: str | None) -> TokenAnswer:
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            client = await self._get_client(conn, form)
            if client.kind != "system":
                raise OAuthRefused("unauthorized_client", "this grant is for systems")
            issued_at = await time_of_token(conn, client.subject, None, self._now())
            caller = await self._rights.find_system(conn, client)
            if form.scope is not None:
                caller = limited(caller, frozenset(_narrowed(form.scope, sorted(caller.scopes))))
            ends_at = await self._rights.find_end(conn, client.subject)
        if not caller.scopes:
            raise OAuthRefused("invalid_scope", "nothing is granted to this client")
        return self._made(caller, client.client_id, key_hash, issued_at, ends_at)

    # ------------------------------------------------------------ both

    async def _get_client(self, conn: Connection, form: TokenForm | RevokeForm) -> Client:
        """Who asks: an app by its name, a system by its assertion. Raises OAuthRefused."""
        if not form.client_assertion:
            client = await _find_client(conn, form.client_id or "", "app")
            if client is None:
                raise OAuthRefused("invalid_client", "no such app")
            return client
        if form.client_assertion_type != ASSERTION_TYPE:
            raise OAuthRefused("invalid_client", "client_assertion_type")
        try:
            claimed = read_unverified_claim(form.client_assertion, "iss")
            client = await _find_client(conn, str(claimed), "system")
            if client is None or form.client_id not in (None, client.client_id):
                raise OAuthRefused("invalid_client", "no such system")
            keys = await client_store.list_keys(conn, client.client_id)
            await self._proofs.check_assertion(conn, form.client_assertion, client, keys)
        except NotAuthenticated as error:
            raise OAuthRefused("invalid_client", str(error)) from None
        return client

    async def _read_proof(self, proof: str) -> str:
        try:
            return await self._proofs.read_proof(proof, ProvenRequest("POST", f"{self._origin}/oauth/token"))
        except NotAuthenticated as error:
            raise OAuthRefused("invalid_dpop_proof", str(error)) from None

    def _made(
        self, caller: Caller, client_id: str, key_hash: str | None, issued_at: datetime, ends_at: datetime | None
    ) -> TokenAnswer:
        lifetime = TOKEN_LIFETIME if ends_at is None else min(TOKEN_LIFETIME, ends_at - issued_at)
        token = make_token(self._key, self._origin, caller, issued_at, lifetime, client_id=client_id, key_hash=key_hash)
        return TokenAnswer(
            access_token=token,
            token_type="Bearer" if key_hash is None else "DPoP",
            expires_in=int(lifetime.total_seconds()),
            scope=" ".join(sorted(caller.scopes)),
            authorization_details=[
                {"type": "result_types", "actions": [scope], "datatypes": sorted(types)}
                for scope, types in sorted(caller.types.items())
            ],
            agency=caller.agency_code,
        )


async def _find_client(conn: Connection, client_id: str, kind: str) -> Client | None:
    """The client of that name and kind, unless it has ended. What cannot be a name is not looked up."""
    if not CLIENT_ID.fullmatch(client_id):
        return None
    client = await client_store.find_client(conn, client_id)
    return client if client is not None and client.kind == kind and client.ended_at is None else None


def _fault(asked: AuthorizeQuery, client: Client) -> str | None:
    """What is wrong with a request of a known app, as RFC 6749, 4.1.2.1 calls it."""
    if asked.response_type != "code":
        return "unsupported_response_type"
    if asked.code_challenge_method != "S256" or not _CHALLENGE.fullmatch(asked.code_challenge):
        return "invalid_request"
    if len(asked.state or "") > _MAX_STATE or (asked.dpop_jkt and not _CHALLENGE.fullmatch(asked.dpop_jkt)):
        return "invalid_request"
    return None if set(asked.scope.split()) <= set(client.scopes) else "invalid_scope"


def _is_verified(verifier: str, challenge: str) -> bool:
    """Whether this is what the challenge was made of (RFC 7636, 4.6)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    return hmac.compare_digest(digest(verifier), challenge)


def _narrowed(asked: str | None, given: list[str]) -> list[str]:
    """The scopes that are asked for, or else all that are given. Raises OAuthRefused for more."""
    if asked is None:
        return given
    if not set(asked.split()) <= set(given):
        raise OAuthRefused("invalid_scope", "more than is granted")
    return asked.split()
