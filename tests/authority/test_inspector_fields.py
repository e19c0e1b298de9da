"""What an inspector sees of the record beyond the code: what his authority is shown, and nothing else."""

from typing import Any

import httpx
import pytest

from desk import AGENCY, Desk, Json, problem, read
from grounds import Clock
from khoso.caller import Caller
from khoso.config import Config

PATH = "/api/v1/inspector-fields"
HOUSE, CITY, INSPECTORS = "KQ.H17.000001", "H17", "H17.16"


@pytest.fixture
def desk(client: httpx.AsyncClient, key_dir: Any, clock: Clock, config: Config) -> Desk:
    return Desk(client, key_dir, clock, config.database_owner_url)


async def try_show(desk: Desk, *fields: str, agency: str = INSPECTORS, by: str = CITY, **more: Any) -> httpx.Response:
    body = {"agency_code": agency, "type_code": HOUSE, "fields": list(fields)} | more
    headers = desk.token("inspector-fields:write", agency=by, subject="person:admin")
    return await desk.client.put(PATH, json=body, headers=headers)


async def show(desk: Desk, *fields: str, **more: Any) -> list[Json]:
    items: list[Json] = read(await try_show(desk, *fields, **more), 200)["items"]
    return items


async def recorded(desk: Desk, code: str, agency: str | None = INSPECTORS) -> Json:
    """What an inspector sees beyond the code, as a person reads it."""
    verdict = await desk.verify(desk.token("inspect", agency=agency, subject="person:inspector"), code=code)
    return {one["name"]: one["shown"]["vi"] for one in verdict.get("recorded", [])}


async def test_an_inspector_sees_what_his_authority_is_shown(desk: Desk) -> None:
    code = (await desk.issue())["code"]
    assert await recorded(desk, code) == {}
    items = await show(desk, "owner_id", "floor_area")
    assert items == [
        {"agency_code": INSPECTORS, "type_code": HOUSE, "field_name": name} for name in ("floor_area", "owner_id")
    ]
    assert await recorded(desk, code) == {"owner_id": "048078999001", "floor_area": "312,5 m²"}
    assert "recorded" not in await desk.verify(code=code)
    scans = await desk.rows("SELECT recorded_fields FROM scan ORDER BY scanned_at, cardinality(recorded_fields)")
    assert [row["recorded_fields"] for row in scans] == [[], ["floor_area", "owner_id"]]


async def test_the_code_still_masks_what_the_record_shows(desk: Desk) -> None:
    code = (await desk.issue())["code"]
    await show(desk, "owner_id")
    verdict = await desk.verify(desk.token("inspect", agency=INSPECTORS), code=code)
    in_code = {one["name"]: one["shown"]["vi"] for one in verdict["paper"]["fields"]}
    assert "048078999001" not in in_code.values()


async def test_what_is_shown_above_is_shown_below_and_nowhere_else(desk: Desk) -> None:
    code = (await desk.issue())["code"]
    await show(desk, "floor_area", agency=CITY)
    await show(desk, "owner_id")
    assert await recorded(desk, code, "H17.05.13") == {"floor_area": "312,5 m²"}
    assert (await recorded(desk, code)).keys() == {"floor_area", "owner_id"}
    assert await recorded(desk, code, None) == {}
    assert await recorded(desk, code, "H17.99") == {}


async def test_an_inspector_of_other_types_sees_the_code_alone(desk: Desk) -> None:
    code = (await desk.issue())["code"]
    await show(desk, "floor_area")
    caller = Caller(
        subject="person:inspector",
        scopes=frozenset({"inspect"}),
        types={"inspect": frozenset({"KQ.H17.000003"})},
        agency_code=INSPECTORS,
    )
    assert "recorded" not in await desk.verify(desk.token_of(caller), code=code)


async def test_fields_are_taken_back(desk: Desk) -> None:
    code = (await desk.issue())["code"]
    await show(desk, "owner_id", "floor_area")
    await show(desk, "floor_area")
    assert (await recorded(desk, code)).keys() == {"floor_area"}
    assert await show(desk) == []
    assert await recorded(desk, code) == {}
    await show(desk, "owner_id", "owner_id")
    rows = await desk.rows(
        "SELECT field_name, ended_at IS NULL AS holds FROM inspector_field ORDER BY field_name, holds"
    )
    assert [tuple(row) for row in rows] == [("floor_area", False), ("owner_id", False), ("owner_id", True)]
    listed = await desk.client.get(PATH, headers=desk.token("inspector-fields:write", agency=CITY))
    assert [one["field_name"] for one in read(listed, 200)["items"]] == ["owner_id"]


async def test_what_is_shown_and_taken_back_within_a_microsecond_leaves_its_order(desk: Desk) -> None:
    """The clock stands still."""
    for fields in (["owner_id"], [], ["owner_id"], [], ["owner_id"]):
        assert [one["field_name"] for one in await show(desk, *fields)] == fields
    rows = await desk.rows("SELECT granted_at, ended_at FROM inspector_field ORDER BY granted_at")
    times = [time for row in rows for time in row]
    assert times == [*sorted(times[:-1]), None]
    assert len({row["granted_at"] for row in rows}) == 3


async def test_who_administers_a_part_shows_there(desk: Desk) -> None:
    problem(await try_show(desk, "owner_id", by=AGENCY), 403, "not_permitted")
    problem(await try_show(desk, "owner_id", agency="H17.99"), 403, "not_permitted")
    await show(desk, "owner_id")
    assert await show(desk, "floor_area", agency=AGENCY, by=AGENCY) == [
        {"agency_code": AGENCY, "type_code": HOUSE, "field_name": "floor_area"}
    ]


async def test_only_what_the_code_does_not_show_can_be_shown(desk: Desk) -> None:
    refused = await try_show(desk, "owner_id", "address", "colour")
    assert problem(refused, 422, "invalid_input") == [("fields.1", "not_beyond_code"), ("fields.2", "not_beyond_code")]
    unknown = await try_show(desk, type_code="KQ.H17.000999")
    assert problem(unknown, 422, "invalid_input") == [("type_code", "unknown_type")]


async def test_what_was_never_recorded_shows_nothing(desk: Desk) -> None:
    """A malformed code, and a withdrawn paper: that one was recorded, so its fields are told."""
    issued = await desk.issue()
    await show(desk, "floor_area")
    await desk.act(issued["result_code"], "revoke")
    assert (await recorded(desk, issued["code"])).keys() == {"floor_area"}
    assert await recorded(desk, "https://kho.danang.gov.vn/v#123") == {}
