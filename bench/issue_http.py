"""Single issues over HTTP: coalesced, not coalesced, and a handler of the same framework and server that does nothing.

The last twice: as framework and server come, and scheduled as `khoso serve` is.

    python -m bench.issue_http

Two workers, 64 connections, fsync on. The four run in turns; the ratios are medians of the rounds' ratios.
"""

import json
import sys
from argparse import ArgumentParser
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from statistics import median

from khoso.config import Config

from . import town
from .load import BenchError, Load, Server, drive, free_port, serving

WORKERS = 2
CONNECTIONS = 64
BODIES = 20_000


def write_bodies(config: Config) -> Path:
    """Requests for distinct dossiers and people."""
    path = config.data_dir / "requests.jsonl"
    config.data_dir.mkdir(exist_ok=True)
    with path.open("w") as lines:
        lines.writelines(json.dumps(town.house_permit(number)) + "\n" for number in range(BODIES))
    return path


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    with town.town() as config, ExitStack() as running:
        bodies, headers = write_bodies(config), town.officer(config)
        servers = {
            "coalesced": (running.enter_context(town.start(config, WORKERS)), "/api/v1/credentials"),
            "one by one": (
                running.enter_context(town.start(config, WORKERS, KHOSO_COALESCE="false")),
                "/api/v1/credentials",
            ),
            "no-op": (running.enter_context(start_noop()), "/noop"),
            "no-op, scheduled": (running.enter_context(start_noop("--long-turns")), "/noop"),
        }
        loads: dict[str, list[Load]] = {name: [] for name in servers}
        for _ in range(options.rounds + 1):  # the first is the warm-up
            for name, (server, path) in servers.items():
                loads[name].append(_round(name, server, path, bodies, dict(headers), options.seconds))
    report({name: rounds[1:] for name, rounds in loads.items()})


def start_noop(*options: str) -> AbstractContextManager[Server]:
    port = free_port()
    command = [sys.executable, "-m", "bench.peers.noop", "--port", str(port), "--workers", str(WORKERS), *options]
    return serving(command, port)


def _round(name: str, server: Server, path: str, bodies: Path, headers: dict[str, str], seconds: int) -> Load:
    load = drive(
        server.origin + path,
        bodies,
        server.pid,
        connections=CONNECTIONS,
        seconds=seconds,
        headers=headers,
        idempotency_keys=True,
    )
    if load.refused or load.broken:
        raise BenchError(f"{name}: {load.refused} answers refused, {load.broken} connections broken")
    return load


def report(loads: dict[str, list[Load]]) -> None:
    """A line for each, the two ratios that are demanded, and the second one's severer form."""
    for name, rounds in loads.items():
        rate = median(load.requests_per_second for load in rounds)
        p99 = median(load.p99_ms for load in rounds)
        print(f"{name:18}{rate:8,.0f} requests/s   p99 {p99:7.1f} ms")
    for other, note in (("one by one", "   (demand 2.0)"), ("no-op", "   (demand 0.3)"), ("no-op, scheduled", "")):
        pairs = zip(loads["coalesced"], loads[other], strict=True)
        ratio = median(a.requests_per_second / b.requests_per_second for a, b in pairs)
        print(f"coalesced / {other}: {ratio:.2f}{note}")


if __name__ == "__main__":
    main()
