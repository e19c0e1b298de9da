"""Giving roles and ending them over HTTP: within one's own part of the administration, and never more than one has."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from desk import Desk, Json, problem, read
from grounds import Clock
from khoso.caller import Caller
from khoso.config import Config

CITY, WARD, OTHER_WARD, FORMER = "H17", "H17.05.12", "H17.05.13", "H17.09"
BADGE = "KQ.H17.000006"
PATH = "/api/v1/assignments"
PLATFORM = (
    "assignments:write",
    "agencies:write",
    "catalogue:write",
    "clients:write",
    "inspector-fields:write",
    "metrics:read",
    "monitoring:read",
)
AGENCY = ("assignments:write", "clients:write", "monitoring:read")


class Office:
    """Administrators at their desks."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.platform = desk.token(*PLATFORM, agency=CITY, subject="person:platform")
        self.ward = desk.token(*AGENCY, agency=WARD, subject="person:ward")

    async def try_assign(self, who: dict[str, str], /, **asked: Any) -> httpx.Response:
        body = {"subject": f"person:{uuid4()}", "role": "officer", "agency_code": WARD} | asked
        return await self.desk.client.post(PATH, json=body, headers=who)

    async def assign(self, who: dict[str, str] | None = None, /, **asked: Any) -> Json:
        made: Json = read(await self.try_assign(who or self.platform, **asked), 201)
        return made

    async def try_end(self, who: dict[str, str], assignment_id: str | UUID) -> httpx.Response:
        return await self.desk.client.post(f"{PATH}/{assignment_id}/end", headers=who)

    async def end(self, who: dict[str, str], assignment: Json) -> Json:
        ended: Json = read(await self.try_end(who, assignment["assignment_id"]), 200)
        return ended

    async def find(self, who: dict[str, str], /, **search: Any) -> list[Json]:
        items: list[Json] = read(await self.desk.client.get(PATH, params=search, headers=who), 200)["items"]
        return items

    async def audited(self) -> list[tuple[str, str]]:
        rows = await self.desk.rows("SELECT actor, act FROM audit WHERE act LIKE '%assign%' ORDER BY at, sequence")
        return [(row["actor"], row["act"]) for row in rows]


@pytest.fixture
def office(client: httpx.AsyncClient, key_dir: Any, clock: Clock, config: Config) -> Office:
    return Office(Desk(client, key_dir, clock, config.database_owner_url))


async def test_an_assignment_from_beginning_to_end(office: Office) -> None:
    made = await office.assign(office.ward, subject="person:an", type_code="KQ.H17.000001")
    assert (made["granted_by"], made["ended_at"]) == ("person:ward", None)
    assert await office.find(office.ward) == [made]
    assert await office.find(office.platform, subject="person:an") == [made]
    office.desk.clock.forward(timedelta(minutes=1))
    ended = await office.end(office.ward, made)
    assert ended == made | {"ended_at": ended["ended_at"], "ended_by": "person:ward"}
    assert await office.end(office.ward, made) == ended  # again changes nothing
    assert await office.find(office.ward) == []
    assert await office.find(office.ward, past=True) == [ended]
    assert await office.audited() == [("person:ward", "assign"), ("person:ward", "end_assignment")]
    await office.assign(office.ward, subject="person:an", type_code="KQ.H17.000001")  # there is no other way back


async def test_roles_are_told_with_their_scopes(office: Office) -> None:
    roles = read(await office.desk.client.get("/api/v1/roles", headers=office.ward), 200)["items"]
    assert {role["role"]: role["scopes"] for role in roles}["approver"] == ["credentials:approve", "credentials:read"]
    assert len(roles) == 7


async def test_an_agency_administrator_sees_and_ends_his_own_part_only(office: Office) -> None:
    elsewhere = await office.assign(agency_code=OTHER_WARD)
    above = await office.assign(agency_code=CITY, role="inspector")
    here = await office.assign()
    assert await office.find(office.ward) == [here]
    assert await office.find(office.ward, agency_code=OTHER_WARD) == []
    for one in (elsewhere, above, {"assignment_id": UUID(int=1)}):
        problem(await office.try_end(office.ward, one["assignment_id"]), 404, "not_found")
    assert len(await office.find(office.platform)) == 3


