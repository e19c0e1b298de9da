"""Reports of papers that do not match: kept once, audited, seen by the two agencies concerned, photos drawn anew."""

import io
import re
from base64 import b64encode, urlsafe_b64encode
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from PIL import Image

from desk import AGENCY, OTHER_AGENCY, Desk, Json, problem, read
from grounds import Clock
from khoso import db
from khoso.bounds import Bounds, of_agencies
from khoso.forgetting import forget
from khoso.reports.forgetting import FORGOTTEN_AFTER, KINDS
from khoso.reports.model import Finding
from khoso.wiring import Services

REPORTS = "/api/v1/reports"
INSPECTORS = "H17.15"
PLACE = "108.2022 E"


def picture(file_format: str = "JPEG", size: tuple[int, int] = (800, 600)) -> bytes:
    drawn = io.BytesIO()
    picture = Image.new("RGB", size, "#0b4f8a")
    exif = picture.getexif()
    exif[0x010E] = PLACE  # ImageDescription
    picture.save(drawn, file_format, **({} if file_format == "GIF" else {"exif": exif}))
    return drawn.getvalue()


def request(code: str, photo: bytes | None = None, **changes: object) -> Json:
    made: Json = {"report_id": str(uuid4()), "code": code, "finding": "differs", "note": "Biển số khác"}
    return made | ({} if photo is None else {"photo": b64encode(photo).decode()}) | changes


async def send(desk: Desk, asked: Json, status: int = 204) -> None:
    headers = desk.token("inspect", agency=INSPECTORS, subject="inspector-3")
    read(await desk.client.post(REPORTS, json=asked, headers=headers), status)


async def ask(desk: Desk, path: str, agency: str = INSPECTORS, **params: str | int) -> httpx.Response:
    """What whoever heads an agency is answered."""
    headers = desk.token("monitoring:read", agency=agency, subject="head")
    return await desk.client.get(path, params=params or None, headers=headers)


async def seen(desk: Desk, agency: str, **params: str | int) -> list[Json]:
    answer = await ask(desk, REPORTS, agency, **params)
    assert answer.headers["cache-control"] == "no-store"
    reports: list[Json] = read(answer, 200)["items"]
    return reports


async def test_a_report_is_kept_once_and_seen_by_the_two_agencies_concerned(desk: Desk) -> None:
    issued = await desk.issue()
    asked = request(issued["code"])
    for _ in range(2):
        await send(desk, asked)
    [told] = await seen(desk, AGENCY)
    assert [told] == await seen(desk, INSPECTORS)
    assert await seen(desk, OTHER_AGENCY) == []
    assert (told["reporter"], told["finding"], told["note"]) == ("inspector-3", "differs", "Biển số khác")
    assert (told["result_code"], told["issuer"], told["code"]) == (issued["result_code"], AGENCY, None)
    assert told["has_photo"] is False
    audited = await desk.rows("SELECT actor, subject FROM audit WHERE act = 'report_mismatch'")
    assert [tuple(row) for row in audited] == [("inspector-3", asked["report_id"])]


async def test_of_a_forgery_the_code_is_kept_for_the_inspectors_agency(desk: Desk) -> None:
    await send(desk, request("https://kho.evil.example/v#1", finding="forged"))
    [told] = await seen(desk, INSPECTORS)
    assert (told["code"], told["result_code"], told["issuer"]) == ("https://kho.evil.example/v#1", None, None)


async def photo_of(desk: Desk, asked: Json, agency: str = INSPECTORS) -> tuple[int, bytes]:
    answer = await ask(desk, f"{REPORTS}/{asked['report_id']}/photo", agency)
    return answer.status_code, answer.content


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
async def test_a_photo_is_drawn_anew_without_what_a_phone_writes_into_it(desk: Desk, file_format: str) -> None:
    sent = picture(file_format, (3_000, 2_000)) + b"<script>behind the end</script>"
    assert PLACE.encode() in sent
    asked = request("x", sent)
    await send(desk, asked)
    status, kept = await photo_of(desk, asked)
    opened = Image.open(io.BytesIO(kept))
    assert (status, opened.format, opened.size) == (200, "JPEG", (1_600, 1_067))
    assert not opened.getexif()
    assert PLACE.encode() not in kept
    assert b"script" not in kept


