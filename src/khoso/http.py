"""What all routes share: how bodies are read, conditional answers and their description, and who is asking."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.connection.base import empty_receive, empty_send
from litestar.datastructures import Cookie
from litestar.datastructures.headers import MediaTypeHeader
from litestar.openapi.datastructures import ResponseSpec
from litestar.status_codes import HTTP_304_NOT_MODIFIED
from litestar.types import Receive, Scope, Send

from khoso.caller import Caller
from khoso.errors import InvalidInput
from khoso.inputs import INCOMPLETE, to_form_problem

IMMUTABLE = "public, max-age=31536000, immutable"
SENT_METHOD = "khoso.method"
"""Where an ASGI scope has the method that was sent, if it was handed on as another: HEAD as GET (`front.py`)."""
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
LAST_POSITION = (1 << 31) - 1
"""The highest cursor where positions are counted: beyond, PostgreSQL has no integer to compare it with."""


class BodyReader(Request[Any, Any, Any]):
    """A request whose body is read as the hot routes read theirs: one that was cut short is InvalidInput."""

    def __init__(self, scope: Scope, receive: Receive = empty_receive, send: Send = empty_send) -> None:
        """As the framework makes it, but for how it listens."""
        super().__init__(scope, _to_the_end(receive), send)

    async def json(self) -> Any:
        """The body as plain data. Raises InvalidInput if it is not of the form that the handler asks for.

        The framework makes what it gives the handler of this, and would take "20" for a number and "null" for nothing:
        so may the parameters of an address be written, but not JSON.
        """
        content = await super().json()
        asked = self.route_handler.parsed_data_field
        if asked is not None:
            try:
                msgspec.convert(content, asked.annotation, str_keys=True)
            except msgspec.ValidationError as error:
                raise InvalidInput(to_form_problem(str(error), "body")) from None
        return content


def _to_the_end(receive: Receive) -> Receive:
    """The same messages, but InvalidInput instead of the one that says that the client has gone."""

    async def receive_more() -> Any:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise InvalidInput(INCOMPLETE)
        return message

    return receive_more


def scopes_of(opt: Mapping[str, Any]) -> tuple[str, ...]:
    """The scopes of which a caller needs one, by what a handler says of itself; none where every caller may come in."""
    scope: str | tuple[str, ...] = opt.get("scope", ())
    return (scope,) if isinstance(scope, str) else scope


def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """The caller that the door let in."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


def secret_cookie(name: str, value: str, lifetime: timedelta) -> Cookie:
    """A cookie that no script and no foreign request gets; with no value and no lifetime it is taken away."""
    seconds = int(lifetime.total_seconds())
    return Cookie(name, value=value, max_age=seconds, secure=True, httponly=True, samesite="lax")


def answering(kind: Any, media_type: str = "application/json") -> dict[int, ResponseSpec]:
    """For the description: what a route answers that hands over bytes."""
    return {200: ResponseSpec(kind, description="Request fulfilled", media_type=media_type, generate_examples=False)}


def list_header(request: Request[Any, Any, Any], name: str) -> str:
    """A header that is a list: its lines as one, for it may come in several (RFC 9110, 5.3); empty if it did not."""
    return ",".join(request.headers.getall(name, []))


def conditional(
    request: Request[Any, Any, Any], body: bytes, media_type: str, cache_control: str | None = None
) -> Response[bytes]:
    """The body with a strong ETag, or 304 if the caller has it already (RFC 9110, 13.1.2).

    Without a `cache_control` no cache keeps it (`front.py`); a program that keeps it itself may still ask so.
    """
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": etag} if cache_control is None else {"etag": etag, "cache-control": cache_control}
    held = {tag.strip().removeprefix("W/") for tag in list_header(request, "if-none-match").split(",")}
    if not held.isdisjoint((etag, "*")):
        return Response(b"", status_code=HTTP_304_NOT_MODIFIED, headers=headers, media_type=media_type)
    return Response(body, headers=headers, media_type=media_type)


def choose(request: Request[Any, Any, Any], *offered: str) -> str | None:
    """The media type that the caller wants most, of equal ones the first offered; None if he takes none of them."""
    ranges = [MediaTypeHeader(one) for one in (list_header(request, "accept") or "*/*").split(",")]
    wanted = {one: _wanted(one, ranges) for one in offered}
    chosen = max(wanted, key=wanted.__getitem__)
    return chosen if wanted[chosen][0] > 0 else None


def _wanted(offered: str, ranges: Sequence[MediaTypeHeader]) -> tuple[float, int, int]:
    """How much a caller wants that media type: what the range says that names it most closely (RFC 9110, 12.5.1).

    Of what is wanted as much, what was named more closely goes first, then what was named earlier.
    """
    media_type = MediaTypeHeader(offered)
    fitting = [(_closeness(one), -place) for place, one in enumerate(ranges) if media_type.match(one)]
    if not fitting:
        return 0.0, 0, 0
    closeness, place = max(fitting)
    return _quality(ranges[-place]), closeness, place


def _closeness(asked: MediaTypeHeader) -> int:
    """How closely a range names a media type: not at all, its first half, both; and with what it says besides."""
    if asked.maintype == "*":
        return 0
    if asked.subtype == "*":
        return 1
    return 2 + len(asked.params.keys() - {"q"})


def _quality(asked: MediaTypeHeader) -> float:
    """What stands behind `q=` (RFC 9110, 12.4.2); 1 where that is no quality."""
    stated = asked.params.get("q", "1")
    return float(stated) if _QUALITY.fullmatch(stated) else 1.0
