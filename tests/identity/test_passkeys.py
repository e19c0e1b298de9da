"""Passkeys and step-up: the limit over two workers, the rules, and a real browser with a virtual authenticator."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from playwright.async_api import Page, expect

from axe import violations
from browsers import Authenticator, open_chromium
from command_line import Khoso
from demo.launching import free_port
from desk import AGENCY, Desk, problem, read
from grounds import Clock, open_client
from identity.browsing import BY_SCRIPT, Browser
from identity.conftest import Assign
from identity.programs import REDIRECT, App, new_system, register
from khoso.caller import Caller
from khoso.config import Config
from samples import house_permit
from threads import served_in_a_thread

OPTIONS = "/api/v1/me/step-up/options"
STEP_UP = f"/api/v1/agencies/{AGENCY}/step-up"


async def owns_a_passkey(desk: Desk, browser: Browser) -> None:
    """Whoever has logged in there; it is only listed, never shown."""
    subject = (await browser.me())["subject"]
    await desk.rows(
        "INSERT INTO passkey VALUES ('\\x01', $1, '\\x02', 0, 'phone', now())", UUID(subject.removeprefix("person:"))
    )


async def test_five_tries_pass_however_many_come_over_two_workers(
    desk: Desk, browser: Browser, config: Config, clock: Clock
) -> None:
    await browser.log_in("thinh")
    await owns_a_passkey(desk, browser)
    headers = BY_SCRIPT | {"cookie": f"__Host-khoso={browser.session}"}
    async with open_client(config, clock) as other:
        answers = await asyncio.gather(
            *(client.post(OPTIONS, headers=headers) for client in (desk.client, other) for _ in range(250))
        )
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] == 5
    assert statuses[200] + statuses[429] + statuses[503] == 500, statuses  # 503: it waited too long for a connection
    problem(await browser.client.post(OPTIONS, headers=BY_SCRIPT), 429, "too_many_attempts")
    clock.forward(timedelta(minutes=15))
    assert (await browser.client.post(OPTIONS, headers=BY_SCRIPT)).status_code == 200


async def test_what_is_no_answer_to_a_challenge_is_refused(desk: Desk, browser: Browser) -> None:
    await browser.log_in("thinh")
    problem(await browser.client.post(OPTIONS, headers=BY_SCRIPT), 422, "invalid_input")
    for credential in ({}, {"id": "AQ"}, {"id": 7}, {"id": "AQ", "rawId": "AQ", "type": "public-key", "response": {}}):
        body = {"name": "phone", "credential": credential}
        await browser.client.post("/api/v1/me/passkeys/options", headers=BY_SCRIPT)
        answer = await browser.client.post("/api/v1/me/passkeys", json=body, headers=BY_SCRIPT)
        assert problem(answer, 422, "invalid_input")[0][0] == "credential"
    await owns_a_passkey(desk, browser)
    problem(
        await browser.client.post("/api/v1/me/passkeys/options", headers=BY_SCRIPT), 403, "step_up_required"
    )  # a stolen session adds none
    problem(await browser.client.delete("/api/v1/me/passkeys/AQ", headers=BY_SCRIPT), 403, "step_up_required")
    for credential in ({}, {"id": "AQ"}, {"id": "AQ", "rawId": "AQ", "type": "public-key", "response": {}}):
        await browser.client.post(OPTIONS, headers=BY_SCRIPT)
        answer = await browser.client.post("/api/v1/me/step-up", json={"credential": credential}, headers=BY_SCRIPT)
        problem(answer, 403, "not_permitted")
    assert (await browser.me())["stepped_up_at"] is None


async def test_who_is_not_known_surely_registers_no_passkey(browser: Browser) -> None:
    await browser.log_in("weak")
    answer = await browser.client.post("/api/v1/me/passkeys/options", headers=BY_SCRIPT)
    problem(answer, 403, "not_permitted")


async def test_who_has_lost_his_passkeys_begins_anew(
    desk: Desk, browser: Browser, khoso: Khoso, config: Config, clock: Clock
) -> None:
    app = App(
        desk,
        await register(
            desk, kind="app", name="App", agency_code="H17", redirect_uris=[REDIRECT], scopes=["vault:read"]
        ),
    )
    tokens = await app.tokens(browser)
    await browser.log_in("thinh")
    await owns_a_passkey(desk, browser)
    subject = (await browser.me())["subject"]
    answer = await browser.client.post("/api/v1/me/passkeys/options", headers=BY_SCRIPT)
    problem(answer, 403, "step_up_required")

    spelled = f"person:{subject.removeprefix('person:').upper()}"
    reset = ("passkeys", "reset", spelled, "--actor", "operator", "--json")
    clock.forward(timedelta(seconds=1))
    assert (await asyncio.to_thread(khoso, *reset, config=config)).answer == {"passkeys": 1, "logins": 2}
    problem(await browser.client.get("/api/v1/me"), 401, "not_authenticated")
    assert (await app.refresh(tokens["refresh_token"])).status_code == 400
    async with open_client(config, clock) as worker:  # one that begins now knows it at once
        answer = await worker.get("/api/v1/me", headers={"authorization": f"Bearer {tokens['access_token']}"})
        problem(answer, 401, "not_authenticated")

    await browser.log_in("thinh")
    answer = await browser.client.post("/api/v1/me/passkeys/options", headers=BY_SCRIPT)
    assert answer.status_code == 200, "his first"
    audited = await desk.rows("SELECT actor, subject FROM audit WHERE act = 'reset_passkeys'")
    assert [tuple(row) for row in audited] == [("operator", subject)]
    for nobody in (f"person:{UUID(int=0)}", "person:thinh", "client:system-1"):
        ended = await asyncio.to_thread(khoso, *reset[:2], nobody, *reset[3:], config=config)
        assert ended.status == 1, nobody


async def test_a_login_that_ends_meanwhile_gets_no_token_and_registers_nothing(desk: Desk, browser: Browser) -> None:
    """Its tokens are good for the second until this worker hears of their end."""
    app = App(
        desk,
        await register(
            desk, kind="app", name="App", agency_code="H17", redirect_uris=[REDIRECT], scopes=["vault:read"]
        ),
    )
    tokens = await app.tokens(browser)
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await desk.client.post("/api/v1/me/passkeys/options", headers=headers)).status_code == 200
    owner = await asyncpg.connect(desk.owner_dsn)
    async with owner.transaction():
        await owner.execute("UPDATE app_login SET ended_at = now()")
        refreshing = asyncio.create_task(app.refresh(tokens["refresh_token"]))
        await asyncio.wait([refreshing], timeout=0.5)
        assert not refreshing.done(), "it waits"
    await owner.close()
    assert (await refreshing).status_code == 400
    body = {"name": "phone", "credential": {}}
    answer = await desk.client.post("/api/v1/me/passkeys", json=body, headers=headers)
    problem(answer, 403, "not_permitted")


async def test_an_agency_asks_its_people_and_not_its_systems(
    desk: Desk, config: Config, clock: Clock, assign: Assign
) -> None:
    administrator = desk.token("assignments:write", agency="H17", subject="administrator")
    answer = await desk.client.put(STEP_UP, json={"acts": ["issue"]}, headers=administrator)
    problem(answer, 403, "step_up_required")
    confirmed = desk.token_of(
        Caller(
            subject="administrator",
            scopes=frozenset({"assignments:write"}),
            agency_code="H17",
            stepped_up_at=int(clock().timestamp()),
        )
    )
    for wrong in ("H17.05.99", "absent"):
        answer = await desk.client.put(f"/api/v1/agencies/{wrong}/step-up", json={"acts": []}, headers=administrator)
        problem(answer, 404, "not_found")
    stranger = desk.token("assignments:write", agency="H17.11", subject="stranger")
    problem(await desk.client.put(STEP_UP, json={"acts": ["issue"]}, headers=stranger), 404, "not_found")
    answer = await desk.client.put(STEP_UP, json={"acts": ["issue", "revoke", "issue"]}, headers=confirmed)
    assert answer.status_code == 204
    for others in ([], ["issue"], ["approve", "revoke"], ["approve", "issue", "revoke"]):
        answer = await desk.client.put(STEP_UP, json={"acts": others}, headers=administrator)
        problem(answer, 403, "step_up_required")
    assert read(await desk.client.get(STEP_UP, headers=administrator), 200) == {"acts": ["issue", "revoke"]}
    system = await new_system(desk)
    await assign(f"client:{system.client_id}", "officer", AGENCY)
    async with open_client(config, clock) as worker:  # one that begins now knows the rules
        officer = desk.officer("credentials:issue") | {"idempotency-key": "1"}
        answer = await worker.post("/api/v1/credentials", json=house_permit(1), headers=officer)
        problem(answer, 403, "step_up_required")
        answer = await worker.post("/api/v1/imports?type_code=KQ.H17.000001", content=b"x", headers=officer)
        problem(answer, 403, "step_up_required")
        acts = "/api/v1/credentials/H17.05.12-261120-000001-KQ1/acts"
        body = {"act": "revoke", "reason_code": "R1", "decision_number": "1"}
        answer = await worker.post(acts, json=body, headers=desk.officer("credentials:change-status"))
        problem(answer, 403, "step_up_required")
        headers = await system.token() | {"idempotency-key": "1"}
        read(await worker.post("/api/v1/credentials", json=house_permit(1), headers=headers), 201)


# ---------------------------------------------------------------- in a real browser


@pytest.fixture
def site(config: Config) -> Iterator[str]:
    """The application on a port of this machine, where browsers do WebAuthn without TLS."""
    origin = f"http://localhost:{free_port()}"
    with served_in_a_thread(msgspec.structs.replace(config, public_url=origin)):
        yield origin


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with open_chromium() as browser:
        context = await browser.new_context(viewport={"width": 320, "height": 640})
        yield await context.new_page()


@pytest.fixture
async def authenticator(page: Page) -> Authenticator:
    return await Authenticator.put_into(page)


SEND = """
async ([method, path, body, key]) => {
  const headers = {"khoso-session": "1", "content-type": "application/json", "idempotency-key": key};
  const answer = await fetch(path, {method, headers, body: body === null ? undefined : JSON.stringify(body)});
  const text = await answer.text();
  return {status: answer.status, body: text === "" ? null : JSON.parse(text)};
}
"""
SHOW = """
async (json) => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(json);
  return (await navigator.credentials.get({publicKey})).toJSON();
}
"""


async def send(page: Page, method: str, path: str, body: object = None, key: str = "-") -> dict[str, Any]:
    """What a script of our own page does."""
    found: dict[str, Any] = await page.evaluate(SEND, [method, path, body, key])
    return found


async def log_in(page: Page, site: str) -> None:
    await page.goto(f"{site}/login")
    await page.get_by_role("button", name="thinh", exact=True).click()
    await page.wait_for_url(f"{site}/account")


async def add_passkey(page: Page, name: str) -> None:
    await page.get_by_label("Tên của khoá mới").fill(name)
    await page.get_by_role("button", name="Thêm khoá truy cập").click()


async def assert_an_old_browser_lists_them_only(page: Page, site: str) -> None:
    """One without WebAuthn, or not of today's form, in which the same person is logged in."""
    old = await page.context.new_page()
    await old.add_init_script("delete globalThis.PublicKeyCredential")
    await old.goto(f"{site}/account")
    await expect(old.locator("#passkeys .told")).to_contain_text("Trình duyệt này không dùng được khoá truy cập")
    await expect(old.locator("#passkeys .rows strong")).to_have_text(["Điện thoại"])
    assert await old.locator("#passkeys").locator("form, summary, button").filter(visible=True).count() == 0
    await old.close()


