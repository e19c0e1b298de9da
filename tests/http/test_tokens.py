"""Access tokens at the door: one form is let in, and everything that only looks like it is not."""

import base64
import hmac
import json
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from desk import Desk, problem
from golden import city
from grounds import ORIGIN, Clock
from khoso.formats import cose
from khoso.identity.tokens import ALGORITHM
from khoso.signing.files import KeyFiles

Json = dict[str, Any]
Sign = Callable[[bytes], bytes]

DOOR = "/api/v1/vault/results"
HEADER = {"alg": "ES256", "typ": "at+jwt"}


class Mint:
    """Makes tokens, good and bad, that would be good at one moment."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, now: float) -> None:
        self.key = key
        self.now = int(now)

    def claims(self, **changes: Any) -> Json:
        """The good claims with changes; a claim that is changed to None is left out."""
        good = {
            "iss": ORIGIN,
            "aud": "khoso-api",
            "sub": "tester",
            "iat": self.now,
            "exp": self.now + 60,
            "jti": "1",
            "scope": "vault:read",
            "vault": str(UUID(int=1)),
        }
        return {name: value for name, value in (good | changes).items() if value is not None}

    def make(self, claims: Json | str | None = None, header: Json | str = HEADER, sign: Sign | None = None) -> str:
        """A token; claims or header that are a text stand in it as they are."""
        content = f"{part(header)}.{part(self.claims() if claims is None else claims)}"
        signature = (sign or self.sign)(content.encode())
        return f"{content}.{encode(signature)}"

    def sign(self, message: bytes) -> bytes:
        return cose.sign(self.key, message)

    def sign_with_public_key(self, message: bytes) -> bytes:
        """What a reader that lets the token choose would take for an HMAC."""
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return hmac.digest(pem, message, "sha256")


def part(content: Json | str) -> str:
    return encode((content if isinstance(content, str) else json.dumps(content)).encode())


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def doubled(content: Mapping[str, Any], name: str, value: Any) -> str:
    """The JSON with a name in it twice: a reader of the last one sees nothing wrong."""
    return f"{{{json.dumps(name)}: {json.dumps(value)}, {json.dumps(dict(content))[1:]}"


def jwk(key: ec.EllipticCurvePrivateKey) -> Json:
    numbers = key.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": encode(numbers.x.to_bytes(32)), "y": encode(numbers.y.to_bytes(32))}


@pytest.fixture
def mint(key_dir: Path, clock: Clock) -> Mint:
    return Mint(KeyFiles(key_dir).token_key(), clock().timestamp())


def forgeries(mint: Mint) -> dict[str, str]:
    """Tokens that must not open the door, by what is wrong with them."""
    stranger = Mint(ec.generate_private_key(ec.SECP256R1()), mint.now)
    header: Json = HEADER
    return {
        "no algorithm": mint.make(header=header | {"alg": "none"}, sign=lambda _: b""),
        "no signature": mint.make(sign=lambda _: b""),
        "HS256 with the public key": mint.make(header=header | {"alg": "HS256"}, sign=mint.sign_with_public_key),
        "another algorithm's name": mint.make(header=header | {"alg": "ES384"}),
        "another key": stranger.make(),
        "another key that it brings itself": stranger.make(header=header | {"jwk": jwk(stranger.key)}),
        "the key's address": mint.make(header=header | {"jku": "https://kho.danang.gov.vn/keys"}),
        "a certificate's address": mint.make(header=header | {"x5u": "https://kho.danang.gov.vn/cert"}),
        "a key id": mint.make(header=header | {"kid": "../../token"}),
        "something critical": mint.make(header=header | {"crit": ["exp"]}),
        "typ of an id token": mint.make(header=header | {"typ": "JWT"}),
        "no typ": mint.make(header={"alg": "ES256"}),
        "another audience": mint.make(mint.claims(aud="wallet")),
        "no audience": mint.make(mint.claims(aud=None)),
        "another issuer": mint.make(mint.claims(iss="https://kho.danang.gov.vn.example")),
        "no issuer": mint.make(mint.claims(iss=None)),
        "expired": mint.make(mint.claims(iat=mint.now - 120, exp=mint.now)),
        "no expiry": mint.make(mint.claims(exp=None)),
        "expiry that is a text": mint.make(mint.claims(exp="9999999999")),
        "issued in the future": mint.make(mint.claims(iat=mint.now + 61)),
        "no subject": mint.make(mint.claims(sub=None)),
        "no scope": mint.make(mint.claims(scope=None)),
        "scope that is a list": mint.make(mint.claims(scope=["vault:read"])),
        "no token id": mint.make(mint.claims(jti=None)),
        "vault that is none": mint.make(mint.claims(vault="mine")),
        "doubled name in the claims": mint.make(doubled(mint.claims(), "sub", "somebody else")),
        "doubled name in the header": mint.make(header=doubled(HEADER, "alg", "none")),
        "64 KB": mint.make(mint.claims(sub="a" * 48_000)),
        "changed claims": mint.make().replace(part(mint.claims()), part(mint.claims(sub="root"))),
        "two parts": mint.make().rpartition(".")[0],
        "nested without end": f"{part('[' * 3000)}.e30.AAAA",
        "no base 64": "a.b.c",
        "nothing": "",
        "not ASCII": "é.é.é",
    }


async def enter(desk: Desk, authorization: str) -> httpx.Response:
    return await desk.client.get(DOOR, headers={b"authorization": authorization.encode("latin-1")})


async def test_only_the_one_form_is_let_in(desk: Desk, mint: Mint) -> None:
    for fault, token in forgeries(mint).items():
        answer = await enter(desk, f"Bearer {token}")
        assert answer.status_code == 401, fault
        problem(answer, 401, "not_authenticated")
        assert answer.headers["www-authenticate"] == 'Bearer realm="khoso"'
    assert (await enter(desk, f"Bearer {mint.make()}")).status_code == 200


async def test_verify_refuses_a_bad_token_too(desk: Desk, mint: Mint) -> None:
    """Open to everyone, but whoever shows a token shows a good one: his check goes under his name."""
    for fault, token in forgeries(mint).items():
        headers = {b"authorization": f"Bearer {token}".encode("latin-1")}
        answer = await desk.client.post("/api/v1/verify", json={"code": "x"}, headers=headers)
        assert answer.status_code == 401, fault


@pytest.mark.parametrize("scheme", ["Basic", "Token", ""])
async def test_other_schemes_are_refused(desk: Desk, mint: Mint, scheme: str) -> None:
    problem(await enter(desk, f"{scheme} {mint.make()}"), 401, "not_authenticated")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
async def test_the_scheme_is_read_as_http_has_it(desk: Desk, mint: Mint, scheme: str) -> None:
    """In any case, with as many spaces as one likes (RFC 9110, 11.1 and 11.4)."""
    assert (await enter(desk, f"{scheme} {mint.make()}")).status_code == 200


async def test_no_token(desk: Desk) -> None:
    answer = await desk.client.get(DOOR)
    problem(answer, 401, "not_authenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="khoso"'


async def test_a_token_ends_when_it_says(desk: Desk) -> None:
    token = desk.token("vault:read", vault=UUID(int=1))
    desk.clock.forward(timedelta(minutes=59, seconds=59))
    assert (await desk.client.get(DOOR, headers=token)).status_code == 200
    desk.clock.forward(timedelta(seconds=1))
    problem(await desk.client.get(DOOR, headers=token), 401, "not_authenticated")


WYCHEPROOF = os.environ.get("KHOSO_TEST_WYCHEPROOF", "")
"""A folder with test vectors of C2SP/wycheproof; they are large and not ours, so they do not lie here."""

P256_JWK = city.jwk(city.ACTIVE.public)

DEVIATIONS = {354: "rejectWrongUse", 356: "rejectWrongKeyOps"}
"""Vectors that the token library takes otherwise than they say: it does not look at what a JWK is for.

