"""The identity provider, as its client sees it: OpenID Connect Core 1.0, code flow with PKCE, as RFC 9700 wants it.

Its addresses and keys come from its discovery document, read when they are first needed and again after an hour. Of a
person nothing is believed but what stands in an ID token that it signed for us, for this very login.
"""

import hmac
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT, private_key_jwt_sign
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet

from khoso.errors import ConfigurationError, LoginRefused, Unavailable
from khoso.identity.model import Level, Person

ALGORITHMS = ["RS256", "PS256", "ES256"]
"""By which an ID token may be signed."""

_PERSONAL_ID = re.compile(r"[0-9]{12}")
_TIMEOUT_SECONDS = 5.0
_METADATA_KEPT = timedelta(hours=1)
_KEYS_ASKED = timedelta(minutes=1)
"""How often an unknown key makes us ask for the keys again, at most."""
_LEEWAY_SECONDS = 60
_MAX_AGE_SECONDS = 600
"""How old an ID token may be when it comes."""
_ASSERTION_SECONDS = 60
"""How long our own word that it is us is good."""


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which provider, and what it knows us by."""

    issuer: str
    client_id: str
    secret: str | None
    key_pem: str | None
    scope: str
    redirect_uri: str
    name_claim: str
    personal_id_claim: str
    levels: Mapping[str, Level]
    """By the provider's `acr` values."""
    least_level: Level
    """The lowest level that is good for anything here."""


