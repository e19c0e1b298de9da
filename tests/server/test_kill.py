"""What a killed server had acknowledged is there, once. The test is the client: it keeps what it was told, on disk."""

import asyncio
import json
import os
import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from demo.launching import wait_gone
from desk import AGENCY
from grounds import NO_TLS
from invariants import check_everything
from khoso.config import Config
from samples import house_permit
from servers import Server, serving
from tokens import bearer

WANTED = 2_000
CLIENTS = 24
KILLS = 5

Json = dict[str, Any]


class Ledger:
    """What was acknowledged, by idempotency key. Every line is on disk before the next request is made."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self.answers: dict[str, Json] = {}

    def write(self, key: str, answer: Json) -> None:
        self._file.write(json.dumps([key, answer]).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.answers[key] = answer

    def close(self) -> None:
        self._file.close()


def request_of(key: str) -> Json:
    """Some share a dossier, some a holder."""
    number = int(key)
    holder = {"kind": "person", "id": f"{48_078_999_000 + number % 700:012}", "name": "Nguyễn Văn Thử"}
    return house_permit(number % 900, holder=holder)


async def issue(client: httpx.AsyncClient, key: str, token: dict[str, str]) -> Json | None:
    """What was acknowledged; None if the server said that it is away, or said nothing."""
    try:
        answer = await client.post(
            "/api/v1/credentials", json=request_of(key), headers=token | {"idempotency-key": key}
        )
    except httpx.TransportError:
        return None
    assert answer.status_code in (201, 503), answer.text
    return answer.json() if answer.status_code == 201 else None


async def keep_issuing(server: Server, keys: Iterator[int], ledger: Ledger, token: dict[str, str]) -> None:
    """Ask for each result until it is acknowledged, as an agency's system does."""
    async with httpx.AsyncClient(base_url=server.url, verify=NO_TLS) as client:
        for number in keys:
            key = str(number)
            while (answer := await issue(client, key, token)) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            ledger.write(key, answer)


async def kill_now_and_then(server: Server, ledger: Ledger) -> None:
    for turn in range(1, KILLS + 1):
        while len(ledger.answers) < WANTED * turn // (KILLS + 1):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        server.kill_all()
        await asyncio.to_thread(server.start, "--no-with-worker")


async def test_nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed(
    durable_config: Config, key_dir: Path, tmp_path: Path
) -> None:
    keys = iter(range(WANTED))
    token = bearer(key_dir, datetime.now(UTC), "credentials:issue", agency=AGENCY)
    with (
        closing(Ledger(tmp_path / "ledger")) as ledger,
        serving(durable_config, tmp_path / "log", "--no-with-worker") as server,
    ):
        killing = asyncio.create_task(kill_now_and_then(server, ledger))
        async with asyncio.timeout(90):
            await asyncio.gather(*(keep_issuing(server, keys, ledger, token) for _ in range(CLIENTS)), killing)
        async with httpx.AsyncClient(base_url=server.url, verify=NO_TLS) as client:
            sample = random.Random(7).sample(sorted(ledger.answers), 200)
            repeated = {key: await issue(client, key, token) for key in sample}
    assert repeated == {key: ledger.answers[key] for key in sample}
    recorded = await read_credentials(durable_config)
    assert recorded == {answer["result_code"] for answer in ledger.answers.values()}
    assert len(recorded) == len(ledger.answers) == WANTED
    await check_everything(durable_config.database_owner_url)


async def read_credentials(config: Config) -> set[str]:
    conn = await asyncpg.connect(config.database_owner_url)
    try:
        return {row["result_code"] for row in await conn.fetch("SELECT result_code FROM credential")}
    finally:
        await conn.close()


async def test_sigterm_lets_everybody_finish(durable_config: Config, key_dir: Path, tmp_path: Path) -> None:
    """Sixty clients are connected and have asked when it is told to end; each gets his answer."""
    token = bearer(key_dir, datetime.now(UTC), "credentials:issue", agency=AGENCY)
    with serving(durable_config, tmp_path / "log") as server:
        clients = [httpx.AsyncClient(base_url=server.url, verify=NO_TLS) for _ in range(60)]
        await asyncio.gather(*(client.get("/healthz") for client in clients))
        asked = [asyncio.create_task(issue(client, str(n), token)) for n, client in enumerate(clients)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        assert await asyncio.to_thread(server.terminate) == 0
        answers = [await one for one in asked]
        await asyncio.gather(*(client.aclose() for client in clients))
    assert None not in answers
    assert await read_credentials(durable_config) == {answer["result_code"] for answer in answers if answer}


async def test_a_killed_launcher_leaves_nobody_behind(config: Config, tmp_path: Path) -> None:
    with serving(config, tmp_path / "log") as server:
        left = server.kill_launcher()
        assert len(left) >= 4, "launcher, two web workers and the background worker"
        assert wait_gone(left, 5) == {}
