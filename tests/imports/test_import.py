"""A file over HTTP: all or nothing, the good rows alone, what is reported, who may see it."""

import asyncio
import csv
import io
import json
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import openpyxl
import pytest

from desk import problem, read
from imports.conftest import MEDIA_TYPES, BulkDesk
from khoso.formats import lookup
from khoso.imports import running, store, temporary
from khoso.imports.model import MAX_FILE_BYTES
from sheets import AGENCY, HEADING, TYPE_CODE, as_csv, as_ndjson, as_xlsx, badge

ROWS = [badge(serial) for serial in range(25)]
FILES = {
    "csv": as_csv(ROWS),
    "ndjson": as_ndjson(ROWS),
    "xlsx": as_xlsx([HEADING, *(list(row.values()) for row in ROWS)]),
}


@pytest.mark.parametrize("file_format", FILES)
async def test_every_format_is_issued_whole(bulk: BulkDesk, file_format: str) -> None:
    location, shown = await bulk.bring(FILES[file_format], file_format)
    counts = {"rows_checked": 25, "rows_total": 25, "rows_invalid": 0, "rows_issued": 25}
    assert shown | counts | {"state": "finished", "type_code": TYPE_CODE} == shown
    assert await bulk.faults(location) == []
    text = (await bulk.get(f"{location}/results")).content.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["result_code"] for row in rows] == [f"H17.11-261120-{serial:06}-KQ1" for serial in range(25)]
    first = 1 if file_format == "ndjson" else 2
    assert [row["row"] for row in rows] == [str(number) for number in range(first, first + 25)]
    assert lookup.parse(rows[0]["lookup_code"]).result_code == rows[0]["result_code"]
    verdict = await bulk.desk.verify(lookup_code=rows[24]["lookup_code"])
    assert verdict["outcome"] == "in_force"
    assert await bulk.desk.rows("SELECT 1 FROM import_file") == []


async def test_one_wrong_row_rejects_the_file(bulk: BulkDesk) -> None:
    wrong = badge(3, holder_id="48000000003", plate="")
    location, shown = await bulk.bring(as_csv([badge(1), badge(2), wrong, badge(4), badge(5, kind="x")]))
    assert (shown["state"], shown["rows_total"], shown["rows_invalid"], shown["rows_issued"]) == ("rejected", 5, 2, 0)
    assert await bulk.faults(location) == [
        (4, "holder_id", "personal_id"),
        (4, "plate", "required"),
        (6, "kind", "unknown_choice"),
    ]
    assert await bulk.desk.rows("SELECT 1 FROM credential") == []
    assert await bulk.desk.rows("SELECT 1 FROM import_file") == []
    results = await bulk.get(f"{location}/results")
    assert results.text == "row,result_code,lookup_code\r\n"
    assert results.headers["content-type"] == "text/csv; charset=utf-8"


async def test_the_good_rows_alone_when_asked(bulk: BulkDesk) -> None:
    rows = [badge(n) if n % 4 else badge(n, holder_id="x") for n in range(25)]
    location, shown = await bulk.bring(as_csv(rows), issue="valid")
    assert (shown["state"], shown["rows_total"], shown["rows_invalid"], shown["rows_issued"]) == ("finished", 25, 7, 18)
    assert await bulk.faults(location) == [(n + 2, "holder_id", "personal_id") for n in range(0, 25, 4)]
    answer = await bulk.get(f"{location}/results", format="ndjson")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"].endswith('.ndjson"')
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["row"] for line in lines] == [n + 2 for n in range(25) if n % 4]
    assert set(lines[0]) == {"row", "result_code", "lookup_code"}


async def test_a_file_that_cannot_be_read_is_rejected_with_its_reason(bulk: BulkDesk) -> None:
    for number, issue in enumerate(("all", "valid")):
        content = as_csv([badge(1)]) + "Đà".encode("utf-16")
        answer = await bulk.upload(content, key=f"k{number}", issue=issue)
        shown = await bulk.work(answer.headers["location"])
        assert (shown["state"], shown["rows_issued"]) == ("rejected", 0)
        assert [code for _, _, code in await bulk.faults(answer.headers["location"])] == ["encoding"]


