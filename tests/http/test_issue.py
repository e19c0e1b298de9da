"""Issuing over HTTP: who may, what is refused and how it is told, and that a key issues once."""

import asyncio
import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from desk import AGENCY, OTHER_AGENCY, Desk, problem, read
from grounds import ORIGIN, Clock, open_client
from invariants import check_everything
from khoso.config import Config
from khoso.formats import link, lookup
from khoso.formats.status_list import SIZE
from samples import house_permit, truck_permit

Json = dict[str, Any]


async def test_what_the_agency_gets(desk: Desk) -> None:
    issued = await desk.issue(house_permit(1))
    assert issued["result_code"] == "H17.05.12-261120-000001-KQ1"
    assert issued["issued_at"] == issued["valid_from"] == "2026-11-23T08:00:00Z"
    assert issued["expires_at"] is None
    assert link.parse(issued["code"], ORIGIN)
    assert lookup.parse(issued["lookup_code"]).result_code == issued["result_code"]


async def test_every_kind_of_field_and_date_is_taken(desk: Desk) -> None:
    issued = await desk.issue(truck_permit(1, valid_from="2026-12-01", valid_until="2026-12-31"))
    assert issued["valid_from"] == "2026-11-30T17:00:00Z", "midnight in Đà Nẵng"
    assert issued["expires_at"] == "2026-12-31T17:00:00Z", "the last day counts whole"
    verdict = await desk.verify(code=issued["code"])
    shown = {field["name"]: field["value"] for field in verdict["paper"]["fields"]}
    assert shown == {
        "plate": "43C-123.45",
        "load": "11.5",
        "streets": ["Bạch Đằng", "Lê Duẩn"],
        "hours": ["22:00-06:00"],
    }


def permit_with(**fields: Any) -> Json:
    return house_permit(fields=house_permit()["fields"] | fields)


def truck_with(**fields: Any) -> Json:
    return truck_permit(fields=truck_permit()["fields"] | fields)


def held_by(**holder: Any) -> Json:
    return house_permit(holder=house_permit()["holder"] | holder)


REFUSED: dict[str, tuple[Json, list[tuple[str, str]]]] = {
    "unknown type": (house_permit(type_code="KQ.H17.999999"), [("type_code", "unknown_type")]),
    "dossier form": (house_permit(dossier_code="218/2026"), [("dossier_code", "dossier_code")]),
    "dossier date": (house_permit(dossier_code="H17.05.12-261320-000001"), [("dossier_code", "dossier_date")]),
    "personal id": (held_by(id="04807899900"), [("holder.id", "personal_id")]),
    "personal id of other digits": (held_by(id="٠٤٨٠٧٨٩٩٩٠٠١"), [("holder.id", "personal_id")]),
    "tax code": (held_by(kind="organisation", id="04001"), [("holder.id", "tax_code")]),
    "empty name": (held_by(name=""), [("holder.name", "empty_or_padded")]),
    "bidi in a name": (held_by(name="An\u202e Bình"), [("holder.name", "hidden_character")]),
    "kind of holder": (held_by(kind="robot"), [("holder.kind", "form")]),
    "missing field": (permit_with(address=None), [("fields.address", "required")]),
    "unknown field": (permit_with(colour="red"), [("fields.colour", "unknown_field")]),
    "text that is a number": (permit_with(owner=3), [("fields.owner", "not_text")]),
    "text too long": (permit_with(parcel="9" * 21), [("fields.parcel", "too_long")]),
    "zero-width character": (permit_with(address="1\u200b Lê Lợi"), [("fields.address", "hidden_character")]),
    "NUL": (permit_with(address="1\0 Lê Lợi"), [("fields.address", "hidden_character")]),
    "integer that is a text": (permit_with(floors="4"), [("fields.floors", "not_integer")]),
    "integer that is true": (permit_with(floors=True), [("fields.floors", "not_integer")]),
    "integer out of range": (permit_with(floors=61), [("fields.floors", "out_of_range")]),
    "decimal with too many decimals": (permit_with(height="15.65"), [("fields.height", "not_decimal")]),
    "decimal without end": (permit_with(height="1e999999999"), [("fields.height", "not_decimal")]),
    "decimal that is no number": (permit_with(height="NaN"), [("fields.height", "not_decimal")]),
    "date": (permit_with(start_by="20/11/2027"), [("fields.start_by", "not_date")]),
    "list that is a text": (truck_with(streets="Bạch Đằng"), [("fields.streets", "not_list")]),
    "hours": (truck_with(hours=["22:00-25:00"]), [("fields.hours", "not_hours")]),
    "first day yesterday": (house_permit(valid_from="2026-11-22"), [("valid_from", "out_of_range")]),
    "first day too far": (house_permit(valid_from="2028-11-23"), [("valid_from", "out_of_range")]),
    "first day at the end of time": (truck_permit(valid_from="9999-12-31"), [("valid_from", "out_of_range")]),
    "last day before the first": (house_permit(valid_until="2026-11-22"), [("valid_until", "before_valid_from")]),
    "last day too late": (truck_permit(valid_until="2027-11-24"), [("valid_until", "too_long")]),
    "last day of time": (house_permit(valid_until="9999-12-31"), [("valid_until", "too_long")]),
    "no date": (house_permit(valid_from="2026-02-30"), [("valid_from", "form")]),
    "evidence level": (house_permit(evidence_level=3), [("evidence_level", "form")]),
    "unknown key": (house_permit(colour="red"), [("body", "form")]),
    "type code that is a number": (house_permit(type_code=1), [("type_code", "form")]),
    "two at once": (
        permit_with(floors=0, parcel=""),
        [("fields.parcel", "empty_or_padded"), ("fields.floors", "out_of_range")],
    ),
}


