"""A server that starts while PostgreSQL is away verifies by the bundle on disk, until the database is back."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from desk import AGENCY, Desk, problem, read
from forging import resign
from grounds import CITY, ORIGIN, Clock, build_city, open_client, prepare
from invariants import check_everything
from khoso.config import Config
from khoso.embedded import APP, OWNER, WITHOUT_DURABILITY
from khoso.formats.claims import StatusRef
from khoso.publishing.bundle_file import BundleFile
from khoso.wiring import open_services
from own_postgres import OwnPostgres, own_postgres
from publishing.reading import publish
from samples import house_permit
from servers import Server
from tokens import bearer

AGE = timedelta(minutes=5)


class Behind(Clock):
    """The time as it was before."""

    def __init__(self, by: timedelta) -> None:
        self.by = by

    def __call__(self) -> datetime:
        return datetime.now(UTC) - self.by


@dataclass(frozen=True)
class Town:
    """A city whose lists were published five minutes ago; what is known of it outside."""

    postgres: OwnPostgres
    config: Config
    in_force: dict[str, Any]
    revoked: dict[str, Any]
    bundle: bytes


@pytest.fixture
def town(key_dir: Path, tmp_path: Path) -> Iterator[Town]:
    with own_postgres(WITHOUT_DURABILITY) as postgres:
        asyncio.run(prepare(postgres.server))
        asyncio.run(build_city(postgres.server, key_dir))
        config = Config(
            database_url=postgres.server.dsn(CITY, APP),
            database_owner_url=postgres.server.dsn(CITY, OWNER),
            public_url=ORIGIN,
            keys_dir=key_dir,
            data_dir=tmp_path / "data",
            workers=1,
            demo=True,  # its root is one of development
        )
        yield asyncio.run(live(postgres, config))
        asyncio.run(check_everything(config.database_owner_url))


async def live(postgres: OwnPostgres, config: Config) -> Town:
    """Two papers, one of them revoked, and the bundle that tells of both, on disk."""
    clock = Behind(2 * AGE)
    async with open_client(config, clock) as client:
        desk = Desk(client, config.keys_dir, clock, config.database_owner_url)
        in_force, revoked = await desk.issue(), await desk.issue()
        await desk.act(revoked["result_code"], "revoke")
    async with open_services(config, Behind(AGE)) as services:
        assert await publish(services) == {}
        await services.published.refresh()
        data = services.published.get_bundle().body
    BundleFile(config.data_dir / "lists").write(data)
    return Town(postgres, config, in_force, revoked, data)


def verify(server: Server, code: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    answer = httpx.post(f"{server.url}/api/v1/verify", json={"code": code}, headers=headers)
    verdict: dict[str, Any] = read(answer, 200)
    return verdict


def test_a_server_goes_by_the_bundle_until_the_database_comes(town: Town, key_dir: Path, tmp_path: Path) -> None:
    town.postgres.stop()
    server = Server(town.config, tmp_path / "log")
    try:
        server.start("--no-with-worker", until="/healthz")
        check_offline(server, town, key_dir)
        town.postgres.start()
        deadline = time.monotonic() + 30
        while not server.answers("/readyz"):
            assert time.monotonic() < deadline, server.log
            time.sleep(0.1)
        check_online(server, town, key_dir)
        assert server.terminate() == 0
    finally:
        if server.process.poll() is None:
            server.kill_all()
    assert server.log.count("database away: verifying by the published lists") >= 2


def check_offline(server: Server, town: Town, key_dir: Path) -> None:
    now = datetime.now(UTC)
    verdict = verify(server, town.in_force["code"])
    assert (verdict["outcome"], verdict["colour"]) == ("in_force_offline", "amber")
    assert abs(datetime.fromisoformat(verdict["status_as_of"]) - (now - AGE)) < timedelta(minutes=2)
    assert verdict["paper"]["comparison"]["shown"]["vi"]
    assert verify(server, town.revoked["code"])["colour"] == "red"
    never_issued = asyncio.run(resign(town.in_force["code"], key_dir, status=StatusRef(0, 77_777)))
    assert verify(server, never_issued)["colour"] in ("red", "grey")
    inspector = bearer(key_dir, now, "inspect")
    assert verify(server, town.in_force["code"], inspector)["colour"] == "amber"

    assert httpx.get(f"{server.url}/lists/bundle").content == town.bundle
    for path in ("/lists/trust", "/lists/types", "/lists/status/0", "/api/v1/result-types", "/healthz", "/v"):
        assert httpx.get(f"{server.url}{path}").status_code == 200, path
    as_jwt = httpx.get(f"{server.url}/lists/status/0", headers={"accept": "application/statuslist+jwt"})
    issuing = bearer(key_dir, now, "credentials:issue", agency=AGENCY) | {"idempotency-key": "during"}
    typed = {"lookup_code": town.in_force["lookup_code"]}
    for refused in (
        as_jwt,
        httpx.get(f"{server.url}/readyz"),
        httpx.get(f"{server.url}/api/v1/agencies"),
        httpx.post(f"{server.url}/api/v1/verify", json=typed),
        httpx.post(f"{server.url}/api/v1/credentials", json=house_permit(9), headers=issuing),
    ):
        problem(refused, 503, "unavailable")


def check_online(server: Server, town: Town, key_dir: Path) -> None:
    assert verify(server, town.in_force["code"])["colour"] == "green"
    assert verify(server, town.revoked["code"])["outcome"] == "revoked"
    headers = bearer(key_dir, datetime.now(UTC), "credentials:issue", agency=AGENCY) | {"idempotency-key": "after"}
    answer = httpx.post(f"{server.url}/api/v1/credentials", json=house_permit(9), headers=headers)
    assert verify(server, read(answer, 201)["code"])["colour"] == "green"
    assert httpx.get(f"{server.url}/api/v1/agencies").status_code == 200
