"""Reports of papers that do not match: kept once, audited, seen by the two agencies concerned, photos drawn anew."""

import io
from base64 import b64encode
from uuid import uuid4

import pytest
from PIL import Image

from desk import AGENCY, OTHER_AGENCY, Desk, Json, problem, read

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


async def seen(desk: Desk, agency: str) -> list[Json]:
    headers = desk.token("monitoring:read", agency=agency, subject="head")
    answer = await desk.client.get(REPORTS, headers=headers)
    assert answer.headers["cache-control"] == "private, no-store"
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
    headers = desk.token("monitoring:read", agency=agency, subject="head")
    answer = await desk.client.get(f"{REPORTS}/{asked['report_id']}/photo", headers=headers)
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