async def test_a_refused_request_says_what_is_wrong_where(desk: Desk) -> None:
    told = {
        fault: problem(await desk.try_issue(request), 422, "invalid_input") for fault, (request, _) in REFUSED.items()
    }
    assert told == {fault: expected for fault, (_, expected) in REFUSED.items()}
    assert not await desk.rows("SELECT 1 FROM credential UNION ALL SELECT 1 FROM idempotency_key")


async def test_texts_too_long_together_are_too_large_for_a_code(desk: Desk) -> None:
    crowded = truck_with(streets=["Đường Nguyễn Thị Minh Khai nối dài đến cầu Thuận Phước"] * 6)
    assert problem(await desk.try_issue(crowded), 422, "invalid_input") == [("fields", "code_too_large")]


UNREADABLE: dict[str, bytes] = {
    "no body": b"",
    "cut off": b'{"type_code":',
    "not UTF-8": b'{"type_code": "\xff\xfe"}',
    "half a character": b'{"type_code": "\\ud800"}',
    "nested without end": json.dumps(house_permit()).replace('"floors": 4', f'"floors": {"[" * 9000}').encode(),
    "a number of 5,000 digits": json.dumps(house_permit()).replace('"floors": 4', f'"floors": {"9" * 5000}').encode(),
}


async def test_a_body_that_is_no_json(desk: Desk) -> None:
    headers = desk.officer("credentials:issue") | {"idempotency-key": "a", "content-type": "application/json"}
    for fault, body in UNREADABLE.items():
        answer = await desk.client.post("/api/v1/credentials", content=body, headers=headers)
        [(field, _)] = problem(answer, 422, "invalid_input")
        assert field == ("fields[...]" if "digits" in fault else "body"), fault


async def test_who_may_issue(desk: Desk) -> None:
    problem(await desk.try_issue(house_permit(), agency="H17.99"), 403, "not_permitted")
    problem(await desk.try_issue(house_permit(), agency="H17.05"), 403, "not_permitted")
    problem(await desk.try_issue(truck_permit(), agency=AGENCY), 403, "not_authorised_to_issue")
    for headers in (desk.token("credentials:issue"), desk.officer("credentials:read")):
        answer = await desk.client.post(
            "/api/v1/credentials", json=house_permit(), headers=headers | {"idempotency-key": "a"}
        )
        problem(answer, 403, "not_permitted")


async def test_a_large_body_a_wrong_method_and_an_unknown_path(desk: Desk) -> None:
    headers = desk.officer("credentials:issue") | {"idempotency-key": "a"}
    large = house_permit(fields={"address": "a" * 33_000})
    problem(await desk.client.post("/api/v1/credentials", json=large, headers=headers), 413, "body_too_large")
    problem(await desk.client.post("/api/v1/verify", json={"code": "a" * 9_000}), 413, "body_too_large")
    wrong = await desk.client.delete("/api/v1/credentials", headers=headers)
    problem(wrong, 405, "http_405")
    assert wrong.headers["allow"] == "POST"
    problem(await desk.client.get("/api/v1/nothing"), 404, "not_found")


async def test_a_key_issues_once(desk: Desk) -> None:
    first = read(await desk.try_issue(house_permit(1), "one"), 201)
    assert read(await desk.try_issue(house_permit(1), "one"), 201) == first
    problem(await desk.try_issue(house_permit(2), "one"), 422, "idempotency_key_reused")
    assert [tuple(row) for row in await desk.rows("SELECT count(*) FROM credential")] == [(1,)]


async def test_a_key_answers_the_same_when_the_request_could_no_longer_be_made(desk: Desk) -> None:
    """The officer's system asks again after midnight: the result was issued, and that is the answer."""
    request = house_permit(1, valid_from="2026-11-23")
    first = read(await desk.try_issue(request, "one"), 201)
    desk.clock.forward(timedelta(days=1))
    assert read(await desk.try_issue(request, "one"), 201) == first
    problem(await desk.try_issue(house_permit(2, valid_from="2026-11-23"), "one"), 422, "invalid_input")
    problem(await desk.try_issue(request, "two"), 422, "invalid_input")