async def test_a_photo_is_shown_to_those_concerned_only(desk: Desk) -> None:
    asked, without = request("x", picture()), request("x")
    await send(desk, asked)
    await send(desk, without)
    assert (await photo_of(desk, asked, OTHER_AGENCY))[0] == 404
    assert (await photo_of(desk, without))[0] == 404


async def test_a_photo_is_a_picture_and_nothing_else_and_kept_in_no_cache(desk: Desk) -> None:
    asked = request("x", picture())
    await send(desk, asked)
    headers = (await ask(desk, f"{REPORTS}/{asked['report_id']}/photo")).headers
    assert headers["content-type"] == "image/jpeg"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["content-disposition"] == "attachment"
    assert headers["cache-control"] == "no-store"


async def send_some(desk: Desk, clock: Clock, days: int) -> list[str]:
    """Two reports of one moment a day, at midnight in Vietnam and a second before; answers their ids, newest first."""
    clock.time = clock.time.replace(hour=17, minute=0, second=0) - timedelta(days=days)
    ids = []
    for _ in range(days):
        clock.forward(timedelta(days=1))
        for second in (-1, 0):
            clock.forward(timedelta(seconds=second))
            made = sorted(str(uuid4()) for _ in range(2))
            for report_id in made:
                await send(desk, request("x", report_id=report_id))
            clock.forward(timedelta(seconds=-second))
            ids += made
    return ids[::-1]


