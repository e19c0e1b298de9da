"""A canary among the citizens: issued, searched, verified, looked up; then looked for wherever it must not be."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from desk import Desk, read
from forging import resign
from khoso.config import Config
from samples import house_permit
from servers import Server, WallClock, serving

NAME, PERSONAL_ID, ADDRESS = "Hoàng Yến Kim Tước", "048299123456", "99 Đường Chim Hoàng Yến"
HOLDER = {"kind": "person", "id": PERSONAL_ID, "name": NAME}
FIELDS = house_permit()["fields"] | {"owner": NAME, "address": ADDRESS, "owner_id": PERSONAL_ID}


class Overheard:
    """Everything but bodies that the server said to its clients, and every address that was asked for."""

    def __init__(self) -> None:
        self.text = ""

    async def listen(self, answer: httpx.Response) -> None:
        self.text += f"{answer.status_code} {answer.headers!r}\n"


@pytest.fixture
def overheard() -> Overheard:
    return Overheard()


@pytest.fixture
def talkative(config: Config, tmp_path: Path) -> Iterator[Server]:
    """A server that logs all it ever would."""
    with serving(msgspec.structs.replace(config, log_level="debug"), tmp_path / "log") as server:
        yield server


@pytest.fixture
async def desk(talkative: Server, config: Config, key_dir: Path, overheard: Overheard) -> AsyncIterator[Desk]:
    hooks = {"response": [overheard.listen]}
    async with httpx.AsyncClient(base_url=talkative.url, event_hooks=hooks) as client:
        yield Desk(client, key_dir, WallClock(), config.database_owner_url)


async def live(desk: Desk) -> list[str]:
    """A canary's life, its mistakes too. Answers what identifies it."""
    issued = await desk.issue(house_permit(1, holder=HOLDER, fields=FIELDS))
    code, lookup_code, result_code = issued["code"], issued["lookup_code"], issued["result_code"]
    citizen = await desk.citizen(result_code)
    inspector = desk.token("inspect", subject="inspector-1")
    read(await desk.client.get("/api/v1/vault/results", params={"q": NAME}, headers=citizen), 200)
    for form in ("", "/qr.svg", "/qr.png", "/print.png"):
        assert (await desk.client.get(f"/api/v1/credentials/{result_code}{form}", headers=citizen)).status_code == 200
    for headers in (None, inspector):
        await desk.verify(headers, code=code)
        await desk.verify(headers, lookup_code=lookup_code)
        await desk.verify(headers, code=await resign(code, desk.key_dir, issued_at=1))
    assert (await desk.client.post("/v/lookup", data={"lookup_code": lookup_code})).status_code == 200
    await desk.act(result_code, "revoke")

    wrong = FIELDS | {"floors": f"{NAME} {PERSONAL_ID}", NAME: ADDRESS}
    assert (await desk.try_issue(house_permit(2, holder=HOLDER, fields=wrong))).status_code == 422
    assert (await desk.try_issue(house_permit(2, holder={**HOLDER, "kind": NAME}))).status_code == 422
    assert (await desk.client.get("/api/v1/vault/results", params={"limit": NAME}, headers=citizen)).status_code == 422
    assert (await desk.client.get(f"/api/v1/{NAME}/{result_code}")).status_code == 404
    assert (await desk.client.get("/v", params={"code": code})).status_code == 200
    assert (await desk.try_verify({"authorization": f"Bearer {lookup_code}"}, code=code)).status_code == 401
    await let_the_database_quote_a_row(desk)
    assert (await desk.try_issue(house_permit(3, holder=HOLDER, fields=FIELDS))).status_code == 500
    return [code.partition("#")[2], lookup_code[-6:], result_code, str(await desk.vault_of(result_code))]


async def let_the_database_quote_a_row(desk: Desk) -> None:
    """What only a fault of ours could do: PostgreSQL's message then holds the whole row."""
    await desk.rows(f"ALTER TABLE credential ADD CONSTRAINT fault CHECK (holder_name <> '{NAME}') NOT VALID")


async def test_a_canary_is_nowhere_but_in_answers(desk: Desk, talkative: Server, overheard: Overheard) -> None:
    codes = await live(desk)
    metrics = await desk.client.get("/metrics", headers=desk.token("metrics:read"))
    assert "khoso_request_seconds" in metrics.text
    assert talkative.terminate() == 0
    assert "unhandled error" in talkative.log, "the log is the one that was asked for"
    words = [*NAME.split(), PERSONAL_ID, *ADDRESS.split()[2:], PERSONAL_ID[-6:]]
    secrets = [*words, *codes, *(repr(word.encode())[2:-1] for word in words), *(ascii(word)[1:-1] for word in words)]
    for place, text in (("log", talkative.log), ("metrics", metrics.text), ("headers", overheard.text)):
        assert [secret for secret in secrets if secret in text] == [], place