async def test_a_key_is_required(desk: Desk) -> None:
    for key, code in (
        ({}, "required"),
        ({"idempotency-key": ""}, "length"),
        ({"idempotency-key": "k" * 101}, "length"),
    ):
        headers = desk.officer("credentials:issue") | key
        answer = await desk.client.post("/api/v1/credentials", json=house_permit(), headers=headers)
        assert problem(answer, 422, "invalid_input") == [("Idempotency-Key", code)]


async def test_two_callers_may_choose_the_same_key(desk: Desk) -> None:
    headers = desk.token("credentials:issue", agency=AGENCY, subject="another") | {"idempotency-key": "one"}
    first = read(await desk.try_issue(house_permit(1), "one"), 201)
    second = read(await desk.client.post("/api/v1/credentials", json=house_permit(1), headers=headers), 201)
    assert (first["result_code"][-4:], second["result_code"][-4:]) == ("-KQ1", "-KQ2")


async def test_the_same_key_twice_in_one_batch(desk: Desk) -> None:
    """Gathered behind the first request, the others are one batch; the first of each key is what counts."""
    asked = [house_permit(1), house_permit(2), house_permit(2), house_permit(3)]
    answers = await asyncio.gather(*(desk.try_issue(one, key) for one, key in zip(asked, "abbb", strict=True)))
    issued, same = read(answers[1], 201), read(answers[2], 201)
    assert issued == same
    problem(answers[3], 422, "idempotency_key_reused")


async def test_numbers_without_gaps_when_many_issue_in_one_dossier(desk: Desk) -> None:
    refused = permit_with(floors=0)
    wanted = [house_permit(1) if turn % 4 else refused for turn in range(80)]
    answers = await asyncio.gather(*(desk.try_issue(request) for request in wanted))
    codes = sorted(read(answer, 201)["result_code"] for answer in answers if answer.status_code != 422)
    assert codes == sorted(f"H17.05.12-261120-000001-KQ{number}" for number in range(1, 61))


async def test_a_new_status_list_is_opened_when_the_last_is_full(config: Config, clock: Clock, key_dir: Path) -> None:
    """Of five more, two fill the first list. That the others were taken is only said, so the invariants do not hold."""
    async with open_client(config, clock) as client:
        desk = Desk(client, key_dir, clock, config.database_owner_url)
        await desk.issue()
        await desk.rows("UPDATE status_list SET taken = $1", SIZE - 2)
        issued = await asyncio.gather(*(desk.issue() for _ in range(5)))
        lists = await desk.rows("SELECT list_id, taken FROM status_list ORDER BY list_id")
        assert [tuple(row) for row in lists] == [(0, SIZE), (1, 3)]
        assert len(await desk.rows("SELECT DISTINCT list_id, status_index FROM status_entry")) == 6
        for one in issued:
            assert (await desk.verify(code=one["code"]))["outcome"] == "in_force"


async def test_one_that_cannot_be_signed_fails_alone(
    config: Config, clock: Clock, key_dir: Path, tmp_path: Path
) -> None:
    """Another agency's key is not on this machine; its requests travel in the same batches."""
    keys = shutil.copytree(key_dir, tmp_path / "keys")
    async with open_client(msgspec.structs.replace(config, keys_dir=keys), clock) as client:
        desk = Desk(client, key_dir, clock, config.database_owner_url)
        rows = await desk.rows("SELECT kid FROM signing_key WHERE agency_code = $1", OTHER_AGENCY)
        (keys / "agency" / f"{rows[0]['kid'].hex()}.pem").unlink()
        asked = [desk.try_issue(house_permit(n), agency=AGENCY if n % 5 else OTHER_AGENCY) for n in range(40)]
        answers = await asyncio.gather(*asked)
        for number, answer in enumerate(answers):
            if number % 5:
                read(answer, 201)
            else:
                problem(answer, 503, "key_store_error")
    await check_everything(config.database_owner_url)


async def test_what_was_issued_is_still_the_answer_when_its_key_is_gone(
    config: Config, clock: Clock, key_dir: Path, tmp_path: Path
) -> None:
    keys = shutil.copytree(key_dir, tmp_path / "keys")
    moved = msgspec.structs.replace(config, keys_dir=keys)
    async with open_client(config, clock) as client:
        desk = Desk(client, key_dir, clock, config.database_owner_url)
        issued = read(await desk.try_issue(house_permit(1), "once"), 201)
    shutil.rmtree(keys / "agency")
    async with open_client(moved, clock) as client:
        desk = Desk(client, key_dir, clock, config.database_owner_url)
        assert read(await desk.try_issue(house_permit(1), "once"), 201) == issued
        problem(await desk.try_issue(house_permit(2), "again"), 503, "key_store_error")
    await check_everything(config.database_owner_url)


async def test_other_agencies_have_their_own_keys(desk: Desk) -> None:
    mine, theirs = await desk.issue(), read(await desk.try_issue(house_permit(9), agency=OTHER_AGENCY), 201)
    kids = {link.parse(one["code"], ORIGIN)[8:16] for one in (mine, theirs)}
    assert len(kids) == 2
