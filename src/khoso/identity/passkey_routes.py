"""Passkeys and step-up over HTTP: what browsers and phones pass to WebAuthn, and what they bring back."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from khoso.caller import Caller
from khoso.http import secret_cookie
from khoso.identity.client_routes import Administered
from khoso.identity.door import COOKIE
from khoso.identity.model import Act
from khoso.identity.passkey_store import Passkey
from khoso.identity.passkeys import Passkeys, StepUp, decode_id, encode_id
from khoso.identity.sessions import LONGEST
from khoso.problems import Problem

_SIGNED_IN = {"signed_in": True}
_WRITE = {"scope": "assignments:write"}
_TAGS = ["identity"]


class PasskeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey of one's own."""

    passkey_id: str
    name: str
    created_at: datetime
    used_at: datetime | None


class PasskeyList(msgspec.Struct, frozen=True):
    items: list[PasskeyView]


class NewPasskey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `navigator.credentials.create` made, as its `toJSON()` gives it, and what its owner calls it."""

    name: str
    credential: dict[str, Any]


class ShownPasskey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `navigator.credentials.get` made, as its `toJSON()` gives it."""

    credential: dict[str, Any]


class StepUpSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For which acts an agency asks for a passkey, of its own people and those of all agencies below it."""

    acts: list[Act]


@get("/api/v1/me/passkeys", opt=_SIGNED_IN, tags=_TAGS, summary="One's own passkeys")
async def list_passkeys(caller: NamedDependency[Caller], passkeys: NamedDependency[Passkeys]) -> PasskeyList:
    return PasskeyList([_view(one) for one in await passkeys.list_passkeys(caller)])


@post(
    "/api/v1/me/passkeys/options",
    opt=_SIGNED_IN,
    status_code=200,
    tags=_TAGS,
    responses={422: ResponseSpec(Problem, description="There are as many as there may be")},
    summary="Begin to register a passkey: options for navigator.credentials.create",
)
async def begin_registration(caller: NamedDependency[Caller], passkeys: NamedDependency[Passkeys]) -> dict[str, Any]:
    return await passkeys.begin_registration(caller)


@post("/api/v1/me/passkeys", opt=_SIGNED_IN, tags=_TAGS, summary="Register the passkey that was made")
async def register_passkey(
    data: JSONBody[NewPasskey], caller: NamedDependency[Caller], passkeys: NamedDependency[Passkeys]
) -> PasskeyView:
    return _view(await passkeys.finish_registration(caller, data.name, data.credential))


@delete("/api/v1/me/passkeys/{passkey_id:str}", opt=_SIGNED_IN, tags=_TAGS, summary="Drop a passkey")
async def drop_passkey(
    passkey_id: FromPath[str], caller: NamedDependency[Caller], passkeys: NamedDependency[Passkeys]
) -> None:
    await passkeys.drop(caller, decode_id(passkey_id))


@post(
    "/api/v1/me/step-up/options",
    opt=_SIGNED_IN,
    status_code=200,
    tags=_TAGS,
    responses={422: ResponseSpec(Problem, description="There is no passkey yet")},
    summary="Begin a step-up: options for navigator.credentials.get; five in a quarter of an hour",
)
async def begin_step_up(caller: NamedDependency[Caller], passkeys: NamedDependency[Passkeys]) -> dict[str, Any]:
    return await passkeys.begin_step_up(caller)


@post(
    "/api/v1/me/step-up",
    opt=_SIGNED_IN,
    status_code=204,
    tags=_TAGS,
    summary="Show the passkey: a session gets a new cookie, an app a new token by its refresh token",
)
async def step_up(
    data: JSONBody[ShownPasskey], caller: NamedDependency[Caller], passkeys: NamedDependency[Passkeys]
) -> Response[None]:
    cookie = await passkeys.finish_step_up(caller, data.credential)
    cookies = [] if cookie is None else [secret_cookie(COOKIE, cookie, LONGEST)]
    return Response(None, status_code=204, cookies=cookies)


@get("/api/v1/agencies/{agency_code:str}/step-up", opt=_WRITE, tags=_TAGS, summary="For what an agency asks a passkey")
async def show_step_up(
    agency_code: FromPath[str],
    caller: NamedDependency[Caller],
    step_ups: NamedDependency[StepUp],
    appointed: NamedDependency[Administered],
) -> StepUpSetting:
    return StepUpSetting(await step_ups.list_acts(agency_code, appointed(caller)))


@put(
    "/api/v1/agencies/{agency_code:str}/step-up",
    opt=_WRITE,
    status_code=204,
    tags=_TAGS,
    summary="Say for what an agency asks its people, and those below it, a passkey; after a step-up",
)
async def set_step_up(
    agency_code: FromPath[str],
    data: JSONBody[StepUpSetting],
    caller: NamedDependency[Caller],
    step_ups: NamedDependency[StepUp],
    appointed: NamedDependency[Administered],
) -> None:
    await step_ups.set_acts(agency_code, data.acts, appointed(caller), caller)


def _view(passkey: Passkey) -> PasskeyView:
    return PasskeyView(
        passkey_id=encode_id(passkey), name=passkey.name, created_at=passkey.created_at, used_at=passkey.used_at
    )


HANDLERS: list[Any] = [
    list_passkeys,
    begin_registration,
    register_passkey,
    drop_passkey,
    begin_step_up,
    step_up,
    show_step_up,
    set_step_up,
]