async def test_faults_are_paged_and_bounded(bulk: BulkDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_LISTED", 7)
    monkeypatch.setattr(running, "MAX_LISTED", 7)
    location, shown = await bulk.bring(as_csv([badge(n, holder_id="x", plate="") for n in range(25)]))
    assert shown["rows_invalid"] == 25, "all are counted"
    first = read(await bulk.get(f"{location}/errors", limit=4), 200)
    second = read(await bulk.get(f"{location}/errors", limit=4, cursor=first["next_cursor"]), 200)
    assert [one["position"] for one in first["items"] + second["items"]] == list(range(7))
    assert second["next_cursor"] is None
    for cursor, status in ((2**31 - 1, 200), (2**31, 422), (2**63, 422), (-1, 422)):
        assert (await bulk.get(f"{location}/errors", cursor=cursor)).status_code == status, cursor
    assert set(first["items"][0]) == {"position", "row_number", "column_name", "code", "message"}


@pytest.mark.parametrize("issue", ["all", "valid"])
async def test_wrong_rows_are_not_held_in_memory(bulk: BulkDesk, monkeypatch: pytest.MonkeyPatch, issue: str) -> None:
    monkeypatch.setattr(store, "MAX_LISTED", 1_000)
    monkeypatch.setattr(running, "MAX_LISTED", 1_000)
    rows = [{f"{row} {number}": number for number in range(100)} for row in range(2_500)]
    content = "\n".join(map(json.dumps, rows)).encode()
    del rows
    answer = await bulk.upload(content, "ndjson", issue=issue)
    tracemalloc.start()
    try:
        shown = await bulk.work(answer.headers["location"], chunk_rows=2_500)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (shown["state"], shown["rows_invalid"]) == ("rejected" if issue == "all" else "finished", 2_500)
    assert len(await bulk.faults(answer.headers["location"])) == 1_000
    assert peak < 3 * len(content), "all values or all faults would take ten times as much as the file"


@pytest.mark.parametrize("issue", ["all", "valid"])
async def test_names_that_postgresql_does_not_take_are_told_all_the_same(bulk: BulkDesk, issue: str) -> None:
    stray = {"a\0b": 1, "fields": {"c\0\u200bd": 1, "e" * 9_000: 1}, "holder": {"f\0": 1}}
    location, shown = await bulk.bring(json.dumps(stray).encode(), "ndjson", issue=issue)
    assert shown["finished_at"] is not None
    told = {column for _, column, code in await bulk.faults(location) if code == "unknown_field"}
    assert told == {"a\ufffdb", "fields.c\ufffd\ufffdd", f"fields.{'e' * 193}", "holder.f\ufffd"}


async def test_headings_that_postgresql_does_not_take_are_told_all_the_same(bulk: BulkDesk) -> None:
    location, shown = await bulk.bring(FILES["csv"].replace(b"plate", b"pla\0te", 1))
    assert shown["state"] == "rejected"
    assert (1, "pla\ufffdte", "unknown_column") in await bulk.faults(location)


async def test_the_same_key_is_the_same_import(bulk: BulkDesk) -> None:
    first, again = await asyncio.gather(bulk.upload(FILES["csv"]), bulk.upload(FILES["csv"]))
    assert first.headers["location"] == again.headers["location"]
    assert len(await bulk.desk.rows("SELECT 1 FROM pgqueuer WHERE entrypoint = 'import'")) == 1
    problem(await bulk.upload(as_csv([badge(1)])), 422, "idempotency_key_reused")
    problem(await bulk.upload(FILES["csv"], issue="valid"), 422, "idempotency_key_reused")
    await bulk.work(first.headers["location"])
    shown = await bulk.work(first.headers["location"])
    assert shown["rows_issued"] == 25, "a job that is delivered twice issues once"


async def test_another_agency_sees_nothing(bulk: BulkDesk) -> None:
    location, _ = await bulk.bring(FILES["csv"])
    for path in (location, f"{location}/errors", f"{location}/results"):
        theirs, absent = await bulk.get(path, "H17.12"), await bulk.get(path.replace(location[-36:], str(uuid4())))
        assert problem(theirs, 404, "not_found") == problem(absent, 404, "not_found")
        assert theirs.content == absent.content


async def test_who_may_upload_what(bulk: BulkDesk) -> None:
    csv_file = FILES["csv"]
    problem(await bulk.upload(csv_file, agency="H17.12"), 403, "not_authorised_to_issue")
    assert problem(await bulk.upload(csv_file, type_code="x"), 422, "invalid_input") == [("type_code", "unknown_type")]
    assert problem(await bulk.upload(b""), 422, "invalid_input") == [("body", "empty")]
    assert problem(await bulk.upload(csv_file, "text/html"), 422, "invalid_input") == [
        ("Content-Type", "unknown_format")
    ]
    assert problem(await bulk.upload(csv_file, key="x" * 101), 422, "invalid_input") == [("Idempotency-Key", "length")]
    params = {"type_code": TYPE_CODE}
    headers = bulk.desk.token("vault:read", agency=AGENCY) | {"content-type": "text/csv", "idempotency-key": "k"}
    problem(await bulk.desk.client.post("/api/v1/imports", headers=headers, params=params), 403, "not_permitted")
    headers = bulk.headers(None) | {"content-type": "text/csv", "idempotency-key": "k"}
    problem(await bulk.desk.client.post("/api/v1/imports", headers=headers, params=params), 403, "not_permitted")
    assert await bulk.desk.rows("SELECT 1 FROM import_job") == []


async def test_a_body_beyond_the_cap_is_cut_off(bulk: BulkDesk) -> None:
    async def endless() -> Any:
        for _ in range((MAX_FILE_BYTES >> 20) + 1):
            yield bytes(1 << 20)

    answer = await bulk.upload(endless())
    assert answer.status_code == 413
    assert await bulk.desk.rows("SELECT 1 FROM import_job") == []


async def test_midnight_in_the_middle_is_reported_not_hidden(bulk: BulkDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was right when the file was checked and is wrong when its turn comes is not issued."""
    rows = [badge(n) | {"valid_from": "2026-11-23"} for n in range(25)]
    answer = await bulk.upload(as_csv(rows, [*HEADING, "valid_from"]))
    start_issuing = store.start_issuing

    async def and_a_day_passes(*args: Any) -> None:
        await start_issuing(*args)
        bulk.clock.forward(timedelta(days=1))

    monkeypatch.setattr(store, "start_issuing", and_a_day_passes)
    await bulk.work(answer.headers["location"])
    bulk.clock.forward(timedelta(days=-1))
    shown = read(await bulk.get(answer.headers["location"]), 200)
    assert (shown["state"], shown["rows_issued"], shown["rows_invalid"]) == ("finished", 0, 25)
    assert set(await bulk.faults(answer.headers["location"])) == {
        (n + 2, "valid_from", "out_of_range") for n in range(25)
    }


async def test_two_workers_on_one_import_issue_once(bulk: BulkDesk) -> None:
    answer = await bulk.upload(FILES["csv"])
    location = answer.headers["location"]
    await asyncio.gather(*(bulk.work(location, chunk_rows=3) for _ in range(3)))
    shown = await bulk.work(location)
    assert (shown["state"], shown["rows_issued"]) == ("finished", 25)
    assert len(await bulk.desk.rows("SELECT 1 FROM credential")) == 25


@pytest.mark.parametrize("issue", ["all", "valid"])
async def test_a_run_stops_between_two_chunks_and_the_next_goes_on(bulk: BulkDesk, issue: str) -> None:
    location = (await bulk.upload(FILES["csv"], issue=issue)).headers["location"]
    seen = []
    for chunks in (0, 2, 6, 1, 3):
        shown = await bulk.work_chunks(location, chunks)
        seen.append((shown["state"], shown["rows_checked"], shown["rows_issued"]))
    assert seen == [
        ("validating", 0, 0),
        ("validating", 10, 0),
        ("issuing", 25, 5),
        ("issuing", 25, 10),
        ("finished", 25, 25),
    ]
    assert len(await bulk.desk.rows("SELECT 1 FROM credential")) == 25


@pytest.mark.parametrize(
    ("file_format", "media_type"), [("xlsx", MEDIA_TYPES["xlsx"]), ("csv", "text/csv; charset=utf-8")]
)
async def test_a_filled_template_is_issued(bulk: BulkDesk, file_format: str, media_type: str) -> None:
    answer = await bulk.get("/api/v1/imports/template", type_code=TYPE_CODE, format=file_format)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="{TYPE_CODE}.{file_format}"'
    assert answer.content.startswith({"xlsx": b"PK", "csv": "\ufeffMã".encode()}[file_format]), "Excel looks there"
    _, shown = await bulk.bring(_filled(answer.content, file_format), file_format)
    assert (shown["state"], shown["rows_issued"]) == ("finished", 1)


def _filled(template: bytes, file_format: str) -> bytes:
    row = badge(1)
    dossier, *holder = list(row.values())[:4]
    line = [dossier, "", "", *holder, "", "2027-01-31", "", *list(row.values())[4:]]
    if file_format == "csv":
        return template + ",".join([*line, "", ""]).encode()
    book = openpyxl.load_workbook(io.BytesIO(template))
    sheet: Any = book.active
    assert sheet.column_dimensions["C"].number_format == "@", "what is typed there stays text"
    sheet.append([value or None for value in line])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


async def test_a_file_for_which_there_is_no_room_is_to_be_sent_later(
    bulk: BulkDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporary, "TemporaryFile", lambda: Path("/dev/full").open("r+b"))  # noqa: SIM115
    problem(await bulk.upload(FILES["csv"]), 503, "unavailable")
    assert await bulk.desk.rows("SELECT 1 FROM import_job") == []


async def test_who_asks_for_the_head_of_the_results_has_no_row_read(
    bulk: BulkDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    location, _ = await bulk.bring(as_csv(ROWS))
    got = await bulk.get(f"{location}/results")
    read = list[int]()

    async def list_results(_conn: Any, _import_id: Any, after: int, _limit: int) -> list[Any]:
        read.append(after)
        return []

    monkeypatch.setattr(store, "list_results", list_results)
    head = await bulk.desk.client.head(f"{location}/results", headers=bulk.headers())
    assert (head.status_code, read) == (200, [])
    for name in ("content-type", "content-disposition"):
        assert head.headers[name] == got.headers[name]
