"""Agencies added, renamed, moved, ended and succeeded over HTTP, and what that does to rights and to trust."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from desk import Desk, Json, problem, read
from grounds import ORIGIN, Clock
from khoso.caller import everything_of
from khoso.catalogue.administration import Administration
from khoso.catalogue.model import Agency
from khoso.catalogue.service import Catalogue
from khoso.config import Config
from khoso.signing.files import KeyFiles
from khoso.wiring import Services
from samples import house_permit

PATH = "/api/v1/agencies"
CITY, WARD = "H17", "H17.05.12"
NEW: Json = {
    "agency_code": "H17.05.14",
    "name_vi": "UBND phường Bình Thuận",
    "name_en": "Binh Thuan Ward People's Committee",
    "level": "ward",
    "parent_code": CITY,
    "valid_from": "2026-01-01",
}


@pytest.fixture
def desk(client: httpx.AsyncClient, key_dir: Any, clock: Clock, config: Config) -> Desk:
    return Desk(client, key_dir, clock, config.database_owner_url)


def admin(desk: Desk, agency: str = CITY) -> dict[str, str]:
    return desk.token("agencies:write", agency=agency, subject="person:admin")


async def add(desk: Desk, agency: str = CITY, **changes: Any) -> httpx.Response:
    return await desk.client.post(PATH, json=NEW | changes, headers=admin(desk, agency))


async def change(desk: Desk, code: str, agency: str = CITY, **changes: Any) -> httpx.Response:
    return await desk.client.patch(f"{PATH}/{code}", json=changes, headers=admin(desk, agency))


async def succeed(desk: Desk, code: str, successor: str, agency: str = CITY) -> httpx.Response:
    body = {"successor_code": successor, "since": "2026-01-01"}
    return await desk.client.post(f"{PATH}/{code}/successors", json=body, headers=admin(desk, agency))


async def test_an_agency_from_beginning_to_end(desk: Desk) -> None:
    added = read(await add(desk), 201)
    assert added == {"agency": NEW | {"valid_until": None}, "successor_codes": [], "listed": True}
    renamed = read(await change(desk, "H17.05.14", name_vi="UBND phường Bình Hiên"), 200)
    assert renamed["agency"] == added["agency"] | {"name_vi": "UBND phường Bình Hiên"}
    ended = read(await change(desk, "H17.05.14", valid_until="2026-06-01", parent_code="H17.11"), 200)
    assert (ended["agency"]["valid_until"], ended["agency"]["parent_code"]) == ("2026-06-01", "H17.11")
    succeeded = read(await succeed(desk, "H17.05.14", WARD), 200)
    assert (succeeded["successor_codes"], succeeded["listed"]) == ([WARD], True)
    listed = read(await desk.client.get(PATH, params={"cursor": "H17.05.13", "limit": 1}), 200)["items"]
    assert listed == [{"agency": succeeded["agency"], "successor_codes": [WARD]}]
    acts = await desk.rows("SELECT act FROM audit WHERE actor = 'person:admin' ORDER BY at, chain, sequence")
    assert sorted(row["act"] for row in acts) == ["add_agency", "add_successor", "change_agency", "change_agency"]


async def test_who_administers_a_part_changes_that_part(desk: Desk) -> None:
    problem(await add(desk, WARD), 403, "not_permitted")
    problem(await add(desk, WARD, parent_code="H17.99"), 403, "not_permitted")
    read(await add(desk, WARD, parent_code=WARD), 201)
    read(await change(desk, "H17.05.14", WARD, name_en="Binh Hien"), 200)
    problem(await change(desk, "H17.05.14", WARD, parent_code=CITY), 403, "not_permitted")
    for code in (CITY, "H17.05.13", "H17.99"):
        problem(await change(desk, code, WARD, name_en="Mine"), 404, "not_found")
        problem(await succeed(desk, code, WARD, WARD), 404, "not_found")
    problem(await succeed(desk, WARD, CITY, WARD), 403, "not_permitted")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"agency_code": WARD}, "agency_code"),
        ({"agency_code": "h17"}, "agency_code"),
        ({"parent_code": None}, "parent_code"),
        ({"name_vi": " "}, "name_vi"),
        ({"name_en": "x" * 201}, "name_en"),
        ({"valid_until": "2025-01-01"}, "valid_until"),
        ({"level": "planet"}, "level"),
    ],
)
async def test_what_cannot_be_an_agency(desk: Desk, changes: Json, field: str) -> None:
    told = (await add(desk, **changes)).json()
    assert (told["status"], [one["field"].split(".")[-1] for one in told["problems"]]) == (422, [field])


async def test_nobody_is_above_himself(desk: Desk) -> None:
    for code, parent in ((CITY, WARD), (CITY, CITY), (WARD, WARD)):
        refused = await change(desk, code, parent_code=parent)
        assert problem(refused, 422, "invalid_input") == [("parent_code", "circle")]
    read(await succeed(desk, "H17.05.13", WARD), 200)
    problem(await succeed(desk, WARD, "H17.05.13"), 422, "invalid_input")


async def test_for_an_agency_that_has_ended_nobody_acts(desk: Desk) -> None:
    """From its day on, without a restart and whatever tokens are about."""
    await desk.issue()
    tomorrow = (desk.clock() + timedelta(days=1)).date()
    read(await change(desk, WARD, valid_until=tomorrow.isoformat()), 200)
    await desk.issue()
    desk.clock.forward(timedelta(days=1))
    problem(await desk.try_issue(house_permit(7)), 403, "not_permitted")


async def test_where_the_root_is_away_a_new_agency_waits_for_the_ceremony(
    services: Services, config: Config, clock: Clock
) -> None:
    roots = KeyFiles(config.keys_dir).roots()
    catalogue = Catalogue(services.pool, origin=ORIGIN, roots=roots, root=None, now=clock)
    await catalogue.refresh()
    administration = Administration(catalogue, clock)
    agency = Agency(
        agency_code="H17.05.14",
        name_vi="UBND phường Bình Thuận",
        name_en="Binh Thuan",
        level="ward",
        parent_code=CITY,
        valid_from=date(2026, 1, 1),
    )
    await administration.add_agency(agency, everything_of(CITY), "admin")
    assert administration.get_agency("H17.05.14") == agency
    assert not administration.is_listed("H17.05.14")
    assert administration.is_listed(CITY)
