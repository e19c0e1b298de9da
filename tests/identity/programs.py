"""Programs that ask for access tokens: an app, an agency's system, and keys to prove oneself with."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from desk import AGENCY, Desk, read
from grounds import ORIGIN, Clock
from identity.browsing import Browser
from khoso.formats import cose

REDIRECT = "vn.danang.congdanso:/login"
VERIFIER = "v" * 43
TOKEN = "/oauth/token"
CITY = "H17"
CLIENTS = "/api/v1/clients"

Json = dict[str, Any]


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def challenge(verifier: str) -> str:
    return encode(hashlib.sha256(verifier.encode()).digest())


@dataclass
class Key:
    """A P-256 key that signs JWTs, right and wrong ones."""

    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def jwk(self) -> Json:
        numbers = self.private.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": encode(numbers.x.to_bytes(32)), "y": encode(numbers.y.to_bytes(32))}

    @property
    def thumbprint(self) -> str:
        jwk = self.jwk
        return challenge(json.dumps({name: jwk[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":")))

    def sign(self, header: Json, claims: Json | str) -> str:
        """A JWT; claims that are a text stand in it as they are."""
        text = claims if isinstance(claims, str) else json.dumps(claims)
        content = f"{encode(json.dumps(header).encode())}.{encode(text.encode())}"
        return f"{content}.{encode(cose.sign(self.private, content.encode()))}"

    def proof(self, clock: Clock, method: str, path: str, token: str | None = None, **changes: Any) -> str:
        """A DPoP proof (RFC 9449, 4.2) with changes; what is changed to None is left out."""
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk} | changes.pop("header", {})
        claims = {"jti": uuid4().hex, "htm": method, "htu": f"{ORIGIN}{path}", "iat": int(clock().timestamp())}
        claims |= {} if token is None else {"ath": challenge(token)}
        claims |= changes
        return self.sign(header, {name: value for name, value in claims.items() if value is not None})


async def register(desk: Desk, **request: Any) -> str:
    """A new client; answers its id."""
    headers = desk.token("clients:write", agency=CITY, subject="administrator")
    client_id: str = read(await desk.client.post("/api/v1/clients", json=request, headers=headers), 201)["client_id"]
    return client_id


@dataclass(frozen=True)
class App:
    """A registered app on a phone."""

    desk: Desk
    client_id: str

    def authorize_path(self, **changes: str | None) -> str:
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": REDIRECT,
            "code_challenge": challenge(VERIFIER),
            "code_challenge_method": "S256",
            "state": "the app's own",
        } | changes
        return f"/oauth/authorize?{urlencode({name: value for name, value in asked.items() if value is not None})}"

    async def log_in(self, browser: Browser, who: str = "thinh", **changes: str | None) -> Json:
        """What comes back to the app."""
        answer = await browser.finish(await browser.begin(self.authorize_path(**changes)), who)
        assert answer.status_code == 303, answer.text
        return back(answer)

    async def ask(self, proof: str | None = None, **form: str | None) -> httpx.Response:
        """Ask the token endpoint."""
        sent = {"client_id": self.client_id} | form
        headers = {} if proof is None else {"dpop": proof}
        body = {name: value for name, value in sent.items() if value is not None}
        return await self.desk.client.post(TOKEN, data=body, headers=headers)

    async def redeem(self, code: str, proof: str | None = None, **changes: str | None) -> httpx.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        return await self.ask(proof, **(form | changes))

    async def refresh(self, token: str, proof: str | None = None, **changes: str | None) -> httpx.Response:
        return await self.ask(proof, **({"grant_type": "refresh_token", "refresh_token": token} | changes))

    async def tokens(self, browser: Browser, who: str = "thinh") -> Json:
        """A whole login."""
        found: Json = read(await self.redeem((await self.log_in(browser, who))["code"]), 200)
        return found

    async def me(self, token: str) -> httpx.Response:
        return await self.desk.client.get("/api/v1/me", headers={"authorization": f"Bearer {token}"})


def back(answer: httpx.Response) -> Json:
    """The parameters of an answer that goes to the app."""
    address, _, query = answer.headers["location"].partition("?")
    assert address == REDIRECT
    return {name: values[0] for name, values in parse_qs(query).items()}


@dataclass(frozen=True)
class System:
    """An agency's registered system."""

    desk: Desk
    client_id: str
    key: Key

    def claims(self, **changes: Any) -> Json:
        now = int(self.desk.clock().timestamp())
        good = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": f"{ORIGIN}{TOKEN}",
            "jti": uuid4().hex,
            "iat": now,
            "exp": now + 60,
        }
        return {name: value for name, value in (good | changes).items() if value is not None}

    def assertion(self, key: Key | None = None, header: Json | None = None, **changes: Any) -> str:
        key = key or self.key
        return key.sign({"alg": "ES256", "kid": key.thumbprint} | (header or {}), self.claims(**changes))

    async def ask(self, assertion: str | None = None, **form: str) -> httpx.Response:
        sent = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.assertion() if assertion is None else assertion,
        } | form
        return await self.desk.client.post(TOKEN, data=sent)

    async def token(self, **form: str) -> dict[str, str]:
        """The header of a token that must be given."""
        return {"authorization": f"Bearer {read(await self.ask(**form), 200)['access_token']}"}


def query(url: str) -> Json:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def new_system(desk: Desk, agency: str = AGENCY, **request: object) -> System:
    client_id = await register(desk, kind="system", name="Một cửa", agency_code=agency, **request)
    system = System(desk, client_id, Key())
    await add_key(system, system.key)
    return system


def administrator(desk: Desk, agency: str = "H17") -> dict[str, str]:
    return desk.token("clients:write", agency=agency, subject="administrator")


async def add_key(system: System, key: Key, **times: str) -> httpx.Response:
    path = f"{CLIENTS}/{system.client_id}/keys"
    body = {"jwk": key.jwk, **times}
    return await system.desk.client.post(path, json=body, headers=administrator(system.desk))
