"""Access tokens: JWT (RFC 9068) signed with ES256. The only place that calls PyJWT.

PyJWT checks less than it seems to: it takes any `typ`, a missing `exp` unless told, doubled names. So one algorithm,
one key, one audience, one issuer and one `typ` are fixed here, and every claim is required in its exact type.
"""

import base64
import json
import uuid
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.types import Options

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

_OPTIONS: Options = {
    "require": ["iss", "sub", "aud", "exp", "iat", "jti", "scope"],
    # Times are compared below, with the clock that we are given.
    "verify_exp": False,
    "verify_iat": False,
}


class _Limit(msgspec.Struct, frozen=True):
    """One of the authorization details (RFC 9396, 2): these scopes are good for these result types only."""

    type: Literal["result_types"]
    actions: list[str]
    datatypes: list[str]


class _Claims(msgspec.Struct, frozen=True):
    sub: str
    exp: int
    iat: int
    jti: str
    scope: str
    agency: str | None = None
    vault: uuid.UUID | None = None
    authorization_details: list[_Limit] = []


def make_token(
    key: ec.EllipticCurvePrivateKey, issuer: str, caller: Caller, issued_at: datetime, lifetime: timedelta
) -> str:
    """A token for `caller`, good for `lifetime`. Raises ValueError for a scope that does not exist."""
    unknown = caller.scopes - SCOPES.keys()
    if unknown:
        raise ValueError(f"unknown scope {', '.join(sorted(unknown))}; there are {', '.join(SCOPES)}")
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": caller.subject,
        "iat": int(issued_at.timestamp()),
        "exp": int((issued_at + lifetime).timestamp()),
        "jti": str(uuid.uuid4()),
        "scope": " ".join(sorted(caller.scopes)),
    }
    if caller.agency_code is not None:
        claims["agency"] = caller.agency_code
    if caller.vault_id is not None:
        claims["vault"] = str(caller.vault_id)
    if caller.types:
        claims["authorization_details"] = [
            {"type": "result_types", "actions": [scope], "datatypes": sorted(types)}
            for scope, types in sorted(caller.types.items())
        ]
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"typ": TYPE})


class Token(msgspec.Struct, frozen=True):
    """A token whose signature and form are right. Whether it is good now is asked at every use."""

    caller: Caller
    issued_at: int
    expires_at: int

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
        if len(text) > MAX_TOKEN:
            raise NotAuthenticated("token too long")
        try:
            decoded = jwt.decode_complete(
                text, self._key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=self._issuer, options=_OPTIONS
            )
            claims = msgspec.convert(decoded["payload"], _Claims)
        except (jwt.InvalidTokenError, msgspec.ValidationError) as error:
            raise NotAuthenticated(type(error).__name__) from None
        if decoded["header"] != {"alg": ALGORITHM, "typ": TYPE}:
            raise NotAuthenticated("header")
        for part in text.split(".")[:2]:
            json.loads(base64.urlsafe_b64decode(part + "=="), object_pairs_hook=_refuse_doubled_names)
        caller = Caller(
            subject=claims.sub,
            scopes=frozenset(claims.scope.split()),
            types={one: frozenset(limit.datatypes) for limit in claims.authorization_details for one in limit.actions},
            agency_code=claims.agency,
            vault_id=claims.vault,
        )
        return Token(caller, claims.iat, claims.exp)


def _refuse_doubled_names(pairs: list[tuple[str, Any]]) -> None:
    """Of two equal names one reader takes the first and another the last (RFC 8725, 2.4)."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise NotAuthenticated("doubled names")