class _Metadata(msgspec.Struct, frozen=True):
    """What is used of the discovery document (OpenID Connect Discovery 1.0, 3; RFC 9207, 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    authorization_response_iss_parameter_supported: bool = False


class _Known(msgspec.Struct, frozen=True):
    """What was read from the provider, and when."""

    metadata: _Metadata
    keys: Any
    at: datetime


class _Assertion(PrivateKeyJWT):  # type: ignore[misc]  # the library has no types
    """How we prove by a key that we are the client (RFC 7523, 2.2)."""

    def sign(self, auth: Any, token_endpoint: str) -> Any:
        """The library would have it good for an hour."""
        return private_key_jwt_sign(
            auth.client_secret, auth.client_id, token_endpoint, alg="ES256", expires_in=_ASSERTION_SECONDS
        )


class Provider:
    """One identity provider."""

    def __init__(self, settings: ProviderSettings, now: Callable[[], datetime]) -> None:
        """Raises ConfigurationError for a key that is none."""
        self._settings = settings
        self._key = None if settings.key_pem is None else _read_key(settings.key_pem)
        self._now = now
        self._known: _Known | None = None

    async def begin(self, state: str, nonce: str, code_verifier: str) -> str:
        """The address to send the browser to. Raises Unavailable if the provider does not answer."""
        known = await self._know()
        async with self._client(known.metadata) as client:
            url, _ = client.create_authorization_url(
                known.metadata.authorization_endpoint,
                state=state,
                code_verifier=code_verifier,
                nonce=nonce,
                acr_values=" ".join(self._acr_values()),
            )
        return str(url)

    async def check_response(self, state: str, expected_state: str, issuer: str | None) -> None:
        """Raise LoginRefused unless the answer belongs to this login and comes from this provider (RFC 9207, 2.4)."""
        metadata = (await self._know()).metadata
        if not hmac.compare_digest(state.encode(), expected_state.encode()):
            raise LoginRefused("state")
        if issuer is None and metadata.authorization_response_iss_parameter_supported:
            raise LoginRefused("no iss")
        if issuer is not None and issuer != metadata.issuer:
            raise LoginRefused("iss of another provider")

    async def redeem(self, code: str, nonce: str, code_verifier: str) -> Person:
        """Whom the provider has identified. Raises LoginRefused, or Unavailable if the provider does not answer."""
        known = await self._know()
        async with self._client(known.metadata) as client:
            with _translating_errors():
                answer = await client.fetch_token(
                    known.metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=code_verifier,
                    redirect_uri=self._settings.redirect_uri,
                )
        text = answer.get("id_token")
        if not isinstance(text, str):
            raise LoginRefused("no ID token")
        return self._person(await self._read(text, nonce, answer.get("access_token")))

    def _client(self, metadata: _Metadata) -> Any:
        """An AsyncOAuth2Client, whose library has no types."""
        settings = self._settings
        client = AsyncOAuth2Client(
            client_id=settings.client_id,
            client_secret=self._key or settings.secret,
            token_endpoint_auth_method="client_secret_basic" if self._key is None else _Assertion.name,
            code_challenge_method="S256",
            redirect_uri=settings.redirect_uri,
            scope=settings.scope,
            timeout=_TIMEOUT_SECONDS,
            verify=_tls(),
            follow_redirects=False,
        )
        client.register_client_auth_method(_Assertion(metadata.token_endpoint))
        return client

    async def _read(self, text: str, nonce: str, access_token: object) -> CodeIDToken:
        """The claims of an ID token (Core, 3.1.3.7), all of them checked. Raises LoginRefused."""
        settings = self._settings
        try:
            known, token = await self._decode(text)
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={
                    "iss": {"essential": True, "value": known.metadata.issuer},
                    "aud": {"essential": True, "value": settings.client_id},
                },
                params={"nonce": nonce, "client_id": settings.client_id, "access_token": access_token},
            )
            now = int(self._now().timestamp())
            claims.validate(now, _LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError) as error:
            raise LoginRefused(f"ID token: {type(error).__name__}") from None
        if not now - _MAX_AGE_SECONDS <= claims["iat"] <= now + _LEEWAY_SECONDS:
            raise LoginRefused("ID token: iat")
        return claims

    def _person(self, claims: CodeIDToken) -> Person:
        settings = self._settings
        name, personal_id = claims.get(settings.name_claim), claims.get(settings.personal_id_claim)
        if personal_id is not None and _PERSONAL_ID.fullmatch(str(personal_id)) is None:
            raise LoginRefused("ID token: personal id")
        return Person(
            issuer=settings.issuer,
            provider_subject=_text(claims["sub"]) or _refuse("sub"),
            name=_text(name) or "",
            personal_id=_text(personal_id),
            level=settings.levels.get(_text(claims.get("acr")) or "", 0),
        )

    def _acr_values(self) -> list[str]:
        """What is good for anything here, the best first."""
        levels = self._settings.levels
        return sorted(
            (acr for acr in levels if levels[acr] >= self._settings.least_level), key=lambda acr: -levels[acr]
        )

    async def _decode(self, text: str) -> tuple[_Known, jwt.Token]:
        """The signed content of an ID token. The keys are asked for again if it names one that is not known."""
        known = await self._know()
        try:
            return known, jwt.decode(text, known.keys, algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            if self._now() - known.at <= _KEYS_ASKED:
                raise
        known = await self._ask()
        return known, jwt.decode(text, known.keys, algorithms=ALGORITHMS)

    async def _know(self) -> _Known:
        if self._known is None or self._now() - self._known.at > _METADATA_KEPT:
            return await self._ask()
        return self._known

    async def _ask(self) -> _Known:
        """Read discovery document and keys. Raises Unavailable."""
        issuer = self._settings.issuer
        async with httpx2.AsyncClient(timeout=_TIMEOUT_SECONDS, verify=_tls(), follow_redirects=False) as client:
            with _translating_errors():
                text = (await client.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")).raise_for_status()
                metadata = msgspec.json.decode(text.content, type=_Metadata)
                _check(metadata, issuer)
                keys = (await client.get(metadata.jwks_uri)).raise_for_status()
                self._known = _Known(metadata, KeySet.import_key_set(keys.json()), self._now())
        return self._known


@cache
def _tls() -> ssl.SSLContext:
    """Whom this machine trusts; read once, for it takes longer than a request."""
    return ssl.create_default_context()


def _read_key(pem: str) -> ECKey:
    try:
        key = ECKey.import_key(pem)
    except (JoseError, ValueError, TypeError):
        key = None
    if key is None or not key.is_private or key.curve_name != "P-256":
        raise ConfigurationError("KHOSO_OIDC_KEY_FILE: not a private P-256 key as PEM; see docs/identity.md")
    return key


def _check(metadata: _Metadata, issuer: str) -> None:
    """Raise Unavailable unless the document is the issuer's own, and sends nobody where nothing is encrypted."""
    if metadata.issuer != issuer:
        raise Unavailable("the identity provider calls itself otherwise than KHOSO_OIDC_ISSUER")
    plain = urlsplit(issuer).scheme == "http"  # a demonstration, or this machine: configuration has seen to it
    for url in (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri):
        if urlsplit(url).scheme != "https" and not plain:
            raise Unavailable("the identity provider names an address that is not https")


@contextmanager
def _translating_errors() -> Iterator[None]:
    """What the provider refuses is LoginRefused; if it does not answer, or not as it should, it is Unavailable."""
    try:
        yield
    except OAuthError as error:
        raise LoginRefused(f"the provider answers {error.error}") from None
    except (httpx2.HTTPError, JoseError, msgspec.MsgspecError, ValueError) as error:
        raise Unavailable(f"identity provider: {type(error).__name__}") from None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _refuse(claim: str) -> str:
    raise LoginRefused(f"ID token: {claim}")
