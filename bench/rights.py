"""What the rights cost: verifying and issuing with them, and without any, in turns.

    python -m bench.rights

One process and 64 clients without a network between, so that nothing hides what a request costs. Without rights means:
no policies in the database and nothing told to it, no purview, no passkeys, nobody's papers counted.
"""

import asyncio
import gc
import json
import time
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from statistics import median
from typing import Any
from uuid import uuid4

import asyncpg

from khoso import db
from khoso.app import create_app
from khoso.caller import Purview
from khoso.config import Config
from khoso.front import Front
from khoso.identity.passkeys import StepUp
from khoso.issuance import pace, routes

from . import town
from .load import BenchError

CLIENTS = 64
PAPERS = 2_000
ROUNDS = 9
DEMAND = 0.9

Ask = Callable[[str, bytes, Mapping[str, str]], Awaitable[int]]
"""Path, body and headers; the status of the answer."""


@asynccontextmanager
async def asking(config: Config) -> AsyncIterator[Ask]:
    """The application itself, called without a server."""
    app = create_app(config)
    front = Front(app)

    async def ask(path: str, body: bytes, headers: Mapping[str, str]) -> int:
        answer: dict[str, Any] = {}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            answer.update(message)

        lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope: Any = {"type": "http", "method": "POST", "path": path, "headers": lines, "query_string": b""}
        await front(scope, receive, send)  # type: ignore[arg-type]
        status: int = answer["status"]
        return status

    async with app.lifespan():
        yield ask


async def rate(ask: Ask, path: str, requests: Sequence[tuple[bytes, Mapping[str, str]]], clients: int) -> float:
    """Requests in a second, each answered with success."""
    waiting = iter(requests)

    async def client() -> None:
        for body, headers in waiting:
            status = await ask(path, body, headers)
            if status not in (200, 201):
                raise BenchError(f"{path}: {status}")

    gc.collect()
    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return len(requests) / (time.perf_counter() - started)


@contextmanager
def _unguarded_code() -> Iterator[None]:
    """Nothing decided, nothing told to the database, nobody's papers counted."""

    async def only_tell(conn: db.Connection, credentials: Sequence[Any], _: Any, now: Any) -> None:
        await conn.execute(
            """
            INSERT INTO outbox (event_id, kind, vault_id, credential_id, created_at)
            SELECT event_id, 'issue', vault_id, credential_id, $4
              FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS paper (event_id, vault_id, credential_id)
            """,
            [uuid4() for _ in credentials],
            [one.vault_id for one in credentials],
            [one.credential_id for one in credentials],
            now,
        )

    everything = Purview(frozenset({(town.AGENCY, None)}))
    replaced: list[tuple[Any, str, Any]] = [
        (db, "_limits", lambda _: []),
        (pace, "count", only_tell),
        (routes, "purview_of", lambda *_: everything),
        (Purview, "check_asked", lambda *_: None),
        (StepUp, "require", lambda *_: None),
    ]
    originals = [getattr(place, name) for place, name, _ in replaced]
    for place, name, nothing in replaced:
        setattr(place, name, nothing)
    try:
        yield
    finally:
        for (place, name, _), original in zip(replaced, originals, strict=True):
            setattr(place, name, original)


async def _set_policies(config: Config, *, enabled: bool) -> None:
    conn = await asyncpg.connect(config.database_owner_url)
    word = "ENABLE" if enabled else "DISABLE"
    for row in await conn.fetch("SELECT DISTINCT polrelid::regclass::text AS name FROM pg_policy"):
        await conn.execute(f"ALTER TABLE {row['name']} {word} ROW LEVEL SECURITY")
    await conn.close()


async def measure(config: Config, codes: Sequence[bytes], rounds: int) -> None:
    """Print each ratio: the median of the rounds' ratios."""
    officer, inspector = town.somebody(config, "credentials:issue"), town.somebody(config, "inspect")
    serials = count(100_000)

    def papers(number: int) -> list[tuple[bytes, Mapping[str, str]]]:
        return [
            (json.dumps(town.house_permit(n)).encode(), officer | {"Idempotency-Key": f"key-{n}"})
            for n in (next(serials) for _ in range(number))
        ]

    kinds: dict[str, Callable[[], tuple[str, list[tuple[bytes, Mapping[str, str]]], int]]] = {
        "verify": lambda: ("/api/v1/verify", [(body, {}) for body in codes], CLIENTS),
        "verify, inspector": lambda: ("/api/v1/verify", [(body, inspector) for body in codes], CLIENTS),
        "issue": lambda: ("/api/v1/credentials", papers(PAPERS), CLIENTS),
        "issue, alone": lambda: ("/api/v1/credentials", papers(PAPERS // 10), 1),
    }
    rates: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    async with asking(config) as ask:
        for _ in range(rounds + 1):  # the first is the warm-up
            for kind, make in kinds.items():
                guarded = await rate(ask, *make())
                await _set_policies(config, enabled=False)
                with _unguarded_code():
                    unguarded = await rate(ask, *make())
                await _set_policies(config, enabled=True)
                rates[kind].append((guarded, unguarded))
    for kind, pairs in rates.items():
        guarded, unguarded = (median(column) for column in zip(*pairs[1:], strict=True))
        ratio = median(a / b for a, b in pairs[1:])
        print(f"{kind:18} {guarded:7,.0f}/s with   {unguarded:7,.0f}/s without   {ratio:.3f}   (demand {DEMAND})")


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with town.town() as config:
        codes = town.issue_corpus(config, PAPERS).bodies.read_bytes().splitlines()
        asyncio.run(measure(config, codes, options.rounds))


if __name__ == "__main__":
    main()
