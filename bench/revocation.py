"""How long after an act a revoked paper still reads "in force", on each of two workers.

    python -m bench.revocation

Two connections are kept, one to each worker: an answer's request id tells which process gave it. Papers are revoked one
after another while others are verified 500 times a second; from the answer to the act on, both workers are asked every
few milliseconds, as anybody may ask, until each has said "revoked".
"""

import asyncio
import json
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from khoso.config import Config
from khoso.formats import claims, cose, link

from . import town
from .load import HOST, BenchError, Server
from .verify_http import WORKERS

REVOCATIONS = 200
VERIFIES_PER_SECOND = 500
DEMAND_SECONDS = 1.0
_CODES = 2_000
_CONNECTIONS = 10
_ASK_AGAIN_SECONDS = 0.004
_PATIENCE_SECONDS = 120
_REVOKE = {"act": "revoke", "reason_code": "R1", "decision_number": "77/QĐ"}


class Answer(NamedTuple):
    status: int
    worker: str
    body: bytes


class Connection:
    """One connection that is kept, and so one worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, server: Server) -> "Connection":
        return cls(*await asyncio.open_connection(HOST, server.port))

    async def post(self, path: str, body: str, headers: Mapping[str, str] | None = None) -> Answer:
        content = body.encode()
        given = {
            "Host": HOST,
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            **(headers or {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        self._writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + content)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        told = dict(line.split(": ", 1) for line in lines[1:] if line)
        answered = await self._reader.readexactly(int(told.get("content-length", "0")))
        return Answer(int(lines[0].split()[1]), told["x-request-id"].partition("-")[0], answered)

    async def verify(self, body: str) -> Any:
        answer = await self.post("/api/v1/verify", body)
        if answer.status != 200:
            raise BenchError(f"verify answered {answer.status}")
        return json.loads(answer.body)["outcome"]

    def close(self) -> None:
        self._writer.close()


async def connect_to_each(server: Server, body: str) -> list[Connection]:
    """A connection to each worker, as soon as all are up."""
    found: dict[str, Connection] = {}
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        connection = await Connection.open(server)
        worker = (await connection.post("/api/v1/verify", body)).worker
        if worker in found:
            connection.close()
            await asyncio.sleep(0.05)
        found.setdefault(worker, connection)
        if len(found) == WORKERS:
            return list(found.values())
    raise BenchError(f"{len(found)} of {WORKERS} workers reached")


async def keep_verifying(server: Server, bodies: Sequence[str]) -> None:
    """This connection's share of the load, until cancelled."""
    connection = await Connection.open(server)
    due = time.monotonic()
    while True:
        await connection.verify(random.choice(bodies))
        due = max(due + _CONNECTIONS / VERIFIES_PER_SECOND, time.monotonic() - 1)
        await asyncio.sleep(max(due - time.monotonic(), 0))


async def seconds_until_revoked(connection: Connection, body: str, since: float) -> float:
    while await connection.verify(body) != "revoked":  # noqa: ASYNC110 - nobody tells a client
        await asyncio.sleep(_ASK_AGAIN_SECONDS)
    return time.monotonic() - since


async def measure(server: Server, config: Config, bodies: Sequence[str]) -> list[float]:
    """For each revocation and each worker, seconds until it was told."""
    revoked, others = bodies[:REVOCATIONS], bodies[REVOCATIONS:]
    workers = await connect_to_each(server, others[0])
    office = await Connection.open(server)
    load = [asyncio.create_task(keep_verifying(server, others)) for _ in range(_CONNECTIONS)]
    await asyncio.sleep(3)
    seconds: list[float] = []
    for body in revoked:
        path = f"/api/v1/credentials/{_result_code(body, config)}/acts"
        answer = await office.post(path, json.dumps(_REVOKE), town.officer(config))
        since = time.monotonic()
        if answer.status != 204:
            raise BenchError(f"the act was answered {answer.status}")
        async with asyncio.timeout(30):
            seconds += await asyncio.gather(*(seconds_until_revoked(one, body, since) for one in workers))
        await asyncio.sleep(random.uniform(0, 0.3))  # at any moment of the workers' own rhythm
    for task in load:
        task.cancel()
    for ended in await asyncio.gather(*load, return_exceptions=True):
        if not isinstance(ended, asyncio.CancelledError):
            raise BenchError("the load ended early") from ended
    return seconds


def _result_code(body: str, config: Config) -> str:
    parts = cose.parse(link.parse(json.loads(body)["code"], config.public_url))
    return claims.decode(parts.unverified_payload).result_code


def main() -> None:
    with town.town() as config:
        bodies = town.issue_corpus(config, _CODES).bodies.read_text().splitlines()
        with town.start(config, WORKERS) as server:
            seconds = sorted(asyncio.run(measure(server, config, bodies)))
    p50, p99 = seconds[len(seconds) // 2], seconds[len(seconds) * 99 // 100]
    print(
        f"{REVOCATIONS} revocations on {WORKERS} workers: p50 {p50:.3f} s, p99 {p99:.3f} s, longest {seconds[-1]:.3f} s"
    )
    print(f"p99 {p99:.2f} s   (demand {DEMAND_SECONDS})")


if __name__ == "__main__":
    main()