No JWK is ever read here: the token key is one of our own files, of which we know what it is for.
"""


@pytest.mark.skipif(not WYCHEPROOF, reason="KHOSO_TEST_WYCHEPROOF names no folder: testvectors_v1 of C2SP/wycheproof")
def test_wycheproof() -> None:
    """What the reader of tokens leaves to its library is judged as the JWS vectors of C2SP/wycheproof say."""
    file = Path(WYCHEPROOF) / "json_web_signature_test.json"
    groups = json.loads(file.read_text("utf-8"))["testGroups"]
    taken_otherwise = {
        test["tcId"]: test["comment"]
        for group in groups
        for test in group["tests"]
        if _library_takes(group, test["jws"]) != (test["result"] == "valid" and _is_es256(group))
    }
    assert taken_otherwise == DEVIATIONS
    assert sum(len(group["tests"]) for group in groups) == 401


def _is_es256(group: Json) -> bool:
    return bool(group.get("public", {}).get("crv") == "P-256")


def _library_takes(group: Json, text: Any) -> bool:
    """With the one algorithm that is fixed here; a key of another kind stands for whoever offers its tokens to us."""
    key = group["public"] if _is_es256(group) else P256_JWK
    try:
        jwt.PyJWS().decode_complete(text, jwt.PyJWK(key, "ES256").key, algorithms=[ALGORITHM])
    except jwt.InvalidTokenError:
        return False
    return True
