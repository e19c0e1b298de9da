"""The composition root of the server: which handlers there are, and what each is given. On one screen, in order."""

import multiprocessing
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.response import Response

from khoso import config as configuration
from khoso import observing, openapi, problems
from khoso.authority import routes as authority
from khoso.caller import Caller, Hierarchy, Purview, purview_of
from khoso.catalogue import agency_routes as agencies
from khoso.catalogue import routes as catalogue
from khoso.config import Config
from khoso.demo.record import read_papers
from khoso.drafts import routes as drafts
from khoso.front import Application, Front
from khoso.http import BodyReader, answering, provide_caller, scopes_of
from khoso.identity import client_routes as clients
from khoso.identity import oauth_routes as oauth
from khoso.identity import passkey_routes as passkeys
from khoso.identity import routes as identity
from khoso.imports import routes as imports
from khoso.issuance import routes as issuance
from khoso.orders import routes as orders
from khoso.pages import account
from khoso.pages import reports as report_pages
from khoso.pages import routes as pages
from khoso.pages.answers import NO_PAGE
from khoso.pages.assets import assets
from khoso.processes import die_with, spare_the_collector, take_long_turns, told_to
from khoso.publishing import routes as publishing
from khoso.reports import routes as reports
from khoso.signing.files import KeyFiles
from khoso.vault import routes as vault
from khoso.verification import routes as verification
from khoso.wiring import Clock, Services, open_services, utc_now

MAX_BODY = 65_536
"""Largest request body, in bytes, where a route does not say otherwise."""

_SETTINGS = ("origin", "papers_to_scan", "roots", "token_key")
"""Keys of the application's state that handlers ask for."""

_SERVICES = (
    *("administration", "authority", "catalogue", "delegations", "draft_book", "drafts", "holds", "imports"),
    *("invitations", "order_book", "orders", "published", "reports", "scan_receiver", "vaults", "verifier"),
)
"""The rooms that handlers ask for by their names."""

_OF_IDENTITY = (
    *("administered", "appointed", "authorizations", "clients", "door", "logins", "me", "passkeys", "sessions"),
    "step_ups",
)
"""The same, of what finds out who asks."""


def create_app(config: Config, now: Clock = utc_now) -> Application:
    """The application; it opens its database when it starts, or else the lists that were published last."""
    assets()  # a server without the scripts of its pages does not start
    app = Application(
        [
            *pages.page_handlers,
            *account.account_handlers,
            *report_pages.HANDLERS,
            *identity.HANDLERS,
            *oauth.HANDLERS,
            *clients.HANDLERS,
            *passkeys.HANDLERS,
            *catalogue.HANDLERS,
            *agencies.HANDLERS,
            *authority.HANDLERS,
            *issuance.HANDLERS,
            *drafts.HANDLERS,
            *orders.HANDLERS,
            *imports.HANDLERS,
            *vault.HANDLERS,
            *publishing.HANDLERS,
            *verification.HANDLERS,
            *reports.HANDLERS,
            healthz,
            readyz,
            metrics,
            openapi.show_openapi,
        ],
        guards=[identity.guard],
        lifespan=[_open_services],
        dependencies={
            "caller": Provide(provide_caller, sync_to_thread=False),
            "purview": Provide(provide_purview, sync_to_thread=False),
            "reader": Provide(vault.provide_reader, sync_to_thread=False),
            "hierarchy": Provide(provide_hierarchy, sync_to_thread=False),
            **{name: _provide(name, lambda state: state) for name in _SETTINGS},
            **{name: _provide(name, _services) for name in _SERVICES},
            **{name: _provide(name, lambda state: _services(state).identity) for name in _OF_IDENTITY},
        },
        exception_handlers={**problems.HANDLERS, **NO_PAGE},
        openapi_config=openapi.make_config(),
        request_class=BodyReader,
        logging_config=None,  # `observing` has said where logs go
        request_max_body_size=MAX_BODY,
        debug=False,
    )

    async def find_caller(scope: Any) -> Caller | None:
        return await _services(app.state).identity.door.find_caller(scope)

    app.hot = {route.path: route.endpoint(find_caller, app.state) for route in openapi.HOT_ROUTES}
    configure(app, config, now)
    return app


def configure(app: Application, config: Config, now: Clock) -> None:
    """Say by what the application lives when it starts next.

    All that it knows of a configuration is in its state, so that one that has ended may start again with another.
    """
    keys = KeyFiles(config.keys_dir)
    app.state.update(
        config=config,
        now=now,
        origin=config.public_url,
        papers_to_scan=read_papers(config) if config.demo else [],
        roots=keys.roots(),
        token_key=keys.token_key().public_key(),
    )


@asynccontextmanager
async def _open_services(app: Litestar) -> AsyncIterator[None]:
    async with open_services(app.state.config, app.state.now, serving=True) as services:
        app.state.services = services
        yield


def create_served_app() -> Front:
    """What each web worker runs: the application of the environment's configuration, observed."""
    launcher = multiprocessing.parent_process()
    assert launcher is not None, "only `khoso serve` runs this"
    assert launcher.pid is not None
    # The launcher was killed: nobody is left to drain for, and the server's own handler may hang without it.
    die_with(launcher.pid, signal.SIGKILL)
    take_long_turns()  # before the server makes its threads, which take over how this one is scheduled
    with told_to(launcher.pid):
        config = configuration.load()
        observing.configure_logging(config)
        app = create_app(config)
    app.on_startup.append(spare_the_collector)
    return Front(app, verbose=config.log_level == "debug")


def _services(state: State) -> Services:
    services: Services = state.services
    return services


def provide_hierarchy(state: State) -> Hierarchy:
    """The administration as it stands today."""
    return _services(state).catalogue.hierarchy


def provide_purview(request: Request[Any, Any, Any], state: State) -> Purview:
    """To what the caller's rights extend by the scopes that the door has asked for."""
    return purview_of(provide_caller(request), provide_hierarchy(state), *scopes_of(request.route_handler.opt))


def _provide(name: str, place: Callable[[State], object]) -> Provide:
    """What is called so in a place that the state leads to."""

    def provide(state: State) -> object:
        return getattr(place(state), name)

    return Provide(provide, sync_to_thread=False)


@get("/healthz", opt={"public": True}, tags=["running"], summary="The process answers")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@get("/readyz", opt={"public": True}, tags=["running"], summary="The process can issue: its database answers")
async def readyz(state: State) -> dict[str, str]:
    await _services(state).check_ready()
    return {"status": "ready"}


@get(
    "/metrics",
    opt={"scope": "metrics:read"},
    tags=["running"],
    summary="Metrics of all workers, Prometheus text",
    responses=answering(bytes, "text/plain"),
)
async def metrics() -> Response[bytes]:
    return Response(observing.metrics_text(), media_type="text/plain; version=0.0.4")
