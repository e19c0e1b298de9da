"""The statuses in memory, refreshed from two sides at once; and a memory that is older than the record."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from desk import AGENCY
from grounds import Clock
from khoso import db
from khoso.bounds import Bounds
from khoso.caller import Caller
from khoso.db import Connection
from khoso.formats.status_list import Status
from khoso.formats.verdict import Outcome
from khoso.issuance.model import IssueRequest
from khoso.orders.model import Act, Orderer, StatusAct
from khoso.verification import store
from khoso.verification.statuses import StatusSnapshot
from khoso.wiring import Services
from samples import house_permit


async def issue(services: Services, serial: int = 1) -> tuple[str, str]:
    """Result code and text of the QR code."""
    request = msgspec.convert(house_permit(serial), IssueRequest)
    issued = await services.issuer.issue(request, AGENCY, "clerk", f"key-{serial}")
    return issued.result_code, issued.code


async def act(services: Services, result_code: str, name: Act, superseded_by: str | None = None) -> None:
    done = StatusAct(act=name, reason_code="R1", decision_number="77/QĐ", superseded_by=superseded_by)
    await services.orders.act(result_code, done, Orderer.of(AGENCY, "clerk"))


async def test_a_slow_refresh_does_not_write_back_what_was_withdrawn(
    services: Services, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result_code, _ = await issue(services)
    snapshot = StatusSnapshot(services.pool, clock, tmp_path)
    await snapshot.refresh()
    await issue(services, 2)
    read, withdrawn = asyncio.Event(), asyncio.Event()
    list_changes = store.list_changes

    async def first_slowly(conn: Connection, list_id: int, after: int) -> list[store.StatusChange]:
        changes = await list_changes(conn, list_id, after)
        if not read.is_set():
            read.set()
            await withdrawn.wait()
        return changes

    monkeypatch.setattr(store, "list_changes", first_slowly)
    slow = asyncio.create_task(snapshot.refresh())
    await read.wait()
    await act(services, result_code, "suspend")
    quick = asyncio.create_task(snapshot.refresh())
    await asyncio.wait([quick], timeout=0.5)
    withdrawn.set()
    await asyncio.gather(slow, quick)
    snapshot.close()
    entries = await _changes(services)
    assert {snapshot._lists[0][entry.status_index] for entry in entries} == {Status.VALID, Status.SUSPENDED}
    assert [snapshot._lists[0][entry.status_index] for entry in entries] == [entry.status for entry in entries]


async def _changes(services: Services) -> list[store.StatusChange]:
    async with db.transaction(services.pool, Bounds(duty="follow")) as conn:
        return await store.list_changes(conn, 0, -1)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("revoke", Outcome.REVOKED), ("suspend", Outcome.SUSPENDED), ("supersede", Outcome.SUPERSEDED)],
)
async def test_the_record_wins_over_a_memory_that_cannot_be_refreshed(
    services: Services, name: Act, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    result_code, code = await issue(services)
    newer, _ = await issue(services, 2)
    await services.statuses.refresh()
    monkeypatch.setattr(services.statuses, "_apply", lambda *_: None)
    await act(services, result_code, name, newer if name == "supersede" else None)
    checked = await services.verifier.verify_code(code, Caller(subject="inspector-1", scopes=frozenset({"inspect"})))
    assert checked.verdict.outcome is outcome
    assert checked.withdrawal is not None
    assert checked.withdrawal.act == name
