"""Every key signs its own kind of thing: of all keys and all kinds, only the diagonal is believed."""

import json
from collections.abc import Callable
from itertools import product

import pytest

from golden import city, documents
from golden.city import NOW, ORIGIN, SigningKey, b64
from golden.documents import PUBLISHER, ROOT, TOKEN, TYPES
from khoso.errors import NotAuthenticated
from khoso.formats import status_token
from khoso.formats.documents import NotBelieved, keys_by_kid
from khoso.formats.lists import Lists
from khoso.formats.malformed import Malformed
from khoso.formats.verdict import Outcome, verify
from khoso.identity.tokens import AUDIENCE, TokenReader

TOKEN_KEY = SigningKey("token", "", "active", 0)

KEYS = {"agency": city.ACTIVE, "root": ROOT, "publisher": PUBLISHER, "token": TOKEN_KEY}
OWN_KEY = {"credential": "agency", "trust list": "root", "types": "publisher", "status list": "publisher"} | {
    "access token": "token"
}


def jwt_of(key: SigningKey) -> str:
    """An access token but for its signer."""
    header = {"alg": "ES256", "typ": "at+jwt"}
    claims = {"iss": ORIGIN, "aud": AUDIENCE, "sub": "x", "iat": NOW, "exp": NOW + 60, "jti": "1", "scope": "inspect"}
    message = ".".join(b64(json.dumps(part).encode()) for part in (header, claims))
    return f"{message}.{b64(key.sign(message.encode()))}"


MAKE: dict[str, Callable[[SigningKey], bytes | str]] = {
    "credential": lambda key: city.signed(city.dumps(city.claims()), key),
    "trust list": lambda key: documents.trust(key=key).data,
    "types": lambda key: documents.types(TYPES, key).data,
    "status list": lambda key: documents.status(TOKEN, key).data,
    "status list as JWT": lambda key: status_token.to_jwt(TOKEN, key.kid, key.sign),
    "access token": jwt_of,
}


def opened() -> Lists:
    lists = Lists(ORIGIN, keys_by_kid(ROOT.public))
    lists.take_trust(documents.GOOD_TRUST.data)
    lists.take_types(documents.GOOD_TYPES.data)
    lists.take_status(documents.GOOD_STATUS.data)
    return lists


def believes_credential(thing: bytes) -> bool:
    lists = opened()
    return verify(city.code(thing), ORIGIN, lists.trust, lists.types, lists, NOW).outcome is not Outcome.NOT_GENUINE


def believes_document(take: Callable[[Lists, bytes], object]) -> Callable[[bytes], bool]:
    def believes(thing: bytes) -> bool:
        try:
            take(opened(), thing)
        except (Malformed, NotBelieved):
            return False
        return True

    return believes


def believes_access_token(thing: bytes) -> bool:
    try:
        TokenReader(TOKEN_KEY.public, ORIGIN).read(thing.decode("latin-1"))
    except NotAuthenticated:
        return False
    return True


READERS: dict[str, Callable[[bytes], bool]] = {
    "trust list": believes_document(Lists.take_trust),
    "types": believes_document(Lists.take_types),
    "status list": believes_document(Lists.take_status),
    "access token": believes_access_token,
}


def bytes_of(kind: str, key: SigningKey) -> bytes:
    made = MAKE[kind](key)
    return made.encode() if isinstance(made, str) else made


@pytest.mark.parametrize(("reader", "kind", "key"), list(product(READERS, MAKE, KEYS)))
def test_only_the_diagonal_passes(reader: str, kind: str, key: str) -> None:
    assert READERS[reader](bytes_of(kind, KEYS[key])) == (reader == kind and OWN_KEY[kind] == key)


@pytest.mark.parametrize(("kind", "key"), list(product(MAKE, KEYS)))
def test_only_an_agency_s_credential_is_genuine(kind: str, key: str) -> None:
    thing = bytes_of(kind, KEYS[key])
    lists = opened()
    try:
        code = city.code(thing)
    except ValueError:
        return  # longer than any code
    verdict = verify(code, ORIGIN, lists.trust, lists.types, lists, NOW)
    assert (verdict.paper is not None) == (kind == "credential" and key == "agency")