async def test_pages_follow_one_another_without_a_gap(desk: Desk, clock: Clock) -> None:
    sent = await send_some(desk, clock, 2)
    found = list[str]()
    cursor: Json = {}
    while True:
        page = read(await ask(desk, REPORTS, limit=3, **cursor), 200)
        found += [one["report_id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        await send(desk, request("x"))  # one that is newer moves none of those that are older
    assert found == sent
    bad: list[Json] = [{"cursor": "x"}, {"limit": 0}, {"limit": 101}, {"since": "yesterday"}, {"until": "2026-02-30"}]
    bad += [{"since": "2026-11-27", "until": "2026-11-26"}]
    for wrong in bad:
        problem(await ask(desk, REPORTS, **wrong), 422, "invalid_input")


async def test_days_are_those_of_vietnam_and_none_is_too_far(desk: Desk, clock: Clock) -> None:
    sent = await send_some(desk, clock, 3)
    last = clock.time + timedelta(hours=7)
    day = (last - timedelta(days=1)).date().isoformat()
    found = [one["report_id"] for one in await seen(desk, INSPECTORS, since=day, until=day)]
    assert found == sent[2:6], "from midnight until the second before midnight"
    for far, count in ({"since": "0001-01-01"}, 12), ({"until": "9999-12-31"}, 12), ({"until": "0001-01-01"}, 0):
        assert len(await seen(desk, INSPECTORS, **far)) == count, far


async def test_the_page_of_reports_leads_from_the_newest_to_the_oldest_of_some_days(desk: Desk, clock: Clock) -> None:
    sent = await send_some(desk, clock, 6)
    day = (clock.time + timedelta(hours=7, days=-6)).date().isoformat()
    found, path = list[str](), f"/reports?since={day}"
    while path:
        page = await ask(desk, path)
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert f'value="{day}"' in page.text
        found += re.findall(r'href="/reports/([0-9a-f-]{36})"', page.text)
        older = re.search(r'href="(/reports\?[^"]*cursor=[^"]*)"', page.text)
        path = "" if older is None else older[1].replace("&amp;", "&")
    assert found == sent


async def test_a_report_is_a_page_for_those_concerned_only(desk: Desk) -> None:
    issued = await desk.issue()
    asked = request(issued["code"], picture(), note="Biển số\nkhác <b>")
    await send(desk, asked)
    for agency in (AGENCY, INSPECTORS):
        page = read_page(await ask(desk, f"/reports/{asked['report_id']}", agency), 200)
        assert "Biển số\nkhác &lt;b&gt;" in page
        assert issued["result_code"] in page
        assert f'<img src="{REPORTS}/{asked["report_id"]}/photo"' in page
    foreign = read_page(await ask(desk, f"/reports/{asked['report_id']}", OTHER_AGENCY), 404)
    assert foreign == read_page(await ask(desk, f"/reports/{UUID(int=1)}"), 404)
    assert asked["report_id"] not in read_page(await ask(desk, "/reports", OTHER_AGENCY), 200)


WRONG = {
    "since=x": "Từ ngày: cần một ngày",
    "until=2026-02-30": "Đến hết ngày: cần một ngày",
    "until=%00": "Đến hết ngày: cần một ngày",
    "since=2026-11-27&until=2026-11-26": "không được trước ngày bắt đầu",
    "since=9999-12-31&until=0001-01-01": "không được trước ngày bắt đầu",
    "cursor=": "Không có trang báo cáo này",
    "cursor=x": "Không có trang báo cáo này",
    "cursor=%00": "Không có trang báo cáo này",
    "cursor=%F0%9F%98%80": "Không có trang báo cáo này",
    "cursor=" + urlsafe_b64encode(b"2026-11-26 1").decode(): "Không có trang báo cáo này",
    "cursor=" + urlsafe_b64encode(f"0001-01-01T00:00+14:00 {UUID(int=1)}".encode()).decode(): "Không có trang báo cáo",
}


async def test_the_page_of_reports_says_what_is_wrong_with_what_was_asked_for(desk: Desk) -> None:
    for asked, told in WRONG.items():
        assert told in read_page(await ask(desk, f"/reports?{asked}"), 422), asked
    same_day = "since=2026-11-26&until=2026-11-26"
    read_page(await ask(desk, f"/reports?{same_day}"), 200)


async def test_the_page_has_words_for_every_finding(desk: Desk) -> None:
    for finding in Finding:
        await send(desk, request("x", finding=finding))
    assert read_page(await ask(desk, "/reports"), 200).count('class="entry"') == len(Finding)


def read_page(answer: httpx.Response, status: int) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), answer.text
    return answer.text


async def forget_reports(services: Services, clock: Clock) -> None:
    """What the worker does, and in several pieces."""
    await forget(services.pool, KINDS, clock(), at_a_time=1)


async def test_photo_and_words_are_forgotten_in_their_time_and_the_pages_say_so(
    desk: Desk, services: Services, clock: Clock
) -> None:
    issued = await desk.issue()
    old = [request(issued["code"], picture(), note="ông Thịnh"), request("mã của ông Thịnh", finding="forged", note="")]
    for asked in old:
        await send(desk, asked)
    clock.forward(FORGOTTEN_AFTER)
    kept = await seen(desk, INSPECTORS)
    await forget_reports(services, clock)
    assert await seen(desk, INSPECTORS) == kept
    assert "No longer kept" not in read_page(await ask(desk, f"/reports/{old[0]['report_id']}"), 200)
    clock.forward(timedelta(microseconds=1))
    await send(desk, request("x", picture(), note="mới"))
    await forget_reports(services, clock)
    newer, *left = await seen(desk, INSPECTORS)
    assert left == [one | {"note": None, "code": None, "has_photo": False} for one in kept]
    assert (newer["note"], newer["code"], newer["has_photo"]) == ("mới", "x", True)
    for asked in old:
        assert (await photo_of(desk, asked))[0] == 404
        page = read_page(await ask(desk, f"/reports/{asked['report_id']}"), 200)
        assert f'<img src="{REPORTS}' not in page
        assert "Ảnh và lời ghi, nếu có, đã bị xoá sau 365 ngày." in page
        assert "Photo and words, if there were any, were deleted after 365 days." in page
    assert read_page(await ask(desk, "/reports"), 200).count("Ảnh và lời ghi, nếu có, đã bị xoá") == len(old)
    rows = await desk.rows("SELECT mismatch_report::text AS said FROM mismatch_report WHERE note IS NULL")
    assert [len(rows), *(row["said"] for row in rows if "Thịnh" in row["said"])] == [len(old)]
    await send(desk, old[0])  # sent again it is known still
    assert [one["note"] for one in await seen(desk, INSPECTORS)] == ["mới", None, None]


FORGETTING = Bounds(duty="forget")
EMPTY = "note = NULL, code = NULL, photo = NULL"


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ("photo = NULL", asyncpg.InsufficientPrivilegeError),
        ("note = 'another'", asyncpg.InsufficientPrivilegeError),
        (f"{EMPTY}, finding = 'other'", asyncpg.InsufficientPrivilegeError),
        (f"{EMPTY}, reported_at = now()", asyncpg.InsufficientPrivilegeError),
        (f"{EMPTY}, reporter = 'another'", asyncpg.InsufficientPrivilegeError),
        ("note = NULL, code = NULL", asyncpg.CheckViolationError),
        ("note = NULL, photo = NULL", asyncpg.CheckViolationError),
    ],
)
async def test_whoever_forgets_reports_can_do_nothing_else(
    desk: Desk, services: Services, change: str, refused: type[asyncpg.PostgresError]
) -> None:
    await send(desk, request("x", picture()))
    with pytest.raises(refused):
        async with db.transaction(services.pool, FORGETTING) as conn:
            await conn.execute(f"UPDATE mismatch_report SET {change}")
    async with db.transaction(services.pool, of_agencies([INSPECTORS])) as conn:
        assert await conn.execute(f"UPDATE mismatch_report SET {EMPTY}") == "UPDATE 0", "those it concerns"
    async with db.transaction(services.pool, FORGETTING) as conn:
        assert await conn.execute(f"UPDATE mismatch_report SET {EMPTY}") == "UPDATE 1"


