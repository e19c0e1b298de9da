"""Whoever has lost the right by which he uploaded a file has nothing more of it issued."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from imports.conftest import BulkDesk
from khoso import db
from khoso.authority.model import Assignment, AssignmentRequest
from khoso.bounds import Bounds
from khoso.caller import Caller
from khoso.errors import IssuingHeld, NotAuthorisedToIssue
from khoso.imports import store
from khoso.imports.model import Upload
from khoso.issuance.model import IssuingRule
from sheets import AGENCY, TYPE_CODE, as_csv, badge

ROWS = 25
FILE = as_csv(badge(serial) for serial in range(ROWS))
CHIEF = Caller(subject="person:1", scopes=frozenset({"assignments:write", "credentials:issue"}), agency_code="H17")
SUBJECTS = ["person:7", "client:one-stop"]
"""Who may have assignments."""
ENDED = (1, "", "right_ended")


async def appoint(bulk: BulkDesk, subject: str, **more: Any) -> Assignment:
    request = {"subject": subject, "role": "officer", "agency_code": AGENCY} | more
    return await bulk.services.authority.assign(AssignmentRequest(**request), CHIEF)


async def upload(bulk: BulkDesk, who: str) -> str:
    """Some seconds after whatever was before, and before what follows: cut-offs count in seconds."""

    async def body() -> AsyncIterator[bytes]:
        yield FILE

    bulk.clock.forward(timedelta(seconds=2))
    asked = Upload(type_code=TYPE_CODE, file_format="csv", issue_valid=False, idempotency_key="k")
    job = await bulk.services.imports.receive(asked, AGENCY, who, body())
    bulk.clock.forward(timedelta(seconds=2))
    return f"/api/v1/imports/{job.import_id}"


async def cut_off(bulk: BulkDesk, subject: str) -> None:
    async with db.transaction(bulk.services.pool, Bounds(duty="identify")) as conn:
        await bulk.services.identity.cutoffs.end(conn, subject, bulk.clock())


@pytest.mark.parametrize("who", SUBJECTS)
async def test_an_assignment_that_is_ended_ends_the_import(bulk: BulkDesk, who: str) -> None:
    assignment = await appoint(bulk, who)
    location = await upload(bulk, who)
    assert (await bulk.work_chunks(location, 7))["rows_issued"] == 10
    await bulk.services.authority.end(assignment.assignment_id, CHIEF)
    shown = await bulk.work(location)
    assert (shown["state"], shown["rows_issued"], shown["rows_invalid"]) == ("cancelled", 10, 0)
    assert await bulk.faults(location) == [ENDED]
    assert len(await bulk.desk.rows("SELECT 1 FROM credential")) == 10
    assert await bulk.desk.rows("SELECT 1 FROM import_file") == []


@pytest.mark.parametrize("who", [*SUBJECTS, "officer-7"])
async def test_tokens_that_are_ended_end_the_import_at_its_next_step(
    bulk: BulkDesk, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """As when an account was stolen, or a system's key; also where no assignment gave the right."""
    location = await upload(bulk, who)
    insert_results = store.insert_results

    async def and_it_comes_out(*args: Any) -> None:
        await insert_results(*args)
        await cut_off(bulk, who)

    monkeypatch.setattr(store, "insert_results", and_it_comes_out)
    shown = await bulk.work(location, chunk_rows=5)
    assert (shown["state"], shown["rows_issued"]) == ("cancelled", 5)
    assert await bulk.faults(location) == [ENDED]


async def test_what_is_uploaded_after_that_is_issued(bulk: BulkDesk) -> None:
    await appoint(bulk, "person:7")
    await cut_off(bulk, "person:7")
    assert (await bulk.work(await upload(bulk, "person:7")))["state"] == "finished"


