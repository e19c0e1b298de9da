"""Benchmark: the verify endpoint, two workers, distinct codes; khoso against the peer in `peers/verify`.

    (cd bench/peers/verify && npm ci)
    python -m bench.verify_http

Both run at once and are driven in turns, so that whatever else the machine does falls on both alike; the ratio is the
median of the rounds' ratios. Before the first round each must accept every code and refuse forged ones.
"""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import NamedTuple

from khoso.config import Config

from . import town
from .load import HOST, BenchError, Load, Server, drive, free_port, serving
from .town import Corpus

CODES = 20_000
WORKERS = 2
CONNECTIONS = 64
_FORGERIES = 50
_WARM_UP_SECONDS = 3
_PEER = Path(__file__).parent / "peers" / "verify"


class Contender(NamedTuple):
    """A way to verify: how to start it, the path it answers on, which answers (status, body) say genuine."""

    name: str
    start: Callable[[Corpus], AbstractContextManager[Server]]
    path: str
    says_genuine: Callable[[int, bytes], bool]


def start_peer(corpus: Corpus) -> AbstractContextManager[Server]:
    port = free_port()
    command = ["node", str(_PEER / "server.js"), f"--port={port}", f"--keys={corpus.keys}", f"--workers={WORKERS}"]
    return serving(command, port)


PEER = Contender("peer", start_peer, "/verify", lambda status, body: status == 200)


def ours(config: Config) -> Contender:
    return Contender(
        "khoso",
        lambda _: town.start(config, WORKERS),
        "/api/v1/verify",
        lambda status, body: status == 200 and json.loads(body)["outcome"] == "in_force",
    )


def require_right_answers(contender: Contender, server: Server, corpus: Corpus) -> None:
    """Every code of the corpus is genuine and no forged one is; raises BenchError otherwise."""
    bodies = corpus.bodies.read_text().splitlines()
    forged = [_forged(body, place) for place, body in enumerate(bodies[:_FORGERIES], start=1)]
    answers = list(_answers(server, contender, [*bodies, *forged]))
    accepted, fooled = sum(answers[: len(bodies)]), sum(answers[len(bodies) :])
    if accepted != len(bodies) or fooled:
        raise BenchError(f"{contender.name}: {accepted} of {len(bodies)} codes and {fooled} forgeries accepted")


def _forged(body: str, place: int) -> str:
    """The same code with another digit, `10 * place` digits before its end."""
    code = json.loads(body)["code"]
    at = len(code) - 10 * place
    return json.dumps({"code": f"{code[:at]}{(int(code[at]) + 1) % 10}{code[at + 1 :]}"})


def _answers(server: Server, contender: Contender, bodies: Sequence[str]) -> Iterator[bool]:
    connection = HTTPConnection(HOST, server.port, timeout=10)
    for body in bodies:
        connection.request("POST", contender.path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        yield contender.says_genuine(answer.status, answer.read())
    connection.close()


def measure(contenders: Sequence[Contender], corpus: Corpus, rounds: int, seconds: int) -> dict[str, list[Load]]:
    """Each contender's loads, round by round, A B A B."""
    with ExitStack() as running:
        servers = {each: running.enter_context(each.start(corpus)) for each in contenders}
        for contender, server in servers.items():
            require_right_answers(contender, server, corpus)
            _round(contender, server, corpus, _WARM_UP_SECONDS)
        loads: dict[str, list[Load]] = {each.name: [] for each in contenders}
        for _ in range(rounds):
            for contender, server in servers.items():
                loads[contender.name].append(_round(contender, server, corpus, seconds))
    return loads


def _round(contender: Contender, server: Server, corpus: Corpus, seconds: int) -> Load:
    load = drive(server.origin + contender.path, corpus.bodies, server.pid, connections=CONNECTIONS, seconds=seconds)
    if load.refused or load.broken:
        raise BenchError(f"{contender.name}: {load.refused} answers refused, {load.broken} connections broken")
    return load


def report(loads: dict[str, list[Load]]) -> str:
    """A table, a line for each contender, and the ratios of the first to the last."""
    lines = [f"{'':8}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs/request':>16}"]
    for name, rounds in loads.items():
        rate = median(load.requests_per_second for load in rounds)
        p50, p99 = median(load.p50_ms for load in rounds), median(load.p99_ms for load in rounds)
        cpu = median(load.server_cpu_us_per_request for load in rounds)
        lines.append(f"{name:8}{rate:12,.0f}{p50:9.2f}{p99:9.2f}{cpu:16.0f}")
    if len(loads) == 2:
        ours, peer = loads.values()
        pairs = list(zip(ours, peer, strict=True))
        rate = median(a.requests_per_second / b.requests_per_second for a, b in pairs)
        cpu = median(a.server_cpu_us_per_request / b.server_cpu_us_per_request for a, b in pairs)
        lines.append(f"ratio of the rounds, median: {rate:.2f} times the requests/s, {cpu:.2f} times the CPU a request")
    return "\n".join(lines)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--peer-only", action="store_true")
    options = parser.parse_args()
    with town.town() as config:
        contenders = [PEER] if options.peer_only else [ours(config), PEER]
        corpus = town.issue_corpus(config, CODES)
        print(report(measure(contenders, corpus, options.rounds, options.seconds)))


if __name__ == "__main__":
    main()