async def test_passkeys_are_added_and_removed_on_the_account_page(
    site: str, page: Page, authenticator: Authenticator
) -> None:
    told = page.locator("#passkeys .told")
    listed = page.locator("#passkeys .rows strong")
    confirm = page.get_by_role("button", name="Xác nhận bằng khoá")
    await log_in(page, site)
    await expect(page.get_by_text("Bạn chưa có khoá nào.")).to_be_visible()

    await authenticator.recognise(owner=False)
    await add_passkey(page, "Điện thoại")
    await expect(told).to_contain_text("Chưa thực hiện: bạn đã huỷ")
    await authenticator.recognise(owner=True)
    await add_passkey(page, "Điện thoại")
    await expect(told).to_contain_text("Đã thêm khoá truy cập.")
    await expect(listed).to_have_text(["Điện thoại"])
    await expect(page.get_by_text("chưa dùng lần nào")).to_be_visible()

    await page.get_by_text("Xoá khoá này").click()
    await page.get_by_role("button", name="Xoá", exact=True).click()
    await expect(page.get_by_text("Trước khi thêm hoặc xoá, hãy xác nhận")).to_be_visible()
    await expect(confirm).to_be_focused()
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
    await page.get_by_role("button", name="Thôi").click()
    await expect(confirm).to_be_hidden()
    await expect(page.get_by_role("heading", name="Khoá truy cập")).to_be_focused()
    await page.get_by_role("button", name="Xoá", exact=True).click()
    await authenticator.recognise(owner=False)
    await confirm.click()
    await expect(told).to_contain_text("Chưa thực hiện: bạn đã huỷ")
    await authenticator.recognise(owner=True)
    await confirm.click()
    await expect(told).to_contain_text("Đã xoá khoá truy cập.")
    await expect(confirm).to_be_hidden()
    await expect(page.get_by_text("Bạn chưa có khoá nào.")).to_be_visible()

    await add_passkey(page, "Điện thoại")
    await expect(listed).to_have_text(["Điện thoại"])
    await page.locator("#language-en").check()
    await page.get_by_label("Name of the new passkey").fill("The same phone again")
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(told).to_contain_text("This device has a passkey here already.")
    await assert_an_old_browser_lists_them_only(page, site)
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(told).to_contain_text("Your session has ended.")


