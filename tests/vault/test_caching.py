"""What browsers may keep of a vault, and for whom."""

from pathlib import Path

import httpx
import pytest

from conftest import Clock, Database
from desk import Desk


@pytest.fixture
def desk(client: httpx.AsyncClient, key_dir: Path, clock: Clock, city: Database) -> Desk:
    return Desk(client, key_dir, clock, city.owner_dsn)


@pytest.mark.parametrize("drawing", ["", "/qr.svg", "/qr.png", "/print.png"])
async def test_a_kept_answer_is_kept_for_the_token_that_asked(desk: Desk, drawing: str) -> None:
    issued = await desk.issue()
    headers = await desk.citizen(issued["result_code"])
    path = f"/api/v1/credentials/{issued['result_code']}{drawing}"
    answer = await desk.client.get(path, headers=headers)
    again = await desk.client.get(path, headers=headers | {"if-none-match": answer.headers["etag"]})
    assert (answer.status_code, again.status_code) == (200, 304)
    for one in (answer, again):
        assert one.headers["vary"] == "authorization, cookie"
        assert one.headers["cache-control"].startswith("private")


async def test_the_list_is_private(desk: Desk) -> None:
    issued = await desk.issue()
    headers = await desk.citizen(issued["result_code"])
    answer = await desk.client.get("/api/v1/vault/results", headers=headers)
    assert [one["result_code"] for one in answer.json()["items"]] == [issued["result_code"]]
    assert answer.headers["cache-control"] == "private, no-cache"


async def test_what_is_for_all_is_one_for_all(desk: Desk) -> None:
    answer = await desk.client.get("/api/v1/result-types")
    assert "vary" not in answer.headers
