"""Verifying while PostgreSQL is stopped, against verifying while it runs.

    python -m bench.outage [--rounds 5] [--seconds 5]

Two workers, 64 connections, distinct recorded papers. Each round measures with the database and without it; the ratio
is the median of the rounds' ratios. An answer that is no verdict ends the benchmark.
"""

import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from statistics import median

from . import town
from .load import BenchError, Load, Server, drive
from .town import Corpus
from .verify_http import CODES, CONNECTIONS, WORKERS

DEMAND = 0.9
_PATIENCE_SECONDS = 30


def measure(place: town.Town, server: Server, corpus: Corpus, seconds: int) -> tuple[Load, Load]:
    """One round: with the database, then without it."""
    running = _drive(server, corpus, seconds)
    place.stop()
    stopped = _drive(server, corpus, seconds)
    place.start()
    _await_ready(server)
    return running, stopped


def _drive(server: Server, corpus: Corpus, seconds: int) -> Load:
    url = server.origin + "/api/v1/verify"
    load = drive(url, corpus.bodies, server.pid, connections=CONNECTIONS, seconds=seconds)
    if load.refused or load.broken:
        raise BenchError(f"{load.refused} answers refused, {load.broken} connections broken")
    return load


def _await_ready(server: Server) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(server.origin + "/readyz", timeout=5):
                return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise BenchError("not ready again after the database was started")


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    with town.founded_town() as place:
        corpus = town.issue_corpus(place.config, CODES)
        with town.start(place.config, WORKERS) as server:
            _drive(server, corpus, options.seconds)  # the warm-up
            rounds = [measure(place, server, corpus, options.seconds) for _ in range(options.rounds)]
    for name, loads in zip(("with PostgreSQL", "without"), zip(*rounds, strict=True), strict=True):
        rate, p99 = median(one.requests_per_second for one in loads), median(one.p99_ms for one in loads)
        cpu = median(one.server_cpu_us_per_request for one in loads)
        print(f"{name:16}{rate:8,.0f} requests/s   p99 {p99:6.1f} ms   {cpu:5.0f} µs of processor a request")
    ratio = median(stopped.requests_per_second / running.requests_per_second for running, stopped in rounds)
    print(f"without / with: {ratio:.2f}   (demand {DEMAND})")


if __name__ == "__main__":
    main()
