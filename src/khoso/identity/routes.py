"""The guard before every handler, and everybody's own logins over HTTP."""

from typing import Any

import msgspec
from litestar import delete, get, put
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody

from khoso.caller import Caller
from khoso.identity.me import Me, MeView, SessionList

_SIGNED_IN = {"signed_in": True}


async def guard(connection: "ASGIConnection[BaseRouteHandler, Any, Any, State]", handler: BaseRouteHandler) -> None:
    """Nobody reaches a handler but whom the door lets in; with a fresh passkey, where his agency asks for one."""
    identity = connection.app.state.services.identity
    caller = await identity.door.admit(connection.scope, handler.opt)
    if caller is not None:
        connection.scope["state"]["caller"] = caller
        if "step_up" in handler.opt:
            identity.step_ups.require(caller, handler.opt["step_up"])


class AgencyChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agency to act for."""

    agency_code: str


@get("/api/v1/me", opt=_SIGNED_IN, tags=["identity"], summary="Who asks, what he may, and for whom he may act")
async def show_me(caller: NamedDependency[Caller], me: NamedDependency[Me]) -> MeView:
    return await me.describe(caller)


@put(
    "/api/v1/me/agency",
    opt=_SIGNED_IN,
    status_code=204,
    tags=["identity"],
    summary="Act for another agency: in a browser at once, in an app with its next token",
)
async def choose_agency(data: JSONBody[AgencyChoice], caller: NamedDependency[Caller], me: NamedDependency[Me]) -> None:
    await me.choose_agency(caller, data.agency_code)


@get("/api/v1/me/sessions", opt=_SIGNED_IN, tags=["identity"], summary="Where one is logged in: browsers and apps")
async def list_sessions(caller: NamedDependency[Caller], me: NamedDependency[Me]) -> SessionList:
    return await me.list_sessions(caller)


@delete("/api/v1/me/sessions/{name:str}", opt=_SIGNED_IN, tags=["identity"], summary="Log out there")
async def end_session(name: FromPath[str], caller: NamedDependency[Caller], me: NamedDependency[Me]) -> None:
    await me.end_session(caller, name)


HANDLERS = [show_me, choose_agency, list_sessions, end_session]
