"""What a running server tells those who run it: structured logs, metrics, a request id. Never personal data.

Logged are method, route template, status and time: no path (it holds result codes), no query, no body, no header.
"""

import logging
import re
import secrets
import sys
from itertools import count
from time import perf_counter
from typing import Any

import msgspec
import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from khoso.config import Config

REQUESTS = Histogram(
    "khoso_request_seconds",
    "Time to answer a request, by route, method and status",
    ["route", "method", "status"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
VERDICTS = Counter("khoso_verdicts_total", "Verdicts given, by outcome", ["outcome"])
UNRECORDED = Counter("khoso_scans_unrecorded_total", "Scans answered while the database was away")
STATUS_AGE = Gauge(
    "khoso_status_age_seconds", "Age of what a worker remembers of statuses, by process", multiprocess_mode="liveall"
)
LIST_AGE = Gauge(
    "khoso_status_list_age_seconds", "Age of the oldest published status list", multiprocess_mode="livemax"
)
REFUSALS = Counter("khoso_publish_refusals_total", "What was not published, or not served, by reason", ["reason"])


def tell_refusal(reason: str) -> None:
    """Count something that was not published, or not served."""
    REFUSALS.labels(reason).inc()


TRUST_LEFT = Gauge(
    "khoso_trust_seconds_left", "Time until the trust list ends, by process", multiprocess_mode="liveall"
)


def tell_verdicts(outcome: str, scans: int) -> None:
    """Count verdicts of one outcome."""
    VERDICTS.labels(outcome).inc(scans)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SLOW_SECONDS = 1.0
"""What takes longer is logged even if it succeeds; other successes are counted, and told only at level debug."""

_PROCESS = secrets.token_hex(6)
_NUMBERS = count()
"""Request ids are the process and a number: unique, and a tenth of the price of a random one."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")
_SECURITY_HEADERS: list[tuple[bytes, bytes]] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]

log = structlog.get_logger("khoso.requests")


def configure_logging(config: Config) -> None:
    """Logs go to standard output, one JSON object or one readable line each."""
    renderer: Any = structlog.processors.JSONRenderer(serializer=lambda value, **_: msgspec.json.encode(value).decode())
    if config.log_format == "console":
        renderer = structlog.dev.ConsoleRenderer()
    level = logging.getLevelNamesMapping()[config.log_level.upper()]
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[_drop_internal, *shared, renderer]))
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def _drop_internal(_logger: Any, _name: str, event: Any) -> Any:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(_logger, _name, event)


def metrics_text() -> bytes:
    """The metrics of all workers, in the Prometheus text format."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class Observed:
    """An ASGI application with a request id, security headers, a time in the metrics and a line in the log."""

    def __init__(self, app: ASGIApp, *, verbose: bool = False) -> None:
        """`verbose`: tell the successes too, at level debug."""
        self._app = app
        self._verbose = verbose
        self._timers: dict[tuple[str, str, int], Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        status = 500
        request_id = _request_id(scope)

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id), *_missing(message["headers"])]
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        finally:
            self._note(scope, status, perf_counter() - started, request_id)

    def _note(self, scope: Any, status: int, seconds: float, request_id: bytes) -> None:
        route = scope.get("path_template", "unknown")
        method = scope["method"] if scope["method"] in _METHODS else "other"  # a label that a client could invent
        key = (route, method, status)
        timer = self._timers.get(key)
        if timer is None:
            timer = self._timers[key] = REQUESTS.labels(*key)
        timer.observe(seconds)
        notable = status >= 400 or seconds > _SLOW_SECONDS
        if notable or self._verbose:
            log.log(
                logging.INFO if notable else logging.DEBUG,
                "request",
                route=route,
                method=scope["method"],
                status=status,
                milliseconds=round(seconds * 1000, 1),
                request_id=request_id.decode(),
            )


def _request_id(scope: Any) -> bytes:
    """The proxy's request id if it is a plain one, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            given: bytes = value
            return given
    return f"{_PROCESS}-{next(_NUMBERS):08x}".encode()


def _missing(headers: Any) -> list[tuple[bytes, bytes]]:
    """The security headers, unless a page has brought its own policy."""
    if any(name == b"content-security-policy" for name, _ in headers):
        return []
    return _SECURITY_HEADERS
