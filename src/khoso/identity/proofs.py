"""Proofs of holding a key: DPoP (RFC 9449) of apps, client assertions (RFC 7523) of agencies' systems.

Each is a JWT signed with ES256, of one exact form, young, and good once: what was spent stands in the database.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from khoso import db
from khoso.bounds import Bounds
from khoso.db import Connection, Pool
from khoso.errors import NotAuthenticated
from khoso.identity import proof_store as store
from khoso.identity.encoding import digest
from khoso.identity.model import Client, ClientKey
from khoso.identity.tokens import ALGORITHM, read_signed, read_unverified_header

PROOF_TYPE = "dpop+jwt"
PROOF_SECONDS = 60
"""How far the time of a proof may lie from ours, either way."""
ASSERTION_SECONDS = 300
"""How long a client assertion may be good."""
CLOCK_SKEW_SECONDS = 60

_TOKEN_ID = re.compile(r"[!-~]{8,128}")
_COORDINATE = re.compile(r"[A-Za-z0-9_-]{43}")


class _ProofClaims(msgspec.Struct, frozen=True):
    jti: str
    htm: str
    htu: str
    iat: int
    ath: str | None = None


class _AssertionClaims(msgspec.Struct, frozen=True):
    iss: str
    sub: str
    aud: str
    jti: str
    exp: int
    iat: int | None = None
    nbf: int = 0


class ProvenRequest(NamedTuple):
    """The request that a DPoP proof has to be about."""

    method: str
    url: str
    """Without query and fragment."""
    access_token: str | None = None


class Proofs:
    """Reads proofs, each once."""

    def __init__(self, pool: Pool, origin: str, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._audiences = (origin, f"{origin}/oauth/token")
        self._now = now

    async def read_proof(self, text: str, request: ProvenRequest) -> str:
        """The thumbprint (RFC 7638) of the key that has signed this DPoP proof for this request.

        Raises NotAuthenticated (RFC 9449, 4.3).
        """
        header = read_unverified_header(text)
        if header.keys() != {"typ", "alg", "jwk"} or (header["typ"], header["alg"]) != (PROOF_TYPE, ALGORITHM):
            raise NotAuthenticated("proof: header")
        jwk = header["jwk"]
        signed = read_signed(text, _key_of(jwk))
        claims = _claims(signed.claims, _ProofClaims)
        now = self._now()
        expected = None if request.access_token is None else digest(request.access_token)
        if (claims.htm, claims.htu, claims.ath) != (request.method, request.url, expected):
            raise NotAuthenticated("proof: of another request")
        seconds = now.timestamp()
        # Compared, for a claim may be a number that no float can hold: subtracting it would fail.
        if not seconds - PROOF_SECONDS <= claims.iat <= seconds + PROOF_SECONDS:
            raise NotAuthenticated("proof: time")
        thumbprint = thumbprint_of(jwk)
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            await self.spend(conn, thumbprint, claims.jti, now + timedelta(seconds=2 * PROOF_SECONDS))
        return thumbprint

    async def check_assertion(self, conn: Connection, text: str, client: Client, keys: Sequence[ClientKey]) -> None:
        """Raise NotAuthenticated unless one of its keys has signed this assertion that it is this client."""
        header = read_unverified_header(text)
        if header.get("alg") != ALGORITHM or not header.keys() <= {"alg", "typ", "kid"}:
            raise NotAuthenticated("assertion: header")
        if header.get("typ") not in (None, "JWT", "client-authentication+jwt"):
            raise NotAuthenticated("assertion: typ")
        now = self._now()
        key = next((key for key in keys if key.kid == header.get("kid") and is_good(key, now)), None)
        if key is None:
            raise NotAuthenticated("assertion: key")
        claims = _claims(read_signed(text, load_key(key.public_key)).claims, _AssertionClaims)
        if (claims.iss, claims.sub) != (client.client_id, client.client_id) or claims.aud not in self._audiences:
            raise NotAuthenticated("assertion: of or for another")
        seconds = now.timestamp()
        if not seconds < claims.exp <= seconds + ASSERTION_SECONDS + CLOCK_SKEW_SECONDS:
            raise NotAuthenticated("assertion: exp")
        if claims.iat is not None and claims.iat > seconds + CLOCK_SKEW_SECONDS:
            raise NotAuthenticated("assertion: iat")
        if claims.nbf > seconds + CLOCK_SKEW_SECONDS:
            raise NotAuthenticated("assertion: nbf")
        await self.spend(conn, client.client_id, claims.jti, datetime.fromtimestamp(claims.exp, now.tzinfo))

    async def spend(self, conn: Connection, whose: str, token_id: str, expires_at: datetime) -> None:
        """Raise NotAuthenticated if that one has shown this id before, as long as it could be good."""
        if not _TOKEN_ID.fullmatch(token_id):
            raise NotAuthenticated("jti")
        proof_hash = hashlib.sha256(f"{whose} {token_id}".encode()).digest()
        if not await store.spend(conn, proof_hash, expires_at):
            raise NotAuthenticated("shown before")


def is_good(key: ClientKey, now: datetime) -> bool:
    """Whether a client's key counts at that time."""
    return key.valid_from <= now and (key.valid_until is None or now < key.valid_until)


def load_key(public_key: bytes) -> ec.EllipticCurvePublicKey:
    """A P-256 key in its DER form. Raises NotAuthenticated for anything else."""
    try:
        key = load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm):
        raise NotAuthenticated("key") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise NotAuthenticated("key")
    return key


def thumbprint_of(jwk: Mapping[str, Any]) -> str:
    """The thumbprint of a P-256 key (RFC 7638, 3)."""
    required = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return digest(json.dumps(required, separators=(",", ":"), sort_keys=True))


def key_of_jwk(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    """The P-256 key that a JWK (RFC 7518, 6.2) says. Raises ValueError for anything else, a private key above all."""
    if "d" in jwk or (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256"):
        raise ValueError("give a public P-256 key")
    x, y = (_coordinate(jwk.get(name)) for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def _key_of(jwk: object) -> ec.EllipticCurvePublicKey:
    if not isinstance(jwk, dict) or jwk.keys() != {"kty", "crv", "x", "y"}:
        raise NotAuthenticated("proof: jwk")
    try:
        return key_of_jwk(jwk)
    except ValueError:
        raise NotAuthenticated("proof: jwk") from None


def _coordinate(text: object) -> int:
    if not isinstance(text, str) or not _COORDINATE.fullmatch(text):
        raise ValueError("give a public P-256 key")
    return int.from_bytes(base64.urlsafe_b64decode(text + "="))


def _claims(claims: Mapping[str, Any], kind: type[Any]) -> Any:
    try:
        return msgspec.convert(claims, kind)
    except msgspec.ValidationError as error:
        raise NotAuthenticated(type(error).__name__) from None
