"""A database restored to an earlier moment, on a real PostgreSQL: shut until it is recovered, and then nothing is lost.

No index is handed out twice, and nothing that was withdrawn is good again.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx
import msgspec
import pytest

import invariants
from command_line import Khoso
from desk import AGENCY, Desk, problem, read
from grounds import ORIGIN, Clock, copy_database, drop_database, running
from khoso.app import create_app
from khoso.config import Config
from khoso.embedded import EmbeddedPostgres
from khoso.errors import RecordBehind, Unavailable
from khoso.formats.status_list import Status
from khoso.formats.trust import KeyState
from khoso.front import Front
from khoso.publishing.bundle_file import BundleFile
from khoso.recovering import find_loss, recover
from khoso.wiring import Services, open_services
from samples import house_permit

Json = dict[str, Any]


@dataclass(frozen=True)
class Restorable:
    """A city whose database can be put back to a moment before."""

    server: EmbeddedPostgres
    config: Config
    clock: Clock
    name: str
    _serials: Iterator[int] = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Desk, Services]]:
        """A server that begins with what lies on its disk."""
        app = create_app(self.config, self.clock)
        async with running(app):
            transport = httpx.ASGITransport(cast(Any, Front(app)), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
                owner = self.config.database_owner_url
                yield Desk(client, self.config.keys_dir, self.clock, owner, self._serials), app.state.services

    async def publish(self, services: Services) -> None:
        """A round, taken over by this server and kept on its disk."""
        report = await services.publisher.publish()
        assert not report.refused
        await services.published.refresh()
        BundleFile(self.config.data_dir / "lists").write(services.published.get_bundle().body)

    async def back_up(self) -> None:
        await copy_database(self.server, self.name, f"{self.name}_backup")

    async def restore(self) -> None:
        await drop_database(self.server, self.name)
        await copy_database(self.server, f"{self.name}_backup", self.name)


@pytest.fixture
async def city_to_restore(
    server: EmbeddedPostgres, city_template: str, key_dir: Path, tmp_path: Path, clock: Clock
) -> AsyncIterator[Restorable]:
    name = f"restored_{uuid4().hex}"
    database = await copy_database(server, city_template, name)
    config = Config(
        database_url=database.app_dsn,
        database_owner_url=database.owner_dsn,
        public_url=ORIGIN,
        keys_dir=key_dir,
        data_dir=tmp_path,
        log_level="warning",
    )
    yield Restorable(server, config, clock, name)
    await invariants.check_everything(database.owner_dsn)
    await drop_database(server, name)
    await drop_database(server, f"{name}_backup")


@dataclass
class Lost:
    """What was before the moment to which the database went back, and what came after it."""

    before: dict[str, Json]
    """A paper for each thing that was done in the lost time."""
    issued: list[Json]
    handed_out: set[tuple[int, int]]
    """Every index that anybody's paper has."""
    versions: dict[int, int]


async def lose(city: Restorable) -> Lost:
    """Issue, back up, issue and withdraw and publish, and go back."""
    async with city.open() as (desk, services):
        before = {deed: await desk.issue() for deed in ("keep", "restore", "revoke", "supersede", "suspend")}
        await desk.act(before["restore"]["result_code"], "suspend")
        await city.publish(services)
    await city.back_up()
    async with city.open() as (desk, services):
        city.clock.forward(timedelta(minutes=1))
        issued = [await desk.issue() for _ in range(6)]
        for deed in ("restore", "revoke", "suspend"):
            await desk.act(before[deed]["result_code"], deed)
        await desk.act(before["supersede"]["result_code"], "supersede", superseded_by=issued[0]["result_code"])
        await city.publish(services)
        lost = Lost(before, issued, await indexes(desk), versions(services))
    await city.restore()
    return lost


async def indexes(desk: Desk) -> set[tuple[int, int]]:
    return {(row["list_id"], row["status_index"]) for row in await desk.rows("SELECT * FROM status_entry")}


def versions(services: Services) -> dict[int, int]:
    return {list_id: token.version for list_id, token in services.published.lists.status_tokens.items()}


def codes(lost: Lost, *deeds: str) -> list[str]:
    return [lost.before[deed]["result_code"] for deed in deeds]


