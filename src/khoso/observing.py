"""What a running server tells those who run it: structured logs and metrics. Never personal data.

Logged are method, route template, status and time: no path (it holds result codes), no query, no body, no header.
"""

import asyncio
import logging
import os
import sys
from bisect import bisect_left
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest, multiprocess
from prometheus_client.registry import Collector

from khoso.config import Config
from khoso.processes import is_running

DELAY_SECONDS = 0.25
"""How long times of requests wait to be told together."""

_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


class _TimesTogether(Histogram):
    """A histogram that takes many times at once: each by itself writes twice to a file that the workers share."""

    def observe_all(self, counts: list[int], seconds: float) -> None:
        """Add so many to each bucket, and their sum."""
        for bucket, times in zip(self._buckets, counts, strict=True):
            if times:
                bucket.inc(times)
        self._sum.inc(seconds)


class _Waiting:
    """Times that nobody was told yet: how many in each bucket, and their sum."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BOUNDS) + 1)
        self.seconds = 0.0


class RequestTimes:
    """How long requests took, on the way into the metrics."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str, int], _Waiting] = {}
        self._metric = _TimesTogether(
            "khoso_request_seconds",
            "Time to answer a request, by route, method and status",
            ["route", "method", "status"],
            buckets=_BOUNDS,
        )

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request."""
        key = (route, method, status)
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = _Waiting()
        waiting.counts[bisect_left(_BOUNDS, seconds)] += 1
        waiting.seconds += seconds

    def tell(self) -> None:
        """Put what waits into the metrics."""
        told, self._waiting = self._waiting, {}
        for key, waiting in told.items():
            self._metric.labels(*key).observe_all(waiting.counts, waiting.seconds)

    async def keep_telling(self) -> None:
        """Tell again and again until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(DELAY_SECONDS)
                self.tell()
        finally:
            self.tell()


REQUEST_TIMES = RequestTimes()
VERDICTS = Counter("khoso_verdicts_total", "Verdicts given, by outcome", ["outcome"])
OUTAGE_SCANS = Counter(
    "khoso_outage_scans_total", "Inspectors' scans made while the database was away: spooled, delivered, lost", ["fate"]
)
SET_ASIDE = Gauge(
    "khoso_spool_set_aside",
    "Batches that could not be delivered, for a person to look at",
    multiprocess_mode="livemax",
)
STATUS_AGE = Gauge(
    "khoso_status_age_seconds", "Age of what a worker remembers of statuses, by process", multiprocess_mode="liveall"
)
LIST_AGE = Gauge(
    "khoso_status_list_age_seconds", "Age of the oldest published status list", multiprocess_mode="livemax"
)
RECORD_BEHIND = Gauge(
    "khoso_record_behind",
    "Published lists newer than the database: issuing is shut",
    multiprocess_mode="livemax",
)
REFUSALS = Counter("khoso_publish_refusals_total", "What was not published, or not served, by reason", ["reason"])


TRUST_LEFT = Gauge(
    "khoso_trust_seconds_left", "Time until the trust list ends, by process", multiprocess_mode="liveall"
)


def tell_verdicts(outcome: str, scans: int) -> None:
    """Count verdicts of one outcome."""
    VERDICTS.labels(outcome).inc(scans)


def tell_outage_scans(fate: str, scans: int) -> None:
    """Count inspectors' scans that the database could not take when they were made."""
    OUTAGE_SCANS.labels(fate).inc(scans)


def tell_refusal(reason: str) -> None:
    """Count something that was not published, or not served."""
    REFUSALS.labels(reason).inc()


class _Patient:
    """A stream that loses what it cannot write, on a full disk or to a reader that has gone, and says nothing.

    Logging must not be why something ends: least of all what is told of an error, inside its handler.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


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
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Patient(sys.stdout))),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[_drop_internal, *shared, renderer]))
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def _drop_internal(_logger: Any, _name: str, event: Any) -> Any:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(_logger, _name, event)


def metrics_text() -> bytes:
    """The metrics of all workers, in the Prometheus text format; the others' may be a quarter of a second old."""
    REQUEST_TIMES.tell()
    registry = CollectorRegistry()
    registry.register(_AllWorkers(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])))
    return generate_latest(registry)


class _AllWorkers(Collector):
    """What each process of a server, also one that has ended, has counted in its files; and how those alive stand.

    The library's own collector fails at a file that is still empty: one that is made at this moment, or whose process
    was killed then (client_python, issue 1199). And it believes the gauges of processes that have ended until it is
    told of each end: an alarm would never fall silent after its worker was started again.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        files = [str(file) for file in self._directory.glob("*.db") if file.stat().st_size and not _is_past(file)]
        return multiprocess.MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call,no-any-return]


def _is_past(file: Path) -> bool:
    """Whether it says how a process stands that has ended, as far as its number tells."""
    kind, _, pid = file.stem.rpartition("_")
    return kind.startswith("gauge_live") and not is_running(int(pid))
