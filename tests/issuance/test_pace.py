"""Whoever issues far above his usual rate is held until another person has looked."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from desk import AGENCY, OTHER_AGENCY, Desk, problem, read
from grounds import Clock, open_client
from khoso import db
from khoso.bounds import Bounds
from khoso.caller import Caller
from khoso.config import Config
from khoso.errors import InvalidInput, IssuingHeld
from khoso.issuance import pace_store
from khoso.issuance.model import IssuingRule
from khoso.issuance.service import issuing
from khoso.issue_request import IssueRequest
from khoso.wiring import Services
from samples import house_permit
from waiting import until_somebody_waits

HOLDS = "/api/v1/issuing-holds"
OFFICER, CHIEF = "officer-7", "chief"


@pytest.fixture
async def desk(client: httpx.AsyncClient, services: Services, key_dir: Path, clock: Clock, config: Config) -> Desk:
    await services.holds.set_rule(IssuingRule(agency_code=AGENCY, per_hour=5, times_usual=2), "test")
    return Desk(client, key_dir, clock, config.database_owner_url)


async def holds_of(desk: Desk, subject: str = CHIEF, scope: str = "credentials:approve", agency: str = AGENCY) -> Any:
    headers = desk.token(scope, agency=agency, subject=subject)
    return read(await desk.client.get(HOLDS, headers=headers), 200)["items"]


async def try_release(
    desk: Desk, hold: Any, subject: str = CHIEF, reason: str = "đợt cấp cuối năm", agency: str = AGENCY
) -> Any:
    headers = desk.token("credentials:approve", agency=agency, subject=subject)
    return await desk.client.post(f"{HOLDS}/{hold['hold_id']}/release", json={"reason": reason}, headers=headers)


async def issue_until_held(desk: Desk, papers: int) -> None:
    """The act that goes over the line is still done."""
    for _ in range(papers):
        await desk.issue()
    problem(await desk.try_issue(house_permit(900)), 403, "issuing_held")


async def test_too_many_in_an_hour_are_held_and_told_to_two(desk: Desk) -> None:
    first = await desk.try_issue(house_permit(500), "first")
    await issue_until_held(desk, 5)
    assert (await desk.try_issue(house_permit(500), "first")).json() == first.json(), "what was answered stays answered"
    [hold] = await holds_of(desk)
    assert (hold["subject"], hold["agency_code"], hold["papers"], hold["allowed"]) == (OFFICER, AGENCY, 6, 5)
    assert await holds_of(desk, OFFICER, "credentials:issue") == [hold]
    assert await holds_of(desk, "somebody", "credentials:issue") == []
    assert await holds_of(desk, agency=OTHER_AGENCY) == []
    rows = await desk.rows("SELECT recipient FROM outbox WHERE kind = 'issuing_held' ORDER BY recipient")
    assert [row["recipient"] for row in rows] == [AGENCY, OFFICER]


async def test_another_person_releases_him_and_the_count_begins_anew(desk: Desk) -> None:
    await issue_until_held(desk, 6)
    [hold] = await holds_of(desk)
    problem(await try_release(desk, hold, OFFICER), 403, "second_person_needed")
    problem(await try_release(desk, hold, agency=OTHER_AGENCY), 404, "not_found")
    problem(await try_release(desk, hold | {"hold_id": "00000000-0000-0000-0000-000000000000"}), 404, "not_found")
    assert problem(await try_release(desk, hold, reason=" "), 422, "invalid_input") == [("reason", "empty_or_padded")]
    released = read(await try_release(desk, hold), 200)
    assert (released["released_by"], released["release_reason"]) == (CHIEF, "đợt cấp cuối năm")
    assert read(await try_release(desk, hold), 200) == released
    problem(await try_release(desk, hold, "deputy"), 409, "hold_released")
    await issue_until_held(desk, 6)
    assert len(await holds_of(desk)) == 2


async def test_a_self_release_is_refused_by_the_database(desk: Desk) -> None:
    await issue_until_held(desk, 6)
    with pytest.raises(asyncpg.CheckViolationError, match="issuing_hold_released_by_another"):
        await desk.rows("UPDATE issuing_hold SET released_by = subject, release_reason = 'x', released_at = held_at")


async def test_what_is_usual_for_him_is_not_too_much(desk: Desk, clock: Clock) -> None:
    for _ in range(2):
        for _ in range(5):
            await desk.issue()
        clock.forward(timedelta(hours=1))
    clock.forward(timedelta(days=1))
    for _ in range(10):
        await desk.issue()
    await issue_until_held(desk, 1)


async def test_what_he_did_today_is_not_usual_yet(desk: Desk, clock: Clock) -> None:
    """Or he could double it every hour."""
    for _ in range(5):
        await desk.issue()
    clock.forward(timedelta(hours=23))
    await issue_until_held(desk, 6)


async def test_a_rule_as_good_as_none_is_no_error(desk: Desk, services: Services, clock: Clock) -> None:
    for numbers in ((3, 2_000_000_001), (3_000_000_000, 2)):
        rule = IssuingRule(agency_code=AGENCY, per_hour=numbers[0], times_usual=numbers[1])
        with pytest.raises(InvalidInput):
            await services.holds.set_rule(rule, "test")
    await services.holds.set_rule(IssuingRule(agency_code=AGENCY, per_hour=2, times_usual=2_000_000_000), "test")
    for _ in range(2):
        await desk.issue()
    clock.forward(timedelta(days=2))
    for _ in range(3):
        await desk.issue()


async def test_what_is_usual_is_forgotten_after_four_weeks(desk: Desk, clock: Clock) -> None:
    for _ in range(5):
        await desk.issue()
    clock.forward(timedelta(days=28, hours=1))
    await issue_until_held(desk, 6)


async def test_on_two_workers_at_once_nothing_is_lost_count_of(desk: Desk, config: Config, clock: Clock) -> None:
    async with open_client(config, clock) as second:
        desks = (desk, Desk(second, desk.key_dir, clock, desk.owner_dsn))
        asked = [desks[number % 2].try_issue(house_permit(number), f"key-{number}") for number in range(60)]
        answers = await asyncio.gather(*asked)
        later = [await one.try_issue(house_permit(99), "later") for one in desks]
    for answer in later:
        problem(answer, 403, "issuing_held")
    issued = [answer for answer in answers if answer.status_code == 201]
    refused = [answer for answer in answers if answer.status_code != 201]
    assert len(issued) > 5
    assert {answer.json()["code"] for answer in refused} <= {"issuing_held"}
    [row] = await desk.rows("SELECT sum(papers) AS papers FROM issuing_hour")
    assert row["papers"] == len(issued)
    assert len(await holds_of(desk)) == 1


async def test_one_who_is_held_keeps_nobody_else(desk: Desk) -> None:
    await issue_until_held(desk, 6)
    headers = desk.token("credentials:issue", agency=AGENCY, subject="officer-8")
    others = [
        desk.client.post(
            "/api/v1/credentials", json=house_permit(number), headers=headers | {"idempotency-key": f"o-{number}"}
        )
        for number in range(300, 303)
    ]
    answers = await asyncio.gather(*others, *(desk.try_issue(house_permit(number)) for number in range(3)))
    assert [answer.status_code for answer in answers] == [201] * 3 + [403] * 3


async def test_one_who_acts_for_two_agencies_is_counted_once(desk: Desk) -> None:
    both = [
        desk.try_issue(house_permit(number, dossier_code=f"{agency}-261120-{number:06}"), agency=agency)
        for number, agency in enumerate([AGENCY, OTHER_AGENCY] * 3)
    ]
    assert {answer.status_code for answer in await asyncio.gather(*both)} == {201}
    [row] = await desk.rows("SELECT papers FROM issuing_hour")
    assert row["papers"] == 6


async def test_holds_come_page_by_page(desk: Desk, clock: Clock) -> None:
    for _ in range(2):
        await issue_until_held(desk, 6)
        read(await try_release(desk, (await holds_of(desk))[0]), 200)
        clock.forward(timedelta(days=30))
    headers = desk.token("credentials:approve", agency=AGENCY, subject=CHIEF)
    first = read(await desk.client.get(HOLDS, params={"limit": 1}, headers=headers), 200)
    rest = await desk.client.get(HOLDS, params={"limit": 1, "cursor": first["next_cursor"]}, headers=headers)
    assert read(rest, 200)["next_cursor"] is None
    problem(await desk.client.get(HOLDS, params={"cursor": "!"}, headers=headers), 422, "invalid_input")


async def test_rules_are_data(services: Services) -> None:
    holds = services.holds
    await holds.set_rule(IssuingRule(agency_code=AGENCY, per_hour=10, times_usual=2), "chief")
    await holds.set_rule(IssuingRule(agency_code=AGENCY, per_hour=20, times_usual=3), "chief")
    default, own = await holds.list_rules()
    assert (default.agency_code, default.per_hour) == ("", 2_500)
    assert (own.agency_code, own.per_hour, own.times_usual) == (AGENCY, 20, 3)
    with pytest.raises(InvalidInput):
        await holds.set_rule(IssuingRule(agency_code=AGENCY, per_hour=0, times_usual=3), "chief")


async def test_two_who_release_at_once_are_one(desk: Desk, services: Services) -> None:
    await issue_until_held(desk, 6)
    [hold] = await holds_of(desk)
    hold_id = (await desk.rows("SELECT hold_id FROM issuing_hold"))[0]["hold_id"]
    chiefs = [
        Caller(subject=f"chief-{number}", scopes=frozenset({"credentials:approve"}), agency_code=AGENCY)
        for number in range(4)
    ]
    answers = await asyncio.gather(
        *(services.holds.release(hold_id, "xem rồi", chief) for chief in chiefs), return_exceptions=True
    )
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1
    assert hold["released_by"] is None


async def test_one_who_is_held_issues_in_no_other_way(desk: Desk, services: Services) -> None:
    """Nor by an import or an approval, which issue in a transaction of their own."""
    await issue_until_held(desk, 6)
    prepared = services.issuer.prepare(msgspec.convert(house_permit(901), IssueRequest), AGENCY)
    with pytest.raises(IssuingHeld):
        async with db.transaction(services.pool, issuing([AGENCY])) as conn:
            await services.issuer.issue_in(conn, [prepared], OFFICER)


async def test_one_who_is_held_while_he_issues_records_nothing(desk: Desk, services: Services, config: Config) -> None:
    """He was not held when he was asked about, and is by the time his papers are counted."""
    for _ in range(5):
        await desk.issue()
    prepared = services.issuer.prepare(msgspec.convert(house_permit(901), IssueRequest), AGENCY)

    async def issue_another() -> None:
        async with db.transaction(services.pool, issuing([AGENCY])) as conn:
            await services.issuer.issue_in(conn, [prepared], OFFICER)

    async with db.transaction(services.pool, issuing([AGENCY])) as conn:
        await services.issuer.issue_in(conn, [prepared], OFFICER)
        other = asyncio.create_task(issue_another())
        await until_somebody_waits(config.database_owner_url)
    with pytest.raises(IssuingHeld):
        await other
    [row] = await desk.rows("SELECT sum(papers) AS papers FROM issuing_hour")
    assert row["papers"] == 6


async def test_hours_that_are_no_measure_any_more_are_forgotten(desk: Desk, services: Services, clock: Clock) -> None:
    await desk.issue()
    long_ago = clock() - timedelta(days=29)
    await desk.rows("INSERT INTO issuing_hour (subject, hour, papers, cleared) VALUES ('gone', $1, 3, 0)", long_ago)
    async with db.transaction(services.pool, Bounds(duty="forget")) as conn:
        await pace_store.forget_hours(conn, clock() - timedelta(days=28), 10)
    assert [row["subject"] for row in await desk.rows("SELECT subject FROM issuing_hour")] == [OFFICER]