async def test_tokens_that_are_ended_while_the_file_comes_end_the_import(bulk: BulkDesk) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield FILE[:100]
        bulk.clock.forward(timedelta(seconds=2))
        await cut_off(bulk, "system-9")
        bulk.clock.forward(timedelta(seconds=2))
        yield FILE[100:]

    shown = await bulk.work((await bulk.upload(slowly())).headers["location"])
    assert (shown["state"], shown["rows_issued"]) == ("rejected", 0)


async def test_one_that_waits_ends_too(bulk: BulkDesk) -> None:
    """Who is held because his account is in other hands is not to be released for their files."""
    await bulk.services.holds.set_rule(IssuingRule(agency_code=AGENCY, per_hour=5, times_usual=1), "chief")
    location = await upload(bulk, "person:7")
    with pytest.raises(IssuingHeld):
        await bulk.work(location, chunk_rows=5)
    await cut_off(bulk, "person:7")
    shown = await bulk.work(location)
    assert (shown["state"], shown["rows_issued"]) == ("cancelled", 10), "the step that was too much is still done"
    assert await bulk.faults(location) == [ENDED]


async def test_one_whose_agency_may_not_issue_any_more_is_not_finished(
    bulk: BulkDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = await upload(bulk, "system-9")
    await bulk.work_chunks(location, 7)

    def refuse(*asked: str) -> None:
        raise NotAuthorisedToIssue(*asked)

    monkeypatch.setattr(bulk.services.bulk, "result_type", refuse)
    shown = await bulk.work(location)
    assert (shown["state"], shown["rows_issued"]) == ("cancelled", 10)
    assert await bulk.faults(location) == [(1, "", "not_authorised")]


@pytest.mark.parametrize(
    ("after", "state", "issued"), [("note_checked", "rejected", 0), ("insert_results", "cancelled", 5)]
)
async def test_an_agency_that_loses_its_right_meanwhile_has_nothing_more_issued(
    bulk: BulkDesk, monkeypatch: pytest.MonkeyPatch, after: str, state: str, issued: int
) -> None:
    location = await upload(bulk, "system-9")
    step = getattr(store, after)

    def refuse(*asked: str) -> None:
        raise NotAuthorisedToIssue(*asked)

    async def and_it_is_withdrawn(*args: Any) -> Any:
        monkeypatch.setattr(bulk.services.bulk, "result_type", refuse)
        return await step(*args)

    monkeypatch.setattr(store, after, and_it_is_withdrawn)
    shown = await bulk.work(location, chunk_rows=5)
    assert (shown["state"], shown["rows_issued"], shown["rows_invalid"]) == (state, issued, 0)
    assert await bulk.faults(location) == [(1, "", "not_authorised")]


async def test_an_import_of_somebody_without_assignments_is_issued_while_others_lose_theirs(bulk: BulkDesk) -> None:
    assignment = await appoint(bulk, "person:7")
    location = await upload(bulk, "system-9")
    await bulk.work_chunks(location, 7)
    await bulk.services.authority.end(assignment.assignment_id, CHIEF)
    assert (await bulk.work(location))["state"] == "finished"


@pytest.mark.parametrize("who", SUBJECTS)
async def test_an_assignment_that_lapses_ends_the_import(bulk: BulkDesk, who: str) -> None:
    await appoint(bulk, who, valid_until=bulk.clock() + timedelta(hours=1))
    location = await upload(bulk, who)
    assert (await bulk.work_chunks(location, 7))["rows_issued"] == 10
    bulk.clock.forward(timedelta(hours=1))
    shown = await bulk.work(location)
    assert (shown["state"], shown["rows_issued"]) == ("cancelled", 10)
    assert await bulk.faults(location) == [ENDED]


async def test_who_has_it_by_another_assignment_goes_on(bulk: BulkDesk) -> None:
    await appoint(bulk, "person:7", valid_until=bulk.clock() + timedelta(hours=1))
    await appoint(bulk, "person:7", agency_code="H17", type_code=TYPE_CODE)
    location = await upload(bulk, "person:7")
    await bulk.work_chunks(location, 7)
    bulk.clock.forward(timedelta(hours=1))
    assert (await bulk.work(location))["state"] == "finished"
