"""Registering apps and agencies' systems: by whom their agency has given the right to, each change with its audit row.

A system has several keys, each with its time, so that one follows another without a moment in which none is good.
Secrets are never made here: a client makes its key itself and brings the public half.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from khoso import db
from khoso.auditing import store as auditing
from khoso.bounds import Bounds
from khoso.caller import SCOPES
from khoso.db import Connection, Pool
from khoso.errors import InputProblem, InvalidInput, NotFound, NotPermitted
from khoso.identity import client_store as store
from khoso.identity.cutoffs import Cutoffs
from khoso.identity.encoding import base64url
from khoso.identity.model import Client, ClientKey, ClientKind
from khoso.identity.proofs import key_of_jwk, thumbprint_of
from khoso.inputs import check_instant

APP_SCOPES = SCOPES.keys() - {"clients:write", "metrics:read"}
"""What an app may be given at most."""

MAX_KEYS = 10
"""Keys of one client that have not ended."""

_KID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MAX_NAME = 100
_MAX_URIS = 10
_MAX_URI = 500


class ClientRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An app or system to register."""

    kind: ClientKind
    name: str
    """What people are told it is called."""
    agency_code: str
    """The agency that answers for it; a system acts for it."""
    redirect_uris: list[str] = []
    """Of an app: compared to the byte."""
    scopes: list[str] = []
    """Of an app: the most that it may be given. What a system may do is assigned to it."""
    quota_per_hour: int | None = None


class ClientChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be otherwise; what is left out stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    redirect_uris: list[str] | msgspec.UnsetType = msgspec.UNSET
    scopes: list[str] | msgspec.UnsetType = msgspec.UNSET
    quota_per_hour: int | msgspec.UnsetType | None = msgspec.UNSET


class KeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public key of a system, as a JWK (RFC 7517): EC, P-256."""

    jwk: dict[str, Any]
    valid_from: datetime | None = None
    """Now if absent."""
    valid_until: datetime | None = None


class ClientView(msgspec.Struct, frozen=True, kw_only=True):
    """A client with its keys."""

    client: Client
    keys: list[ClientKey]


class Clients:
    """All clients. `agencies` are those whose clients whoever asks may see and change; other clients are not there."""

    def __init__(self, pool: Pool, cutoffs: Cutoffs, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._cutoffs = cutoffs
        self._now = now

    async def list_clients(self, agencies: Collection[str]) -> list[Client]:
        """The clients of these agencies, oldest first."""
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            return await store.list_clients(conn, sorted(agencies))

    async def get_client(self, client_id: str, agencies: Collection[str]) -> ClientView:
        """A client with its keys. Raises NotFound."""
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            client = await _get(conn, client_id, agencies)
            return ClientView(client=client, keys=await store.list_keys(conn, client_id))

    async def register(self, request: ClientRequest, agencies: Collection[str], actor: str) -> Client:
        """A new client. Raises NotPermitted for an agency that is not one's own, or InvalidInput."""
        if request.agency_code not in agencies:
            raise NotPermitted(request.agency_code)
        now = self._now()
        client = Client(
            client_id=f"{request.kind}-{secrets.token_hex(8)}",
            created_at=now,
            ended_at=None,
            **msgspec.structs.asdict(request),
        )
        _check(client)
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            await store.insert_client(conn, client)
            await self._audit(conn, actor, "register_client", client.client_id)
        return client

    async def change(self, client_id: str, change: ClientChange, agencies: Collection[str], actor: str) -> Client:
        """A client as it is from now on. Raises NotFound, or InvalidInput."""
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            client = await _get(conn, client_id, agencies)
            given = {
                name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET
            }
            changed = msgspec.structs.replace(client, **given)
            _check(changed)
            await store.change_client(conn, changed)
            await self._audit(conn, actor, "change_client", client_id)
        return changed

    async def end(self, client_id: str, agencies: Collection[str], actor: str) -> None:
        """End a client for good, with all logins in it; its tokens are refused within a second. Raises NotFound."""
        now = self._now()
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            client = await _get(conn, client_id, agencies)
            logins = await store.end_client(conn, client_id, now)
            for subject in (client.subject, *(f"login:{login_id}" for login_id in logins)):
                await self._cutoffs.end(conn, subject, now)
            await self._audit(conn, actor, "end_client", client_id)

    async def add_key(self, client_id: str, request: KeyRequest, agencies: Collection[str], actor: str) -> ClientKey:
        """Another key of a system, beside those it has. Raises NotFound, or InvalidInput."""
        now = self._now()
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            client = await _get(conn, client_id, agencies)
            if client.kind != "system":
                raise InvalidInput(
                    InputProblem(
                        "client_id",
                        "app",
                        "ứng dụng không có khoá, vì không giữ kín được | an app has no keys: it cannot keep them",
                    )
                )
            key = _read_key(client_id, request, now)
            good = [one for one in await store.list_keys(conn, client_id) if _ends_after(one, now)]
            if len(good) >= MAX_KEYS:
                raise InvalidInput(
                    InputProblem(
                        "jwk",
                        "too_many",
                        f"tối đa {MAX_KEYS} khoá cùng lúc: chấm dứt một khoá trước"
                        f" | at most {MAX_KEYS} at a time: end one first",
                    )
                )
            await store.insert_key(conn, key)
            await self._audit(conn, actor, "add_client_key", f"{client_id} {key.kid}")
        return key

    async def end_key(self, client_id: str, kid: str, agencies: Collection[str], actor: str) -> None:
        """End a key now, and the tokens that were given for it. Raises NotFound."""
        now = self._now()
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            client = await _get(conn, client_id, agencies)
            if not await store.end_key(conn, client_id, kid, now):
                raise NotFound("key")
            await self._cutoffs.end(conn, client.subject, now)
            await self._audit(conn, actor, "end_client_key", f"{client_id} {kid}")

    async def _audit(self, conn: Connection, actor: str, act: str, subject: str) -> None:
        await auditing.append(conn, [auditing.Entry(actor, act, subject)], self._now())


