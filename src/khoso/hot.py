"""Hot routes: the two requests that a city makes a hundred times a second, read and answered with nothing in between.

What the framework adds to a request, routing, parameters by name, dependencies, response objects, costs more than a
signature (docs/performance.md). A hot route says in one place what it takes, who may ask and what it answers; its
description for OpenAPI is made from that, and its errors are answered where all errors are (`problems.py`).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from litestar.exceptions import MethodNotAllowedException
from litestar.types import Receive

from khoso.caller import Caller
from khoso.errors import BodyTooLarge, InvalidInput, NotAuthenticated, NotPermitted
from khoso.inputs import INCOMPLETE, NO_JSON, to_form_problem

Body = TypeVar("Body", bound=msgspec.Struct)

FindCaller = Callable[[Any], Awaitable[Caller | None]]
"""Who sends a request (an ASGI scope), None if he shows nothing; raises NotAuthenticated for what is not good."""

Header = tuple[bytes, bytes]

Answer = tuple[int, Iterable[Header], bytes]
"""Status, headers and body."""

Endpoint = Callable[[Any, Receive], Awaitable[Answer]]
"""Answers an ASGI scope and its body."""

_HEADERS = ((b"content-type", b"application/json"),)


class Asking(NamedTuple):
    """Who asks, with which headers, and what the application has to answer with."""

    caller: Caller | None
    headers: Iterable[Header]
    state: Any
    """The application's state; `services` are in it."""

    def header(self, name: bytes) -> str | None:
        """The value of a header by its lower-case name."""
        value = find_header(self.headers, name)
        return None if value is None else value.decode("latin-1")


def find_header(headers: Iterable[Header], name: bytes) -> bytes | None:
    """The value of a header by its lower-case name."""
    for given, value in headers:
        if given == name:
            return value
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class HotRoute(Generic[Body]):
    """A POST that takes one JSON object and answers with another."""

    path: str
    body: type[Body]
    answer: type[msgspec.Struct]
    handle: Callable[[Body, Asking], Awaitable[bytes]]
    """Gives the JSON of an `answer`."""
    scope: str
    open_to_all: bool = False
    """Whether somebody without a token may ask too. A token, where there is one, must allow the scope."""
    status: int = 200
    max_body: int
    operation: Mapping[str, Any]
    """What OpenAPI is told besides: summary, description, parameters."""
    examples: Mapping[str, Any]
    refusals: Mapping[str, str]
    """When which status is answered instead."""

    def endpoint(self, find_caller: FindCaller, state: Any) -> Endpoint:
        """What answers on this route; `state` is the application's.

        It raises NotAuthenticated, NotPermitted, BodyTooLarge, InvalidInput, MethodNotAllowedException, and whatever
        `handle` raises.
        """
        read = msgspec.json.Decoder(self.body).decode

        async def answer(scope: Any, receive: Receive) -> Answer:
            if scope["method"] != "POST":
                raise MethodNotAllowedException(headers={"allow": "POST"})
            caller = self._admit(await find_caller(scope))
            self._check_announced(scope["headers"])
            body = _parse(read, await self._read_body(receive))
            return self.status, _HEADERS, await self.handle(body, Asking(caller, scope["headers"], state))

        return answer

    def _admit(self, caller: Caller | None) -> Caller | None:
        if caller is None and not self.open_to_all:
            raise NotAuthenticated("no token")
        if caller is not None and not caller.may(self.scope):
            raise NotPermitted(self.scope)
        return caller

    def _check_announced(self, headers: Iterable[Header]) -> None:
        """Refuse at once what says that it will be too large: else a few that send slowly hold the proxy's places."""
        announced = find_header(headers, b"content-length")
        if announced is not None and announced.isdigit() and int(announced) > self.max_body:
            raise BodyTooLarge(self.max_body)

    async def _read_body(self, receive: Receive) -> bytes:
        body = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise InvalidInput(INCOMPLETE)
            body += message["body"]
            if len(body) > self.max_body:
                raise BodyTooLarge(self.max_body)
            if not message["more_body"]:
                return body


def _parse(read: Callable[[bytes], Body], body: bytes) -> Body:
    try:
        return read(body)
    except msgspec.ValidationError as error:
        raise InvalidInput(to_form_problem(str(error), "body")) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidInput(NO_JSON) from None
