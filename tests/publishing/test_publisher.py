"""The publisher follows the record, and refuses whatever would undo a withdrawal behind the acts' back."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from desk import Desk
from grounds import ORIGIN, Clock
from khoso.config import Config
from khoso.formats.status_list import SIZE, Status
from khoso.formats.status_token import StatusToken, unseal_status
from khoso.formats.type_list import unseal_types
from khoso.publishing.model import LIFETIME, TTL
from khoso.publishing.service import Publisher
from khoso.publishing.store import _PUBLISHER
from khoso.wiring import Services
from publishing.reading import act, publish, published

ENTRY = "UPDATE status_entry SET status = {status}, list_version = {version} WHERE list_id = 0 RETURNING 1"
RAISED = "UPDATE status_list SET version = version + 1 RETURNING version"


async def read_token(desk: Desk, services: Services) -> StatusToken:
    return unseal_status((await published(desk))["cwt"], services.catalogue.snapshot.trust.publishers, ORIGIN)


async def statuses(desk: Desk, services: Services) -> set[tuple[int, Status]]:
    """What is published of every recorded paper."""
    token = await read_token(desk, services)
    listed = token.statuses
    entries = await desk.rows("SELECT status_index FROM status_entry WHERE list_id = 0")
    return {(entry["status_index"], listed[entry["status_index"]]) for entry in entries}


async def by_hand(desk: Desk, status: Status) -> None:
    """The owner of the schema changes every paper of the list, as carefully as an act does."""
    [raised] = await desk.rows(RAISED)
    assert await desk.rows(ENTRY.format(status=int(status), version=raised["version"]))


async def put_back(desk: Desk, table: str, row: Mapping[str, object]) -> None:
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    await desk.rows(f"INSERT INTO {table} VALUES ({places})", *row.values())


async def test_every_act_is_published(desk: Desk, services: Services) -> None:
    issued = await desk.issue()
    assert await publish(services) == {}
    [(index, status)] = await statuses(desk, services)
    assert status is Status.VALID
    for name, told in (("suspend", Status.SUSPENDED), ("restore", Status.VALID), ("revoke", Status.INVALID)):
        await act(desk, issued["result_code"], name)
        assert await publish(services) == {}
        assert await statuses(desk, services) == {(index, told)}


async def test_a_list_that_did_not_change_is_signed_anew_before_it_is_old(
    desk: Desk, services: Services, clock: Clock
) -> None:
    await desk.issue()
    await publish(services)
    first = await published(desk)
    for seconds, anew in ((10, False), (TTL.total_seconds() - 11, True)):
        clock.forward(timedelta(seconds=seconds))
        await publish(services)
        now = await published(desk)
        assert (now["issued_at"] == clock()) == anew
    assert now["version"] == first["version"]
    assert now["expires_at"] - now["issued_at"] == LIFETIME
    token = await read_token(desk, services)
    assert (token.issued_at, token.ttl) == (clock().timestamp(), TTL.total_seconds())


async def test_a_paper_issued_and_withdrawn_between_two_rounds_is_published_as_withdrawn(
    desk: Desk, services: Services
) -> None:
    revoked, restored = await desk.issue(), await desk.issue()
    await act(desk, revoked["result_code"], "revoke")
    await act(desk, restored["result_code"], "suspend")
    await act(desk, restored["result_code"], "restore")
    assert await publish(services) == {}
    assert sorted(status for _, status in await statuses(desk, services)) == [Status.VALID, Status.INVALID]


@pytest.mark.parametrize("name", ["revoke", "suspend"])
async def test_a_withdrawal_undone_by_hand_is_refused_and_the_last_good_list_stands(
    desk: Desk, services: Services, name: str
) -> None:
    issued = await desk.issue()
    await act(desk, issued["result_code"], name)
    await publish(services)
    before = await published(desk)
    await by_hand(desk, Status.VALID)
    assert await publish(services) == {"status list 0": "unauthorised_valid"}
    assert await published(desk) == before
    await by_hand(desk, before_status := Status.INVALID if name == "revoke" else Status.SUSPENDED)
    assert await publish(services) == {}, "put right, it is published again"
    assert {status for _, status in await statuses(desk, services)} == {before_status}


async def test_a_withdrawal_whose_act_was_deleted_too_is_not_undone(desk: Desk, services: Services) -> None:
    issued = await desk.issue()
    await act(desk, issued["result_code"], "revoke")
    await publish(services)
    [deleted] = await desk.rows("DELETE FROM status_act RETURNING *")
    await by_hand(desk, Status.VALID)
    assert await publish(services) == {"status list 0": "more_valid_than_issued"}
    await by_hand(desk, Status.INVALID)
    await put_back(desk, "status_act", dict(deleted))


async def test_a_change_by_hand_that_raises_no_version_is_told(desk: Desk, services: Services) -> None:
    issued = await desk.issue()
    await act(desk, issued["result_code"], "revoke")
    await publish(services)
    await desk.rows("UPDATE status_entry SET status = 0")
    assert await publish(services) == {"record of status list 0": "record_differs"}
    assert {status for _, status in await statuses(desk, services)} == {Status.INVALID}
    await desk.rows("UPDATE status_entry SET status = 1")
    assert await publish(services) == {}


async def test_papers_that_vanish_from_the_record_are_told(desk: Desk, services: Services) -> None:
    await desk.issue()
    await publish(services)
    [entry] = await desk.rows("DELETE FROM status_entry RETURNING *")
    assert await publish(services) == {"record of status list 0": "shrinkage"}
    await put_back(desk, "status_entry", dict(entry) | {"status_index": (entry["status_index"] + 1) % SIZE})
    assert await publish(services) == {"record of status list 0": "record_differs"}
    await desk.rows("DELETE FROM status_entry")
    await put_back(desk, "status_entry", dict(entry))


@pytest.mark.parametrize(
    ("statement", "reason", "back"),
    [
        ("SET version = version - 1", "rolled_back", "SET version = version + 1"),
        ("SET taken = taken - 1, version = version + 1", "shrinkage", "SET taken = taken + 1"),
    ],
)
async def test_a_record_behind_its_publication_is_refused(
    desk: Desk, services: Services, statement: str, reason: str, back: str
) -> None:
    await desk.issue()
    await publish(services)
    before = await published(desk)
    await desk.rows(f"UPDATE status_list {statement}")
    assert await publish(services) == {"status list 0": reason}
    assert await published(desk) == before
    await desk.rows(f"UPDATE status_list {back}")
    assert await publish(services) == {}


async def test_a_list_that_is_gone_is_refused(desk: Desk, services: Services) -> None:
    await desk.issue()
    await publish(services)
    [row] = await desk.rows("DELETE FROM status_list RETURNING *")
    assert (await publish(services))["status list 0"] == "list_gone"
    await put_back(desk, "status_list", dict(row))


async def test_a_clock_set_back_publishes_nothing(desk: Desk, services: Services, clock: Clock) -> None:
    issued = await desk.issue()
    clock.forward(timedelta(minutes=1))
    await publish(services)
    await act(desk, issued["result_code"], "revoke")
    clock.forward(timedelta(seconds=-30))
    assert await publish(services) == {"status list 0": "rolled_back"}


async def test_nothing_is_published_for_another_origin(desk: Desk, services: Services, config: Config) -> None:
    issued = await desk.issue()
    await publish(services)
    before = await published(desk)
    elsewhere = Publisher(
        services.pool,
        lambda: services.catalogue.snapshot,
        services.keys.publisher_signer,
        origin="https://kho.example.vn",
        now=services.publisher._now,
        refused=lambda _: None,
        held=services.published.lists,
    )
    await act(desk, issued["result_code"], "revoke")
    refused = (await elsewhere.publish()).refused
    assert set(refused.values()) == {"origin"}
    assert {"status list 0", "types"} <= refused.keys()
    assert await published(desk) == before


async def test_a_publication_that_somebody_wrote_is_made_anew_from_the_record(
    desk: Desk, services: Services, clock: Clock
) -> None:
    issued = await desk.issue()
    await act(desk, issued["result_code"], "revoke")
    await publish(services)
    [(index, _)] = await statuses(desk, services)
    await desk.rows("UPDATE status_publication SET cwt = '\\x00'")
    clock.forward(TTL)
    assert await publish(services) == {}
    assert await statuses(desk, services) == {(index, Status.INVALID)}


async def test_an_older_publication_put_back_is_refused(desk: Desk, services: Services, clock: Clock) -> None:
    issued = await desk.issue()
    await publish(services)
    older = await published(desk)
    await act(desk, issued["result_code"], "revoke")
    await publish(services)
    newer = await published(desk)
    await desk.rows("UPDATE status_publication SET cwt = $1", older["cwt"])
    clock.forward(TTL)
    assert (await publish(services))["status list 0"] == "publication_changed"
    await desk.rows("UPDATE status_publication SET cwt = $1", newer["cwt"])


async def test_two_publishers_take_turns(desk: Desk, services: Services) -> None:
    await desk.issue()
    async with services.pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock($1)", _PUBLISHER)
        assert await publish(services) == {}
        assert await desk.rows("SELECT 1 FROM status_publication") == []
    await publish(services)
    assert len(await desk.rows("SELECT 1 FROM status_publication")) == 1


async def test_alarms_are_counted_always_and_told_with_restraint(
    desk: Desk, services: Services, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    counted: list[str] = []
    services.publisher._alarms._count = counted.append
    issued = await desk.issue()
    await act(desk, issued["result_code"], "revoke")
    await publish(services)
    await by_hand(desk, Status.VALID)
    capsys.readouterr()
    for minutes in (0, 1, 2, 10):
        clock.forward(timedelta(minutes=minutes))
        await publish(services)
    assert counted == ["unauthorised_valid"] * 4
    told = [line for line in capsys.readouterr().out.splitlines() if "unauthorised_valid" in line]
    assert len(told) == 2
    assert "error" in told[0]
    await by_hand(desk, Status.INVALID)


async def test_types_are_published_when_they_changed(desk: Desk, services: Services) -> None:
    await publish(services)
    first = await desk.rows("SELECT * FROM type_publication")
    await services.catalogue.upsert_agencies([next(iter(services.catalogue.snapshot.agencies.values()))], [], "test")
    await publish(services)
    assert await desk.rows("SELECT * FROM type_publication") == first, "an agency is no type"
    definition = next(iter(services.catalogue.snapshot.latest.values()))
    await services.catalogue.publish_type(replace(definition, version=definition.version + 1), "test")
    await publish(services)
    [now] = await desk.rows("SELECT * FROM type_publication")
    listed = unseal_types(now["cwt"], services.catalogue.snapshot.trust.publishers, ORIGIN)
    assert (definition.code, definition.version + 1) in listed.types
    assert listed.types == services.catalogue.snapshot.types
