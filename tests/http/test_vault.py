"""The vault over HTTP: a citizen finds his results, an agency what it issued, and nobody anything else."""

import asyncio
import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from desk import AGENCY, OTHER_AGENCY, Desk, Json, problem, read
from rendering.decoders import rasterised, read_by_zxing
from samples import house_permit, truck_permit

RESULTS = "/api/v1/vault/results"


async def list_results(desk: Desk, citizen: dict[str, str], **search: Any) -> Json:
    found: Json = read(await desk.client.get(RESULTS, params=search, headers=citizen), 200)
    return found


async def codes(desk: Desk, citizen: dict[str, str], **search: Any) -> list[str]:
    return [item["result_code"] for item in (await list_results(desk, citizen, **search))["items"]]


async def show(desk: Desk, path: str, headers: dict[str, str]) -> httpx.Response:
    return await desk.client.get(f"/api/v1/credentials/{path}", headers=headers)


async def test_a_citizen_lists_his_own_results_newest_first(desk: Desk) -> None:
    first = await desk.issue()
    desk.clock.forward(timedelta(seconds=1))
    second = await desk.issue(house_permit(2))
    await desk.issue(house_permit(3, holder={"kind": "person", "id": "048078999002", "name": "Trần Thị B"}))
    citizen = await desk.citizen(first["result_code"])
    assert await codes(desk, citizen) == [second["result_code"], first["result_code"]]
    assert (await list_results(desk, citizen))["items"][1] == {
        "result_code": first["result_code"],
        "type_code": "KQ.H17.000001",
        "type_version": 1,
        "agency_code": AGENCY,
        "holder_name": "Nguyễn Hoàng Phước Thịnh",
        "status": "valid",
        "issued_at": first["issued_at"],
        "valid_from": first["valid_from"],
        "expires_at": None,
    }


async def test_search_folds_what_vietnamese_keyboards_write_differently(desk: Desk) -> None:
    holder = {"kind": "person", "id": "048078999003", "name": "Đặng Thị Hoà"}
    fields = house_permit()["fields"] | {"address": "Đường Hoàng Diệu", "owner": "Đặng Thị Hoà"}
    code = (await desk.issue(house_permit(1, holder=holder, fields=fields)))["result_code"]
    citizen = await desk.citizen(code)
    decomposed = "Ho\u0061\u0300"
    for query in (
        "hoà",
        "hòa",
        "HOA",
        decomposed,
        "đặng",
        "dang",
        "ĐẶNG thị",
        "duong  hoang",
        "218/gpxd",
        "Hoà Đặng",
        "permit hoà",
        code[:-4],
        code,
        code.lower(),
        "",
    ):
        assert await codes(desk, citizen, q=query) == [code], query
    for query in ("hoai", "dang van", f"{code}0", "%", "_", "'; DROP TABLE credential; --"):
        assert await codes(desk, citizen, q=query) == [], query


async def test_search_finds_a_choice_by_its_label(desk: Desk) -> None:
    fields = {
        "plate": "43B-001.23",
        "kind": "contract",
        "operator": "Hợp tác xã Sông Hàn",
        "badge_number": "PH9",
    }
    request = truck_permit() | {"type_code": "KQ.H17.000006", "fields": fields}
    issued = read(await desk.try_issue(request, agency="H17.11"), 201)
    citizen = await desk.citizen(issued["result_code"])
    for query in ("hop dong", "xe hợp đồng 43B"):
        assert await codes(desk, citizen, q=query) == [issued["result_code"]], query
    assert await codes(desk, citizen, q="xe buyt") == []


async def test_filters(desk: Desk) -> None:
    holder = {"kind": "organisation", "id": "0401234567", "name": "Công ty Vận tải Hoà Khánh"}
    house, truck = await desk.issue(house_permit(1, holder=holder)), await desk.issue(truck_permit())
    await desk.act(house["result_code"], "suspend")
    citizen = await desk.citizen(truck["result_code"])
    assert await codes(desk, citizen, type_code="KQ.H17.000003") == [truck["result_code"]]
    assert await codes(desk, citizen, status="suspended") == [house["result_code"]]
    assert await codes(desk, citizen, status="valid", q="van tai") == [truck["result_code"]]
    assert await codes(desk, citizen, type_code="KQ.H17.000001", status="valid") == []