async def test_nothing_is_issued_or_ordered_on_a_database_that_went_back(city_to_restore: Restorable) -> None:
    lost = await lose(city_to_restore)
    async with city_to_restore.open() as (desk, services):
        assert problem(await desk.try_issue(house_permit(77)), 503, "record_behind") == [("status list 0", "behind")]
        problem(await desk.try_act(lost.before["keep"]["result_code"], "revoke"), 503, "record_behind")
        headers = {"idempotency-key": "file", "content-type": "text/csv"} | desk.officer("credentials:issue")
        file = await desk.client.post("/api/v1/imports?type_code=KQ.H17.000001", content=b"a\n1\n", headers=headers)
        problem(file, 503, "record_behind")
        problem(await desk.client.get("/readyz"), 503, "record_behind")
        with pytest.raises(RecordBehind):
            await services.orders.carry_out_due()
        city_to_restore.clock.forward(timedelta(minutes=5))
        assert (await services.publisher.publish()).refused == {"status list 0": "rolled_back"}


async def test_verifying_goes_on_by_what_was_published(city_to_restore: Restorable) -> None:
    lost = await lose(city_to_restore)
    city_to_restore.clock.forward(timedelta(minutes=1))
    async with city_to_restore.open() as (desk, _):
        outcomes = {deed: (await desk.verify(code=paper["code"]))["outcome"] for deed, paper in lost.before.items()}
        assert outcomes == {
            "keep": "in_force_offline",
            "restore": "suspended",  # the stricter of the two
            "revoke": "revoked",
            "supersede": "superseded",
            "suspend": "suspended",
        }
        assert (await desk.verify(code=lost.issued[1]["code"]))["outcome"] == "in_force_offline"


async def test_recovered_no_index_is_handed_out_twice_and_nothing_withdrawn_is_good(
    city_to_restore: Restorable,
) -> None:
    lost = await lose(city_to_restore)
    async with city_to_restore.open() as (desk, services):
        loss = await find_loss(services)
        assert [one.result_code for one in loss.withdrawn] == codes(lost, "revoke", "supersede", "suspend")
        assert [one.result_code for one in loss.restored] == codes(lost, "restore")
        assert [one.lost_papers for one in loss.lists] == [len(lost.issued)]
        await recover(services, loss, "operator", city_to_restore.clock())

        read(await desk.client.get("/readyz"), 200)
        known = await indexes(desk)
        for _ in range(20):
            await desk.issue()
        assert not (await indexes(desk) - known) & lost.handed_out
        await city_to_restore.publish(services)
        assert versions(services)[0] > lost.versions[0]
        outcomes = {deed: (await desk.verify(code=paper["code"]))["outcome"] for deed, paper in lost.before.items()}
        assert outcomes == {
            "keep": "in_force",
            "restore": "suspended",
            "revoke": "revoked",
            "supersede": "suspended",
            "suspend": "suspended",
        }
        assert (await desk.verify(code=lost.issued[1]["code"]))["outcome"] == "not_issued"
        acts = await desk.rows(
            "SELECT actor, reason_code, decision_number FROM status_act WHERE reason_code = 'recovered'"
        )
        assert {tuple(row) for row in acts} == {("operator", "recovered", f"status list 0, version {lost.versions[0]}")}
        await desk.act(lost.before["restore"]["result_code"], "restore")


async def test_what_was_withdrawn_in_a_published_list_is_not_good_in_the_next(city_to_restore: Restorable) -> None:
    await lose(city_to_restore)
    async with city_to_restore.open() as (_, services):
        held = services.published.lists.status_tokens[0]
        await recover(services, await find_loss(services), "operator", city_to_restore.clock())
        new = services.published.lists.status_tokens[0]
        assert new.version > held.version
        before, after = held.statuses, new.statuses
        assert {after[i] for i in range(len(before)) if before[i] is not Status.VALID}.isdisjoint({Status.VALID})


async def test_a_server_that_was_running_shuts_and_forgets_what_is_lost(city_to_restore: Restorable) -> None:
    async with city_to_restore.open() as (desk, services):
        await desk.issue()
        await city_to_restore.publish(services)
    await city_to_restore.back_up()
    async with city_to_restore.open() as (desk, services):
        lost = await desk.issue()
        await city_to_restore.publish(services)
        assert (await desk.verify(code=lost["code"]))["outcome"] == "in_force"
        await city_to_restore.restore()
        await until_found(services)
        problem(await desk.try_issue(house_permit(99)), 503, "record_behind")
        async with open_services(city_to_restore.config, city_to_restore.clock, verifying=False) as command:
            await recover(command, await find_loss(command), "operator", city_to_restore.clock())
        await services.published.refresh()
        await services.statuses.refresh()
        assert (await desk.verify(code=lost["code"]))["outcome"] == "not_issued"
        await desk.issue()


async def until_found(services: Services) -> None:
    """The connections of before are dead, and each says so once."""
    while not services.published.watch.gaps:
        with suppress(Unavailable):
            await services.published.refresh()