@pytest.mark.parametrize(
    "asked",
    [
        {"role": "platform_admin"},  # scopes above his own
        {"agency_code": CITY},  # above him
        {"agency_code": OTHER_WARD, "role": "helper"},  # beside him
        {"agency_code": FORMER},  # a body that his ward does not answer for
        {"agency_code": "H17.99"},  # nowhere
        {"subject": "person:ward", "role": "officer"},  # himself
    ],
)
async def test_nobody_raises_himself_or_others_above_himself(office: Office, asked: Json) -> None:
    problem(await office.try_assign(office.ward, **asked), 403, "not_permitted")
    assert await office.find(office.platform, past=True) == []


async def test_an_agency_administrator_appoints_others_like_himself(office: Office) -> None:
    made = await office.assign(office.ward, role="agency_admin")
    await office.end(office.ward, made)


async def test_who_administers_one_type_gives_that_type_only(office: Office) -> None:
    limited = {scope: frozenset({BADGE}) for scope in AGENCY}
    caller = Caller(subject="person:badges", scopes=frozenset(AGENCY), types=limited, agency_code="H17.11")
    badges = office.desk.token_of(caller)
    problem(await office.try_assign(badges, agency_code="H17.11"), 403, "not_permitted")
    problem(await office.try_assign(badges, agency_code="H17.11", type_code="KQ.H17.000003"), 403, "not_permitted")
    made = await office.assign(badges, agency_code="H17.11", type_code=BADGE)
    whole = await office.assign(agency_code="H17.11")
    assert await office.find(badges) == [made]
    problem(await office.try_end(badges, whole["assignment_id"]), 404, "not_found")


async def test_an_agency_administrator_ends_no_platform_administrator(office: Office) -> None:
    above = await office.assign(role="platform_admin")
    problem(await office.try_end(office.ward, above["assignment_id"]), 403, "not_permitted")


async def test_the_last_platform_administrator_stays(office: Office) -> None:
    first = await office.assign(role="platform_admin", agency_code=CITY)
    later = {"valid_from": (office.desk.clock() + timedelta(days=1)).isoformat()}
    to_come = await office.assign(role="platform_admin", agency_code=CITY, **later)
    problem(await office.try_end(office.platform, first["assignment_id"]), 409, "last_administrator")
    await office.end(office.platform, to_come)  # nobody loses anything by it
    second = await office.assign(role="platform_admin", agency_code=CITY)
    await office.end(office.platform, first)
    problem(await office.try_end(office.platform, second["assignment_id"]), 409, "last_administrator")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"role": "king"}, "role"),
        ({"type_code": "KQ.H17.000999"}, "type_code"),
        ({"subject": "An Nguyễn"}, "subject"),
        ({"valid_until": "2026-11-23T08:00:00Z"}, "valid_until"),
        ({"valid_until": "2026-12-23T08:00:00"}, "valid_until"),
    ],
)
async def test_what_is_wrong_is_told_by_its_field(office: Office, asked: Json, field: str) -> None:
    told = (await office.try_assign(office.platform, **asked)).json()
    assert told["status"] == 422
    assert [one["field"].split(".")[-1] for one in told["problems"]] == [field]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"valid_from": "0001-01-01T00:00:00+07:00"}, "valid_from"),
        ({"valid_until": "9999-12-31T23:59:59-14:00"}, "valid_until"),
    ],
)
async def test_a_time_that_nobody_means_is_out_of_range(office: Office, asked: Json, field: str) -> None:
    answer = await office.try_assign(office.platform, **asked)
    assert problem(answer, 422, "invalid_input") == [(field, "out_of_range")]


async def test_a_role_is_given_once(office: Office) -> None:
    await office.assign(subject="person:an")
    again = await office.try_assign(office.platform, subject="person:an")
    assert problem(again, 422, "invalid_input") == [("subject", "assigned")]


async def test_pages_of_assignments(office: Office) -> None:
    made = []
    for _ in range(5):
        made.append(await office.assign())
        office.desk.clock.forward(timedelta(seconds=1))
    seen: list[Json] = []
    search: Json = {"limit": 2, "role": "officer"}
    while search.get("cursor", "") is not None:
        page = read(await office.desk.client.get(PATH, params=search, headers=office.ward), 200)
        seen += page["items"]
        search["cursor"] = page["next_cursor"]
    assert seen == made[::-1]
    bad = await office.desk.client.get(PATH, params={"cursor": "x"}, headers=office.ward)
    assert problem(bad, 422, "invalid_input") == [("cursor", "cursor")]
