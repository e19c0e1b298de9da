"""Sessions of browsers: their cookie, their end, and requests that other sites made a browser send."""

import re
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from desk import Desk, problem, read
from grounds import Clock
from identity.browsing import BY_SCRIPT, SAME_ORIGIN, Browser
from identity.programs import REDIRECT, App, register

ME = "/api/v1/me"


ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36"
)


async def test_the_cookie_is_for_this_host_and_no_script(browser: Browser) -> None:
    answer = await browser.log_in("thinh")
    [cookie] = [one for one in answer.headers.get_list("set-cookie") if one.startswith("__Host-khoso=")]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"path=/", "secure", "httponly", "samesite=lax"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)


async def test_the_database_does_not_know_the_cookie(desk: Desk, browser: Browser) -> None:
    await browser.log_in("thinh")
    session = browser.session
    assert session is not None
    for table in ("web_session", "login_attempt"):
        for row in await desk.rows(f"SELECT * FROM {table}"):
            assert session not in repr(dict(row))
            assert session.encode() not in row.values()


async def test_a_login_never_takes_over_a_session_that_was_there(desk: Desk, browser: Browser) -> None:
    """Fixation: a cookie that somebody else planted stays worthless, and an older session of the browser ends."""
    browser.client.cookies.set("__Host-khoso", "planted", domain="kho.danang.gov.vn")
    await browser.log_in("thinh")
    first = browser.session
    assert first != "planted"
    await browser.log_in("ngoc")
    second = browser.session
    for cookie, name in ((second, "Trần Thị Bích Ngọc"), (first, None), ("planted", None)):
        answer = await desk.client.get(ME, headers={"cookie": f"__Host-khoso={cookie}"})
        assert (answer.json().get("name") if answer.status_code == 200 else None) == name


@pytest.mark.parametrize(("steps", "minutes"), [(1, 31), (25, 29)])
async def test_a_session_ends_unused_and_by_its_age(browser: Browser, clock: Clock, steps: int, minutes: int) -> None:
    await browser.log_in("thinh")
    for _ in range(steps):
        last = (await browser.client.get(ME)).status_code
        clock.forward(timedelta(minutes=minutes))
    assert last == 200, "it was good until then"
    problem(await browser.client.get(ME), 401, "not_authenticated")


async def test_the_description_says_by_what_a_session_is_known(browser: Browser) -> None:
    """Every route that it says takes one takes it, with the header that it names there, and not without."""
    await browser.log_in("thinh")
    described = (await browser.client.get("/openapi.json")).json()
    schemes = described["components"]["securitySchemes"]
    assert schemes["session"] | {"description": ""} == {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-khoso",
        "description": "",
    }
    header = {schemes["script"]["name"]: "1"}
    asked = 0
    for path, item in described["paths"].items():
        for method, operation in item.items():
            ways = {frozenset(way) for way in operation["security"]}
            closed = {frozenset({"token"}), frozenset({"session"} if method == "get" else {"session", "script"})}
            assert ways - {frozenset()} in (closed, set()), (method, path)
            if ways != closed:
                continue
            place = re.sub(r"\{(\w+)\}", str(uuid4()), path)
            known = [
                (await browser.client.request(method, place, headers=SAME_ORIGIN | more)).status_code != 401
                for more in ({}, header)
            ]
            assert known == [method == "get", True], (method, path)
            asked += 1
    assert asked > 60


async def test_logging_out(desk: Desk, browser: Browser) -> None:
    await browser.log_in("thinh")
    cookie = {"cookie": f"__Host-khoso={browser.session}"}
    answer = await browser.client.post("/account/logout", headers=SAME_ORIGIN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert browser.session is None
    problem(await desk.client.get(ME, headers=cookie), 401, "not_authenticated")


async def test_one_sees_and_ends_ones_own_sessions_and_no_others(desk: Desk, browser: Browser, clock: Clock) -> None:
    other, stranger = Browser(desk.client), Browser(desk.client)
    await other.log_in("thinh")
    clock.forward(timedelta(seconds=1))
    await browser.log_in("thinh")
    await stranger.log_in("ngoc")
    listed = read(await browser.client.get(f"{ME}/sessions"), 200)["items"]
    assert [one["present"] for one in listed] == [True, False]
    assert {one["where"] for one in listed} == {"Browser of the tests"}
    [foreign] = read(await stranger.client.get(f"{ME}/sessions"), 200)["items"]
    for name in (foreign["name"], "session:absent", "login:x", "x"):
        answer = await browser.client.delete(f"{ME}/sessions/{name}", headers=BY_SCRIPT)
        problem(answer, 404, "not_found")
    assert (await stranger.client.get(ME)).status_code == 200
    answer = await browser.client.delete(f"{ME}/sessions/{listed[1]['name']}", headers=BY_SCRIPT)
    assert answer.status_code == 204
    problem(await other.client.get(ME), 401, "not_authenticated")


async def test_the_page_shows_who_i_am_and_where(desk: Desk, browser: Browser) -> None:
    asked = {"kind": "app", "name": "Công dân số Android", "agency_code": "H17", "redirect_uris": [REDIRECT]}
    await App(desk, await register(desk, **asked, scopes=["vault:read"])).tokens(browser)
    browser.client.headers["user-agent"] = ANDROID
    await browser.log_in("thinh")
    page = await browser.client.get("/account")
    assert "Nguyễn Hoàng Phước Thịnh" in page.text
    for where in ("Chrome · Android", "Công dân số Android"):
        assert f"<strong>{where}</strong>" in page.text
    assert page.headers["cache-control"] == "no-store"


FOREIGN = {
    "another site": {"sec-fetch-site": "cross-site"},
    "another host of the same site": {"sec-fetch-site": "same-site"},
    "typed by hand": {"sec-fetch-site": "none"},
    "an old browser, another origin": {"origin": "https://evil.example"},
    "an old browser, no origin told": {"origin": "null"},
    "another port": {"origin": "https://kho.danang.gov.vn:8443"},
    "nothing told": {},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
async def test_what_another_site_makes_the_browser_send_changes_nothing(
    browser: Browser, headers: dict[str, str]
) -> None:
    await browser.log_in("thinh")

    async def put(headers: dict[str, str]) -> httpx.Response:
        return await browser.client.put(f"{ME}/agency", json={"agency_code": "H17"}, headers=headers)

    problem(await put(headers | {"khoso-session": "1"}), 403, "cross_site_request")
    problem(await put(headers), 401, "not_authenticated")
    problem(await put(SAME_ORIGIN), 401, "not_authenticated")
    answer = await browser.client.post("/account/logout", headers=headers)
    assert answer.status_code == 403
    assert (await browser.client.get(ME)).status_code == 200, "still logged in"
    problem(await put(BY_SCRIPT), 403, "not_permitted")


async def test_whoever_is_logged_in_checks_papers_like_anybody(desk: Desk, browser: Browser) -> None:
    """The verify page sends the cookie along: without the header it is not looked at."""
    issued = await desk.issue()
    await browser.log_in("thinh")
    answer = await browser.client.post("/api/v1/verify", json={"code": issued["code"]}, headers=SAME_ORIGIN)
    assert read(answer, 200)["outcome"] == "in_force"
