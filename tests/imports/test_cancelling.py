"""A cancelled import issues nothing more; what it has issued stays."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from desk import problem, read
from imports.conftest import BulkDesk
from khoso.caller import Caller
from khoso.imports import store
from sheets import AGENCY, TYPE_CODE, as_csv, badge
from waiting import until_somebody_waits

ROWS = 25
FILE = as_csv(badge(serial) for serial in range(ROWS))


async def cancel(bulk: BulkDesk, location: str, **who: Any) -> httpx.Response:
    headers = bulk.desk.token("credentials:issue", **({"agency": AGENCY, "subject": "officer-8"} | who))
    return await bulk.desk.client.post(f"{location}/cancellation", headers=headers)


async def test_before_it_has_begun(bulk: BulkDesk) -> None:
    location = (await bulk.upload(FILE)).headers["location"]
    shown = read(await cancel(bulk, location), 200)
    assert (shown["state"], shown["rows_issued"]) == ("cancelled", 0)
    assert shown["finished_at"] is not None
    assert await bulk.work(location) == shown, "a worker that has it in its queue does nothing"
    assert await bulk.desk.rows("SELECT 1 FROM import_file") == []


async def test_what_is_issued_stays_and_nothing_follows(bulk: BulkDesk) -> None:
    location = (await bulk.upload(FILE)).headers["location"]
    assert (await bulk.work_chunks(location, 7))["rows_issued"] == 10  # five to check, two to issue
    shown = read(await cancel(bulk, location), 200)
    assert (shown["state"], shown["rows_issued"], shown["rows_total"]) == ("cancelled", 10, ROWS)
    assert await bulk.work(location) == shown
    assert await bulk.desk.rows("SELECT 1 FROM import_file") == []
    results = (await bulk.get(f"{location}/results")).text.splitlines()[1:]
    assert len(results) == 10
    assert len(await bulk.desk.rows("SELECT 1 FROM credential")) == 10
    verdict = await bulk.desk.verify(lookup_code=results[0].rsplit(",", 1)[1])
    assert verdict["outcome"] == "in_force"


async def test_again_changes_nothing(bulk: BulkDesk) -> None:
    location = (await bulk.upload(FILE)).headers["location"]
    answers = list(await asyncio.gather(*(cancel(bulk, location) for _ in range(4))))
    bulk.clock.forward(timedelta(seconds=60))
    answers.append(await cancel(bulk, location, subject="officer-9"))
    assert [read(answer, 200) for answer in answers] == [answers[0].json()] * 5
    audited = await bulk.desk.rows("SELECT actor, subject FROM audit WHERE act = 'cancel_import'")
    assert [tuple(row) for row in audited] == [("officer-8", location.rsplit("/", 1)[1])]


async def test_what_has_ended_is_not_cancelled(bulk: BulkDesk) -> None:
    for key, content, state in (("good", FILE, "finished"), ("wrong", as_csv([badge(1, plate="")]), "rejected")):
        location = (await bulk.upload(content, key=key)).headers["location"]
        shown = await bulk.work(location)
        assert shown["state"] == state
        problem(await cancel(bulk, location), 409, "import_ended")
        assert read(await bulk.get(location), 200) == shown
    assert await bulk.desk.rows("SELECT 1 FROM audit WHERE act = 'cancel_import'") == []


async def test_who_may(bulk: BulkDesk) -> None:
    """As for uploading: in the name of that agency, and for that result type."""
    location = (await bulk.upload(FILE)).headers["location"]
    problem(await cancel(bulk, location, agency="H17.12"), 404, "not_found")
    problem(await cancel(bulk, location.replace(location[-36:], str(UUID(int=7)))), 404, "not_found")
    headers = bulk.desk.token("credentials:read", agency=AGENCY)
    problem(await bulk.desk.client.post(f"{location}/cancellation", headers=headers), 403, "not_permitted")
    for type_code, status in (("KQ.H17.000003", 404), (TYPE_CODE, 200)):
        limited = bulk.desk.token_of(
            Caller(
                subject="officer-8",
                scopes=frozenset({"credentials:issue"}),
                types={"credentials:issue": frozenset({type_code})},
                agency_code=AGENCY,
            )
        )
        answer = await bulk.desk.client.post(f"{location}/cancellation", headers=limited)
        assert answer.status_code == status, type_code


async def test_the_step_under_way_is_done_whole_and_no_other(bulk: BulkDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    location = (await bulk.upload(FILE)).headers["location"]
    insert_results, take_rows = store.insert_results, store.take_rows
    cancelling: list[asyncio.Task[httpx.Response]] = []

    async def and_somebody_cancels(*args: Any) -> None:
        await insert_results(*args)
        cancelling.append(asyncio.create_task(cancel(bulk, location)))
        await until_somebody_waits(bulk.desk.owner_dsn)

    async def after_him(*args: Any) -> bool:
        if cancelling:
            await asyncio.wait(cancelling)  # whoever comes first to a lock that was given up is not told
        return await take_rows(*args)

    monkeypatch.setattr(store, "insert_results", and_somebody_cancels)
    monkeypatch.setattr(store, "take_rows", after_him)
    shown = await bulk.work(location, chunk_rows=5)
    [answer] = [await one for one in cancelling]
    assert (shown["state"], shown["rows_issued"]) == ("cancelled", 5)
    assert read(answer, 200) == shown
    assert len(await bulk.desk.rows("SELECT 1 FROM credential")) == 5


@pytest.mark.parametrize("issue", ["all", "valid"])
async def test_a_check_that_is_under_way_ends(bulk: BulkDesk, monkeypatch: pytest.MonkeyPatch, issue: str) -> None:
    location = (await bulk.upload(FILE, issue=issue)).headers["location"]
    note_checked = store.note_checked
    noted: list[bool] = []

    async def once_somebody_has_cancelled(*args: Any) -> bool:
        read(await cancel(bulk, location), 200)
        noted.append(await note_checked(*args))
        return noted[-1]

    monkeypatch.setattr(store, "note_checked", once_somebody_has_cancelled)
    shown = await bulk.work(location, chunk_rows=5)
    assert (shown["state"], shown["rows_checked"], shown["rows_issued"]) == ("cancelled", 0, 0)
    assert noted == [False], "of five chunks"