async def test_an_officer_confirms_with_a_passkey_what_his_agency_asks_for(
    site: str, page: Page, authenticator: Authenticator, config: Config, assign: Assign
) -> None:
    await log_in(page, site)
    subject = (await send(page, "GET", "/api/v1/me"))["body"]["subject"]
    await assign(subject, "officer", AGENCY)
    await assign(subject, "agency_admin", AGENCY)
    assert (await send(page, "PUT", "/api/v1/me/agency", {"agency_code": AGENCY}))["status"] == 204
    conn = await asyncpg.connect(config.database_owner_url)
    await conn.execute("INSERT INTO step_up_rule VALUES ($1, 'issue')", AGENCY)
    await conn.close()

    async def issue(serial: int) -> dict[str, Any]:
        return await send(page, "POST", "/api/v1/credentials", house_permit(serial), str(serial))

    async with asyncio.timeout(30):
        while (refused := await issue(1))["status"] == 201:  # the worker has not heard of the rule yet
            pass
    assert refused["body"]["code"] == "step_up_required"
    assert (await send(page, "PUT", STEP_UP, {"acts": []}))["status"] == 403, "nor is it switched off without one"

    async with page.expect_request(lambda one: one.method == "POST" and one.url.endswith("/passkeys")) as asked:
        await add_passkey(page, "Điện thoại")
    await expect(page.locator("#passkeys .told")).to_contain_text("Đã thêm khoá truy cập.")
    made = (await asked.value).post_data_json
    assert (await send(page, "POST", "/api/v1/me/passkeys", made))["status"] in (403, 422)

    before = (await page.context.cookies())[0]["value"]
    options = (await send(page, "POST", OPTIONS))["body"]
    shown = await page.evaluate(SHOW, options)
    assert (await send(page, "POST", "/api/v1/me/step-up", {"credential": shown}))["status"] == 204
    assert (await page.context.cookies())[0]["value"] != before, "the session has a new cookie"
    assert (await send(page, "POST", "/api/v1/me/step-up", {"credential": shown}))["status"] == 403, "shown before"
    issued = await issue(2)
    assert issued["status"] == 201, issued
    assert (await send(page, "PUT", STEP_UP, {"acts": []}))["status"] == 204
    [passkey] = (await send(page, "GET", "/api/v1/me/passkeys"))["body"]["items"]
    assert passkey["used_at"] is not None
    assert (await send(page, "DELETE", f"/api/v1/me/passkeys/{passkey['passkey_id']}"))["status"] == 204