async def test_pages_hold_every_result_once_though_all_have_the_same_time(desk: Desk) -> None:
    issued = await asyncio.gather(*(desk.issue() for _ in range(23)))
    citizen = await desk.citizen(issued[0]["result_code"])
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for expected in (7, 7, 7, 2):
        page = await list_results(desk, citizen, limit=7, **cursor)
        assert len(page["items"]) == expected
        seen += [item["result_code"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert cursor == {"cursor": None}
    assert sorted(seen) == sorted(one["result_code"] for one in issued)
    assert (await list_results(desk, citizen, limit=23))["next_cursor"] is None, "the last page is full"


async def test_what_cannot_be_searched_is_told(desk: Desk) -> None:
    citizen = desk.token("vault:read", vault=uuid4())
    refused = {
        "limit": ("0", "101", "x"),
        "status": ("lost",),
        "cursor": ("x", "é", "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMCAwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDA="),
        "q": ("a" * 201,),
    }
    for name, values in refused.items():
        for value in values:
            answer = await desk.client.get(RESULTS, params={name: value}, headers=citizen)
            assert [field for field, _ in problem(answer, 422, "invalid_input")] == [name], value
    for name in ("q", "type_code"):
        answer = await desk.client.get(RESULTS, params={name: "\0"}, headers=citizen)
        assert problem(answer, 422, "invalid_input") == [("request", "hidden_character")]


async def test_a_whole_result_with_its_history(desk: Desk) -> None:
    issued = await desk.issue(house_permit(1))
    newer = await desk.issue(house_permit(2))
    code = issued["result_code"]
    for act in ("suspend", "restore"):
        desk.clock.forward(timedelta(minutes=1))
        await desk.act(code, act)
    desk.clock.forward(timedelta(minutes=1))
    await desk.act(code, "supersede", superseded_by=newer["result_code"])
    shown = read(await show(desk, code, await desk.citizen(code)), 200)
    assert [(act["act"], act["acted_at"]) for act in shown["history"]] == [
        ("suspend", "2026-11-23T08:01:00Z"),
        ("restore", "2026-11-23T08:02:00Z"),
        ("supersede", "2026-11-23T08:03:00Z"),
    ]
    assert shown["history"][2]["superseded_by"] == newer["result_code"]
    assert (shown["status"], shown["status_since"]) == ("superseded", "2026-11-23T08:03:00Z")
    assert shown["fields"] == house_permit(1)["fields"], "the vault holds more than the code"
    assert {name: shown[name] for name in ("code", "lookup_code", "issued_at")} == {
        name: issued[name] for name in ("code", "lookup_code", "issued_at")
    }
    assert read(await show(desk, code, desk.officer("credentials:read")), 200) == shown


@pytest.mark.parametrize(
    ("form", "media_type"), [("qr.svg", "image/svg+xml"), ("qr.png", "image/png"), ("print.png", "image/png")]
)
async def test_a_camera_reads_the_code_from_every_form(desk: Desk, form: str, media_type: str) -> None:
    issued = await desk.issue()
    answer = await show(desk, f"{issued['result_code']}/{form}", await desk.citizen(issued["result_code"]))
    assert answer.headers["content-type"].partition(";")[0] == media_type
    picture = rasterised(answer.content) if form == "qr.svg" else Image.open(io.BytesIO(answer.content))
    assert read_by_zxing(picture) == issued["code"]


async def test_the_size_of_a_picture(desk: Desk) -> None:
    code = (await desk.issue())["result_code"]
    officer = desk.officer("credentials:read")
    sizes = [
        Image.open(io.BytesIO((await show(desk, f"{code}/qr.png?module_px={n}", officer)).content)) for n in (1, 24)
    ]
    assert sizes[1].width == 24 * sizes[0].width
    for wrong in ("0", "25", "x"):
        answer = await show(desk, f"{code}/qr.png?module_px={wrong}", officer)
        assert problem(answer, 422, "invalid_input") == [("module_px", "form")]


async def test_what_an_app_has_kept_is_not_sent_again(desk: Desk) -> None:
    code = (await desk.issue())["result_code"]
    citizen = await desk.citizen(code)
    for path in (code, f"{code}/qr.svg", f"{code}/qr.png", f"{code}/print.png"):
        first = await show(desk, path, citizen)
        again = await show(desk, path, citizen | {"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert (await show(desk, path, citizen | {"if-none-match": '"old"'})).status_code == 200
    old = (await show(desk, code, citizen)).headers["etag"]
    await desk.act(code, "revoke")
    assert (await show(desk, code, citizen | {"if-none-match": old})).json()["status"] == "revoked"


async def test_what_is_not_ones_own_is_not_there(desk: Desk) -> None:
    """The answer for somebody else's result is to the byte that for one that does not exist."""
    code = (await desk.issue())["result_code"]
    absent = f"{code[:-1]}9"
    strangers = {
        "another citizen": desk.token("vault:read", vault=uuid4()),
        "another agency": desk.officer("credentials:read", OTHER_AGENCY),
        "an agency's token without its scope": desk.token("vault:read", vault=uuid4(), agency=AGENCY),
        "a citizen's token without its scope": desk.token(
            "credentials:read", vault=await desk.vault_of(code), agency=OTHER_AGENCY
        ),
    }
    for who, headers in strangers.items():
        for form in ("", "/qr.svg", "/qr.png", "/print.png"):
            foreign, missing = [await show(desk, one + form, headers) for one in (code, absent)]
            problem(foreign, 404, "not_found")
            assert without_request_id(foreign) == without_request_id(missing), who
    for unwritten in ("%00", "%ff", "..%2f", "x" * 3000):
        assert (await show(desk, unwritten, strangers["another citizen"])).status_code in (404, 422)


def without_request_id(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    headers = [(name, value) for name, value in answer.headers.items() if name != "x-request-id"]
    return answer.status_code, answer.content, headers


async def test_a_token_that_names_no_vault_or_agency(desk: Desk) -> None:
    problem(await desk.client.get(RESULTS, headers=desk.token("vault:read")), 403, "not_permitted")
    code = (await desk.issue())["result_code"]
    for scope in ("vault:read", "credentials:read"):
        problem(await show(desk, code, desk.token(scope)), 403, "not_permitted")
    both = desk.token("vault:read", "credentials:read", vault=await desk.vault_of(code), agency=OTHER_AGENCY)
    assert (await show(desk, code, both)).status_code == 200
