"""How long after rights have changed an access token is still taken, on each of two workers.

    python -m bench.cutoff

Two connections are kept, one to each worker. A person's tokens are ended, in a transaction as a change of rights does
it; from its commit on both workers are asked every few milliseconds with his token, until each has refused it.
"""

import asyncio
import json
import random
import time
from datetime import timedelta

from khoso import db
from khoso.bounds import Bounds
from khoso.caller import Caller
from khoso.config import Config
from khoso.identity.tokens import make_token
from khoso.signing.files import KeyFiles
from khoso.wiring import open_services, utc_now

from . import town
from .load import BenchError, Server
from .revocation import DEMAND_SECONDS, Connection, connect_to_each
from .verify_http import WORKERS

CUTOFFS = 100
_ASK_AGAIN_SECONDS = 0.004
_BODY = json.dumps({"lookup_code": "nothing"})


async def seconds_until_refused(connection: Connection, token: str, since: float) -> float:
    headers = {"Authorization": f"Bearer {token}"}
    while (await connection.post("/api/v1/verify", _BODY, headers)).status != 401:  # noqa: ASYNC110
        await asyncio.sleep(_ASK_AGAIN_SECONDS)
    return time.monotonic() - since


async def measure(server: Server, config: Config) -> list[float]:
    """For each cut-off and each worker, seconds until it was known."""
    workers = await connect_to_each(server, _BODY)
    key = KeyFiles(config.keys_dir).token_key()
    seconds: list[float] = []
    async with open_services(config, verifying=False) as services:
        for number in range(CUTOFFS):
            caller = Caller(subject=f"person:{number}", scopes=frozenset({"inspect"}))
            token = make_token(key, config.public_url, caller, utc_now(), timedelta(minutes=10))
            for one in workers:
                answer = await one.post("/api/v1/verify", _BODY, {"Authorization": f"Bearer {token}"})
                if answer.status != 200:
                    raise BenchError(f"a good token was answered {answer.status}")
            async with db.transaction(services.pool, Bounds(duty="identify")) as conn:
                await services.identity.cutoffs.end(conn, caller.subject, utc_now())
            since = time.monotonic()
            async with asyncio.timeout(30):
                seconds += await asyncio.gather(*(seconds_until_refused(one, token, since) for one in workers))
            await asyncio.sleep(random.uniform(0, 0.3))  # at any moment of the workers' own rhythm
    return seconds


def main() -> None:
    with town.town() as config, town.start(config, WORKERS) as server:
        seconds = sorted(asyncio.run(measure(server, config)))
    p50, p99 = seconds[len(seconds) // 2], seconds[len(seconds) * 99 // 100]
    print(f"{CUTOFFS} cut-offs on {WORKERS} workers: p50 {p50:.3f} s, p99 {p99:.3f} s, longest {seconds[-1]:.3f} s")
    print(f"p99 {p99:.2f} s   (demand {DEMAND_SECONDS})")


if __name__ == "__main__":
    main()
