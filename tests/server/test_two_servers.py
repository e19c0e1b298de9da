"""Two servers of two workers each on one database: however an agency's requests are spread, a key issues once."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import httpx

from desk import AGENCY, read
from invariants import check_everything
from khoso.config import Config
from samples import house_permit
from servers import serving
from tokens import bearer


async def test_fifty_at_once_with_one_key_are_one_credential_and_fifty_equal_answers(
    config: Config, key_dir: Path, tmp_path: Path
) -> None:
    headers = bearer(key_dir, datetime.now(UTC), "credentials:issue", agency=AGENCY)
    with (
        serving(config, tmp_path / "log1", "--no-with-worker") as first,
        serving(config, tmp_path / "log2", "--no-with-worker") as second,
    ):
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=50)) as client:

            async def ask(turn: int, key: str) -> httpx.Response:
                url = (first, second)[turn % 2].url
                asked = headers | {"idempotency-key": key}
                return await client.post(f"{url}/api/v1/credentials", json=house_permit(), headers=asked)

            for key in ("one", "two", "three"):
                answers = await asyncio.gather(*(ask(turn, key) for turn in range(50)))
                told = [read(answer, 201) for answer in answers]
                assert told == [told[0]] * 50
                assert told[0]["result_code"] == f"H17.05.12-261120-000001-KQ{('one', 'two', 'three').index(key) + 1}"
    await check_everything(config.database_owner_url)
