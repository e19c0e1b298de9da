"""The door: no handler is reached without the scope it names, unless it says that it is public."""

from collections.abc import Callable
from datetime import datetime
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from khoso.caller import Caller
from khoso.errors import NotAuthenticated, NotFound, NotPermitted
from khoso.http import scopes_of
from khoso.identity.tokens import TokenReader

_SCHEME = "Bearer "


class Door:
    """Lets callers in by their access token (RFC 6750, 2.1)."""

    def __init__(self, key: ec.EllipticCurvePublicKey, issuer: str, now: Callable[[], datetime]) -> None:
        self._tokens = TokenReader(key, issuer)
        self._now = now

    def __deepcopy__(self, _: object) -> Self:
        """Litestar copies handlers with their guards. There is one door: one clock, one memory of tokens."""
        return self

    async def guard(  # not a plain function: Litestar would run each call in a thread
        self, connection: "ASGIConnection[BaseRouteHandler, None, None, State]", handler: BaseRouteHandler
    ) -> None:
        """Closed by default: a handler is `opt={"public": True}`, or names its `scope`, or several: any will do.

        Or it is for whoever is `signed_in`, whatever he may.
        """
        if handler.opt.get("public"):
            return
        if "scope" not in handler.opt and not handler.opt.get("signed_in"):
            # Nobody has said who may: the framework's own pages.
            raise NotFound(str(handler))
        caller = self.find_caller(connection.headers.get("authorization"))
        if caller is None:
            raise NotAuthenticated("no token")
        scopes = scopes_of(handler)
        if scopes and not caller.may(*scopes):
            raise NotPermitted(*scopes)
        connection.scope["state"]["caller"] = caller

    def find_caller(self, authorization: str | None) -> Caller | None:
        """The caller named by the header; None without one. Raises NotAuthenticated for a bad one."""
        if authorization is None:
            return None
        if not authorization.startswith(_SCHEME):
            raise NotAuthenticated("scheme")
        return self._tokens.read(authorization.removeprefix(_SCHEME)).caller_at(self._now())
