"""Status list tokens: a status list, signed by a publisher of the city (IETF Token Status List, draft 20, section 5).

As CWT, which our verifiers read:

    {2: address, 4: end, 6: time of signing, 65533: {"lst": zlib, "bits": 2, "aggregation_uri": address}, 65534: ttl,
     -65540: version}

and as JWT, for others, with the same under `sub`, `exp`, `iat`, `status_list`, `ttl` and `version`. The version is
our own claim: it rises with every change of the list, so that an older list is known as such.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import cbor
from .cose import Profile
from .documents import MAX_PAYLOAD, NotBelieved, unseal_published
from .malformed import Malformed
from .status_list import BITS, StatusList, decompress
from .trust import Publisher

PROFILE = Profile("application/statuslist+cwt", MAX_PAYLOAD)
JWT_MEDIA_TYPE = "application/statuslist+jwt"

SUB, EXP, IAT, STATUS_LIST, TTL, VERSION = 2, 4, 6, 65533, 65534, -65540
_JWT_NAMES = {SUB: "sub", EXP: "exp", IAT: "iat", STATUS_LIST: "status_list", TTL: "ttl", VERSION: "version"}


@dataclass(frozen=True, slots=True)
class StatusToken:
    """What a publisher says of one list. `compressed` is its `lst`, as `status_list.compress` makes it."""

    origin: str
    list_id: int
    version: int
    issued_at: int
    expires_at: int
    ttl: int
    """Seconds after which a consumer should ask for a newer one."""
    compressed: bytes

    @property
    def statuses(self) -> StatusList:
        """The statuses themselves. Raises Malformed."""
        return decompress(self.compressed)


def address(origin: str, list_id: int) -> str:
    """The URI of a list: where it is served, and its `sub`."""
    return f"{_lists(origin)}/{list_id}"


def aggregation_address(origin: str) -> str:
    """Where the addresses of all lists are served (section 9)."""
    return _lists(origin)


def encode(token: StatusToken) -> bytes:
    """The CWT's payload."""
    return cbor.dumps(_claims(token, {"lst": token.compressed, "bits": BITS}))


def decode(payload: bytes, origin: str) -> StatusToken:
    """The token in a CWT's payload. Raises Malformed for another form, NotBelieved for another city's."""
    claims = cbor.parse(payload)
    try:
        told, compressed = claims[SUB], claims[STATUS_LIST]["lst"]
        version, issued_at, expires_at, ttl = numbers = [claims[name] for name in (VERSION, IAT, EXP, TTL)]
        list_id = int(told.rpartition("/")[2])
    except (AttributeError, LookupError, TypeError, ValueError):
        raise Malformed("status_token") from None
    if type(compressed) is not bytes or {type(number) for number in numbers} != {int}:
        raise Malformed("status_token")
    token = StatusToken(origin, list_id, version, issued_at, expires_at, ttl, compressed)
    if told != address(origin, list_id):
        raise NotBelieved("origin")
    if encode(token) != payload:  # refuses whatever was not read: other claims, other orders
        raise Malformed("status_token")
    return token


def unseal_status(signed: bytes, publishers: Mapping[bytes, Publisher], origin: str) -> StatusToken:
    """The token in a CWT that a publisher signed in its time, for this city. Raises Malformed or NotBelieved.

    Whether the token has expired, or is older than another, is for whoever holds it to say.
    """
    return unseal_published(PROFILE, signed, publishers, lambda payload: decode(payload, origin))


def to_jwt(token: StatusToken, kid: bytes, sign: Callable[[bytes], bytes]) -> str:
    """The token as signed JWT (RFC 7519); `sign` makes the raw 64-byte ES256 signature."""
    header = {"alg": "ES256", "kid": kid.hex(), "typ": "statuslist+jwt"}
    claims = _claims(token, {"lst": _base64url(token.compressed), "bits": BITS})
    named = {_JWT_NAMES[number]: value for number, value in claims.items()}
    message = f"{_json(header)}.{_json(named)}"
    return f"{message}.{_base64url(sign(message.encode()))}"


def _claims(token: StatusToken, status_list: dict[str, Any]) -> dict[int, Any]:
    """In the order of deterministic encoding (RFC 8949, 4.2.1)."""
    return {
        SUB: address(token.origin, token.list_id),
        EXP: token.expires_at,
        IAT: token.issued_at,
        STATUS_LIST: status_list | {"aggregation_uri": aggregation_address(token.origin)},
        TTL: token.ttl,
        VERSION: token.version,
    }


def _lists(origin: str) -> str:
    return f"{origin}/lists/status"


def _json(value: dict[str, Any]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    """Without padding (RFC 7515, 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()