async def _get(conn: Connection, client_id: str, agencies: Collection[str]) -> Client:
    client = await store.find_client(conn, client_id)
    if client is None or client.agency_code not in agencies:
        raise NotFound("client")
    return client


def _check(client: Client) -> None:
    """Raise InvalidInput with every problem."""
    problems = list(_problems(client))
    if problems:
        raise InvalidInput(*problems)


def _problems(client: Client) -> Iterator[InputProblem]:
    if not 0 < len(client.name.strip()) <= _MAX_NAME:
        yield InputProblem("name", "length", f"nhập từ 1 đến {_MAX_NAME} ký tự | 1 to {_MAX_NAME} characters")
    if client.quota_per_hour is not None and not 0 < client.quota_per_hour < 1 << 30:
        yield InputProblem(
            "quota_per_hour",
            "out_of_range",
            "nhập từ 1 trở lên, hoặc null nếu không giới hạn | at least 1, or null for none",
        )
    if client.kind == "system" and (client.redirect_uris or client.scopes):
        yield InputProblem(
            "kind",
            "system",
            "phần mềm của cơ quan không có redirect URI, và nhận quyền qua phân công"
            " | a system has no redirect URIs, and its scopes are assigned to it",
        )
    if client.kind == "app":
        yield from _problems_of_app(client)


def _problems_of_app(client: Client) -> Iterator[InputProblem]:
    if not 0 < len(client.redirect_uris) <= _MAX_URIS:
        yield InputProblem("redirect_uris", "count", f"nhập từ 1 đến {_MAX_URIS} địa chỉ | 1 to {_MAX_URIS}")
    for number, uri in enumerate(client.redirect_uris):
        if not _is_redirect_uri(uri):
            yield InputProblem(
                f"redirect_uris[{number}]",
                "uri",
                "dùng https, http tới chính máy này, hoặc scheme có dấu chấm"
                " | https, http to this machine, or a scheme with a dot",
            )
    for scope in client.scopes:
        if scope not in APP_SCOPES:
            yield InputProblem(
                "scopes",
                "unknown_scope",
                f"chọn trong danh sách quyền của ứng dụng | choose among {', '.join(sorted(APP_SCOPES))}",
            )


def _is_redirect_uri(uri: str) -> bool:
    """Whether an app may have its users come back there (RFC 8252, 7): a site, this machine, or a scheme of its own."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    if len(uri) > _MAX_URI or not uri.isascii() or not uri.isprintable() or " " in uri or "#" in uri or parts.username:
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme == "http":
        return parts.hostname in ("127.0.0.1", "localhost")
    return "." in parts.scheme  # a domain turned round: nobody else's (RFC 8252, 7.1); and never javascript: or data:


def _read_key(client_id: str, request: KeyRequest, now: datetime) -> ClientKey:
    """Raises InvalidInput."""
    try:
        public_key = key_of_jwk(request.jwk)
    except ValueError as error:
        raise InvalidInput(InputProblem("jwk", "key", f"nhập khoá công khai P-256 | {error}")) from None
    kid = request.jwk.get("kid", thumbprint_of(request.jwk))
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise InvalidInput(
            InputProblem(
                "jwk.kid",
                "form",
                "nhập 1 đến 64 chữ cái không dấu, chữ số, dấu chấm, gạch nối, gạch dưới"
                " | 1 to 64 letters, digits, dots, hyphens and underscores",
            )
        )
    check_instant("valid_from", request.valid_from)
    check_instant("valid_until", request.valid_until)
    valid_from = request.valid_from or now
    if request.valid_until is not None and request.valid_until <= valid_from:
        raise InvalidInput(
            InputProblem("valid_until", "order", "chọn thời điểm sau valid_from | later than valid_from")
        )
    der = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return ClientKey(
        client_id=client_id, kid=kid, public_key=der, valid_from=valid_from, valid_until=request.valid_until
    )


def _ends_after(key: ClientKey, now: datetime) -> bool:
    return key.valid_until is None or key.valid_until > now


def fingerprint(key: ClientKey) -> str:
    """What people compare: SHA-256 of the key, in base 64."""
    return base64.b64encode(hashlib.sha256(key.public_key).digest()).decode()


def jwk_of(public_numbers: Any) -> Mapping[str, str]:
    """A P-256 key as a JWK."""
    x, y = (base64url(number.to_bytes(32)) for number in (public_numbers.x, public_numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
