"""Access tokens: JWT (RFC 9068) signed with ES256. The only place that calls PyJWT.

PyJWT checks less than it seems to: it takes any `typ`, a missing `exp` unless told, doubled names. So it is asked for
the signature alone, by one algorithm and one key; header and claims are read here, each claim in its exact type.
"""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.utils import base64url_decode

from khoso.caller import SCOPES, Caller
from khoso.errors import NotAuthenticated

AUDIENCE = "khoso-api"
TYPE = "at+jwt"
ALGORITHM = "ES256"
MAX_TOKEN = 4_096
"""Longest token looked at, in characters."""

TOKENS_REMEMBERED = 1_024
MAX_CLOCK_SKEW = 60
"""Seconds by which the clock of whoever made the token may be ahead."""

LONGEST_LIFETIME = timedelta(days=31)
"""No token is good for longer."""

_JWS = jwt.PyJWS()


class Signed(NamedTuple):
    """What a JWT says. Its signature is right and nothing in it is doubled; its claims are for the reader to judge."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def read_signed(text: str, key: ec.EllipticCurvePublicKey) -> Signed:
    """A JWT that this key has signed with ES256. Raises NotAuthenticated, with the reason for the log."""
    try:
        decoded = _JWS.decode_complete(_short(text), key, algorithms=[ALGORITHM])
    except (jwt.InvalidTokenError, UnicodeError) as error:
        raise NotAuthenticated(type(error).__name__) from None
    return Signed(_parse(base64url_decode(text.partition(".")[0])), _parse(decoded["payload"]))


def read_unverified_header(text: str) -> Mapping[str, Any]:
    """The header of a JWT, to find the key by. Raises NotAuthenticated if there is none."""
    try:
        return dict(_JWS.get_unverified_header(_short(text)))
    except (jwt.InvalidTokenError, UnicodeError) as error:
        raise NotAuthenticated(type(error).__name__) from None


def read_unverified_claim(text: str, name: str) -> object:
    """One claim of a JWT, to find the key by. Raises NotAuthenticated if the text is no JWT."""
    try:
        return _parse(base64url_decode(_short(text).split(".")[1])).get(name)
    except (ValueError, IndexError):
        raise NotAuthenticated("form") from None


def _short(text: str) -> str:
    if len(text) > MAX_TOKEN:
        raise NotAuthenticated("token too long")
    return text


def _parse(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content, object_pairs_hook=_refuse_doubled_names)
    except (ValueError, RecursionError):
        raise NotAuthenticated("json") from None
    if not isinstance(found, dict):
        raise NotAuthenticated("json")
    return found


def _refuse_doubled_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two equal names one reader takes the first and another the last (RFC 8725, 2.4)."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise NotAuthenticated("doubled names")
    return dict(pairs)


class _Limit(msgspec.Struct, frozen=True):
    """One of the authorization details (RFC 9396, 2): these scopes are good for these result types only."""

    type: Literal["result_types"]
    actions: list[str]
    datatypes: list[str]


class _Confirmation(msgspec.Struct, frozen=True):
    """Who may use the token: whoever has the key of this thumbprint (RFC 9449, 6.1)."""

    jkt: str


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    sub: str
    aud: str
    exp: int
    iat: int
    jti: str
    scope: str
    agency: str | None = None
    vault: uuid.UUID | None = None
    client_id: str | None = None
    sid: str | None = None
    stepped_up_at: int | None = None
    cnf: _Confirmation | None = None
    authorization_details: list[_Limit] = []


def make_token(
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    caller: Caller,
    issued_at: datetime,
    lifetime: timedelta,
    *,
    client_id: str | None = None,
    key_hash: str | None = None,
) -> str:
    """A token for `caller`, good for `lifetime`; with `key_hash` only for whoever has the key of that thumbprint.

    Raises ValueError for a scope that does not exist, or a lifetime that is too long.
    """
    unknown = caller.scopes - SCOPES.keys()
    if unknown:
        raise ValueError(f"unknown scope {', '.join(sorted(unknown))}; there are {', '.join(SCOPES)}")
    if lifetime > LONGEST_LIFETIME:
        raise ValueError(f"no token is good for more than {LONGEST_LIFETIME.days} days")
    claims = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": caller.subject,
        "iat": int(issued_at.timestamp()),
        "exp": int((issued_at + lifetime).timestamp()),
        "jti": str(uuid.uuid4()),
        "scope": " ".join(sorted(caller.scopes)),
        "client_id": client_id,
        "agency": caller.agency_code,
        "vault": None if caller.vault_id is None else str(caller.vault_id),
        "sid": caller.session_name,
        "stepped_up_at": caller.stepped_up_at,
        "cnf": None if key_hash is None else {"jkt": key_hash},
        "authorization_details": [
            {"type": "result_types", "actions": [scope], "datatypes": sorted(types)}
            for scope, types in sorted(caller.types.items())
        ]
        or None,
    }
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, key, algorithm=ALGORITHM, headers={"typ": TYPE})


class Token(msgspec.Struct, frozen=True):
    """A token whose signature and form are right. Whether it is good now is asked at every use."""

    caller: Caller
    issued_at: int
    expires_at: int
    key_hash: str | None = None
    """Only whoever proves to have the key of this thumbprint may use it."""
    client_id: str | None = None
    """The app or system to which it was given."""

    def caller_at(self, now: datetime) -> Caller:
        """Whom it stands for at that time. Raises NotAuthenticated before and after its life."""
        if not self.issued_at - MAX_CLOCK_SKEW <= now.timestamp() < self.expires_at:
            raise NotAuthenticated("expired, or not yet good")
        return self.caller


class TokenReader:
    """Reads tokens of one issuer, each only once: a token is used for thousands of requests."""

    def __init__(self, key: ec.EllipticCurvePublicKey, issuer: str) -> None:
        self._key = key
        self._issuer = issuer
        self.read = lru_cache(maxsize=TOKENS_REMEMBERED)(self._read)
        """The token in a text. Raises NotAuthenticated, with the reason for the log; refusals are not remembered."""

    def _read(self, text: str) -> Token:
        signed = read_signed(text, self._key)
        if signed.header != {"alg": ALGORITHM, "typ": TYPE}:
            raise NotAuthenticated("header")
        try:
            claims = msgspec.convert(signed.claims, _Claims)
        except msgspec.ValidationError as error:
            raise NotAuthenticated(type(error).__name__) from None
        if (claims.iss, claims.aud) != (self._issuer, AUDIENCE):
            raise NotAuthenticated("issuer or audience")
        caller = Caller(
            subject=claims.sub,
            scopes=frozenset(claims.scope.split()),
            types=_types(claims.authorization_details),
            agency_code=claims.agency,
            vault_id=claims.vault,
            session_name=claims.sid,
            stepped_up_at=claims.stepped_up_at,
        )
        key_hash = None if claims.cnf is None else claims.cnf.jkt
        return Token(caller, claims.iat, claims.exp, key_hash, claims.client_id)


def _types(limits: list[_Limit]) -> dict[str, frozenset[str]]:
    """The result types by scope. Of two limits of one scope one reader takes the wider: there may not be two."""
    types = [(scope, frozenset(limit.datatypes)) for limit in limits for scope in limit.actions]
    if len({scope for scope, _ in types}) != len(types):
        raise NotAuthenticated("two limits of one scope")
    return dict(types)
