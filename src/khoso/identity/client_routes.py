"""Registering clients over HTTP."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg, FromPath, JSONBody

from khoso.caller import Caller
from khoso.identity.clients import ClientChange, ClientRequest, Clients, ClientView, KeyRequest, fingerprint
from khoso.identity.model import Client, ClientKey

Administered = Callable[[Caller], frozenset[str]]
"""The agencies whose clients a caller may see and change."""

_WRITE = {"scope": "clients:write"}
_TAGS = ["clients"]
_EXAMPLE = ClientRequest(
    kind="system", name="Phần mềm một cửa phường Hải Châu", agency_code="H17.05.12", quota_per_hour=20_000
)


class KeyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a client."""

    kid: str
    fingerprint: str
    """SHA-256 of the key in its DER form, base 64: to compare with whoever made it."""
    valid_from: datetime
    valid_until: datetime | None


class ClientAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A client with its keys."""

    client: Client
    subject: str
    """Who it is where roles are assigned."""
    keys: list[KeyAnswer]


class ClientList(msgspec.Struct, frozen=True):
    """The clients of the caller's agency and those below it, oldest first."""

    items: list[Client]


_ClientBody = Annotated[
    ClientRequest, BodyKwarg(examples=[Example(summary="An agency's system", value=msgspec.to_builtins(_EXAMPLE))])
]


@get("/api/v1/clients", opt=_WRITE, tags=_TAGS, summary="The clients of one's agency and those below it")
async def list_clients(
    caller: NamedDependency[Caller], clients: NamedDependency[Clients], administered: NamedDependency[Administered]
) -> ClientList:
    return ClientList(await clients.list_clients(administered(caller)))


@post("/api/v1/clients", opt=_WRITE, tags=_TAGS, summary="Register an app or a system")
async def register_client(
    data: _ClientBody,
    caller: NamedDependency[Caller],
    clients: NamedDependency[Clients],
    administered: NamedDependency[Administered],
) -> Client:
    return await clients.register(data, administered(caller), caller.subject)


@get("/api/v1/clients/{client_id:str}", opt=_WRITE, tags=_TAGS, summary="A client with its keys")
async def show_client(
    client_id: FromPath[str],
    caller: NamedDependency[Caller],
    clients: NamedDependency[Clients],
    administered: NamedDependency[Administered],
) -> ClientAnswer:
    return present(await clients.get_client(client_id, administered(caller)))


@patch("/api/v1/clients/{client_id:str}", opt=_WRITE, tags=_TAGS, summary="Change name, redirect URIs, scopes, quota")
async def change_client(
    client_id: FromPath[str],
    data: JSONBody[ClientChange],
    caller: NamedDependency[Caller],
    clients: NamedDependency[Clients],
    administered: NamedDependency[Administered],
) -> Client:
    return await clients.change(client_id, data, administered(caller), caller.subject)


@delete("/api/v1/clients/{client_id:str}", opt=_WRITE, tags=_TAGS, summary="End a client for good")
async def end_client(
    client_id: FromPath[str],
    caller: NamedDependency[Caller],
    clients: NamedDependency[Clients],
    administered: NamedDependency[Administered],
) -> None:
    await clients.end(client_id, administered(caller), caller.subject)


@post("/api/v1/clients/{client_id:str}/keys", opt=_WRITE, tags=_TAGS, summary="Another key of a system")
async def add_key(
    client_id: FromPath[str],
    data: JSONBody[KeyRequest],
    caller: NamedDependency[Caller],
    clients: NamedDependency[Clients],
    administered: NamedDependency[Administered],
) -> KeyAnswer:
    return present_key(await clients.add_key(client_id, data, administered(caller), caller.subject))


@delete("/api/v1/clients/{client_id:str}/keys/{kid:str}", opt=_WRITE, tags=_TAGS, summary="End a key now")
async def end_key(
    client_id: FromPath[str],
    kid: FromPath[str],
    caller: NamedDependency[Caller],
    clients: NamedDependency[Clients],
    administered: NamedDependency[Administered],
) -> None:
    await clients.end_key(client_id, kid, administered(caller), caller.subject)


def present(found: ClientView) -> ClientAnswer:
    """A client as it is shown."""
    return ClientAnswer(client=found.client, subject=found.client.subject, keys=list(map(present_key, found.keys)))


def present_key(key: ClientKey) -> KeyAnswer:
    """A key as it is shown."""
    return KeyAnswer(kid=key.kid, fingerprint=fingerprint(key), valid_from=key.valid_from, valid_until=key.valid_until)


HANDLERS: list[Any] = [list_clients, register_client, show_client, change_client, end_client, add_key, end_key]
