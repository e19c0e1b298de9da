"""The application's own list of its routes."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from litestar import Litestar
from litestar.routes import HTTPRoute

from khoso.openapi import HOT_ROUTES


class Route(NamedTuple):
    method: str
    path: str
    """With an example in every place."""
    name: str
    public: bool
    signed_in: bool
    """Whoever has a token may come in, whatever it allows."""
    scopes: frozenset[str]
    """One of them is needed; a route that has none, and is for nobody else, is not there."""
    form: bool = False
    """A form of our own pages, for whoever is logged in."""


EXAMPLES = {"int": "1", "str": "absent", "uuid": str(UUID(int=1)), "path": "absent"}


def routes(app: Litestar) -> Iterator[Route]:
    for route in app.routes:
        assert isinstance(route, HTTPRoute)
        path = re.sub(r"\{\w+:(\w+)\}", lambda place: EXAMPLES[place[1]], route.path)
        pattern = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
        for handler in route.route_handlers:
            scope = handler.opt.get("scope", ())
            scopes = frozenset({scope} if isinstance(scope, str) else scope)
            for method in handler.http_methods - {"OPTIONS"}:
                public, signed_in, form = (bool(handler.opt.get(name)) for name in ("public", "signed_in", "form"))
                yield Route(method, path, f"{method} {pattern}", public, signed_in, scopes, form)
    for hot in HOT_ROUTES:  # these ask for the token themselves
        scopes = frozenset() if hot.open_to_all else frozenset({hot.scope})
        yield Route("POST", hot.path, f"POST {hot.path}", hot.open_to_all, False, scopes)


def is_absent(route: Route) -> bool:
    """Nobody has said for whom it is."""
    return not (route.public or route.signed_in or route.scopes or route.form)