BAD_PHOTOS = {
    "nothing": b"",
    "a text": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "another format": picture("GIF"),
    "cut short": picture()[:500],
    "too many pixels": picture("PNG", (5_000, 4_001)),
}


@pytest.mark.parametrize("what", BAD_PHOTOS)
async def test_what_is_no_photo_is_refused(desk: Desk, what: str) -> None:
    headers = desk.token("inspect", agency=INSPECTORS, subject="inspector-3")
    answer = await desk.client.post(REPORTS, json=request("x", BAD_PHOTOS[what]), headers=headers)
    assert [field for field, _ in problem(answer, 422, "invalid_input")] == ["photo"]
    assert await seen(desk, INSPECTORS) == []


async def test_a_report_that_is_too_large_or_of_another_form_is_refused(desk: Desk) -> None:
    headers = desk.token("inspect", agency=INSPECTORS, subject="inspector-3")
    changed: list[Json] = [{"note": "ế" * 1_001}, {"finding": "ugly"}, {"reporter": "another"}]
    for changes in changed:
        answer = await desk.client.post(REPORTS, json=request("x", **changes), headers=headers)
        problem(answer, 422, "invalid_input")
    large = await desk.client.post(REPORTS, json=request("x", b"9" * (5 << 20)), headers=headers)
    assert large.status_code == 413


async def test_only_inspectors_report_and_only_heads_read(desk: Desk) -> None:
    problem(await desk.client.post(REPORTS, json=request("x")), 401, "not_authenticated")
    inspector = desk.token("inspect", agency=INSPECTORS, subject="inspector-3")
    problem(await desk.client.get(REPORTS, headers=inspector), 403, "not_permitted")
    nobody_s = desk.token("inspect", subject="inspector-3")
    problem(await desk.client.post(REPORTS, json=request("x"), headers=nobody_s), 403, "not_permitted")