async def test_no_index_is_taken_from_a_list_that_is_found_behind(city_to_restore: Restorable) -> None:
    """As in the half second before a server has looked."""
    lost = await lose(city_to_restore)
    async with city_to_restore.open() as (desk, services):
        watch = services.published.watch
        watch.gaps = {}
        with pytest.raises(RecordBehind):
            watch.require({0: lost.versions[0] - 1})
        watch.require({0: lost.versions[0], 9: 0})
        watch.gaps = {}
        problem(await desk.try_issue(house_permit(99)), 503, "record_behind")


async def test_types_keys_and_honest_sets_that_are_lost_come_back(city_to_restore: Restorable) -> None:
    async with city_to_restore.open() as (desk, services):
        await desk.issue()
        await city_to_restore.publish(services)
        stolen = services.catalogue.snapshot.active_keys[AGENCY]
    await city_to_restore.back_up()
    async with city_to_restore.open() as (desk, services):
        definition = services.catalogue.snapshot.latest["KQ.H17.000001"]
        newer = replace(definition, version=definition.version + 1, name_vi="Giấy phép xây dựng nhà ở")
        await services.catalogue.publish_type(newer, "clerk")
        await services.custody.stop_key(stolen, city_to_restore.clock(), "clerk")
        await services.custody.save_honest_papers(stolen, "clerk")
        key = await services.custody.add_key(AGENCY, services.keys.make_agency_key(), "clerk")
        await city_to_restore.publish(services)
    await city_to_restore.restore()
    async with city_to_restore.open() as (desk, services):
        loss = await find_loss(services)
        assert [gap.subject for gap in loss.documents] == ["trust list", "type list"]
        assert services.catalogue.snapshot.trust.keys[stolen].state is KeyState.COMPROMISED, "nothing older is believed"
        await recover(services, loss, "operator", city_to_restore.clock())
        assert services.catalogue.snapshot.latest["KQ.H17.000001"] == newer
        assert services.catalogue.snapshot.active_keys[AGENCY] == key.kid
        assert not await services.custody.list_pending()
        states = {row["kid"]: row["state"] for row in await desk.rows("SELECT kid, state FROM signing_key")}
        assert (states[stolen], states[key.kid]) == ("compromised", "active")
        await city_to_restore.publish(services)
        assert (await desk.verify(code=(await desk.issue())["code"]))["outcome"] == "in_force"


async def test_a_list_that_is_gone_is_not_opened_again(city_to_restore: Restorable) -> None:
    async with city_to_restore.open():
        pass
    await city_to_restore.back_up()
    async with city_to_restore.open() as (desk, services):
        await desk.issue()
        await city_to_restore.publish(services)
        lists = {list_id for list_id, _ in await indexes(desk)}
    await city_to_restore.restore()
    async with city_to_restore.open() as (desk, services):
        problem(await desk.try_issue(house_permit(99)), 503, "record_behind")
        assert set(await recover(services, await find_loss(services), "operator", city_to_restore.clock())) == lists
        await desk.issue()
        assert lists.isdisjoint(list_id for list_id, _ in await indexes(desk))
        await city_to_restore.publish(services)


async def test_the_command_shows_and_recovers(city_to_restore: Restorable, khoso: Khoso) -> None:
    lost = await lose(city_to_restore)
    config = city_to_restore.config
    shown = await asyncio.to_thread(khoso, "status", "recover", "--actor", "an", "--preview", config=config)
    assert shown.status == 0
    assert all(code in shown.out for code in codes(lost, "revoke", "suspend", "supersede", "restore"))
    refused = await asyncio.to_thread(khoso, "issue", "-", *_ISSUING, config=config, stdin=json.dumps(house_permit(5)))
    assert refused.status == 1
    assert "khoso status recover" in refused.err
    done = await asyncio.to_thread(khoso, "status", "recover", "--actor", "an", "--yes", "--json", config=config)
    assert (done.status, done.answer["closed_lists"], done.answer["still_behind"]) == (0, [0], [])
    assert done.answer["withdrawn_again"] == codes(lost, "revoke", "supersede", "suspend")
    issued = await asyncio.to_thread(khoso, "issue", "-", *_ISSUING, config=config, stdin=json.dumps(house_permit(5)))
    assert issued.status == 0
    nothing = msgspec.structs.replace(config, data_dir=config.data_dir / "elsewhere")
    absent = await asyncio.to_thread(khoso, "status", "recover", "--actor", "an", "--yes", config=nothing)
    assert (absent.status, "KHOSO_DATA_DIR/lists" in absent.err) == (1, True)


_ISSUING = ("--agency", AGENCY, "--actor", "an", "--idempotency-key", "one")
