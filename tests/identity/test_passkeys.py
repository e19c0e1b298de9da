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
from playwright.async_api import Page

from browsers import open_chromium
from conftest import Clock, open_client
from demo.launching import free_port
from desk import AGENCY, Desk, problem, read
from identity.browsing import BY_SCRIPT, Browser
from identity.conftest import Assign
from identity.programs import new_system
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


async def test_an_agency_asks_its_people_and_not_its_systems(
    desk: Desk, config: Config, clock: Clock, assign: Assign
) -> None:
    administrator = desk.token("assignments:write", agency="H17", subject="administrator")
    for wrong in ("H17.05.99", "absent"):
        answer = await desk.client.put(f"/api/v1/agencies/{wrong}/step-up", json={"acts": []}, headers=administrator)
        problem(answer, 404, "not_found")
    stranger = desk.token("assignments:write", agency="H17.11", subject="stranger")
    problem(await desk.client.put(STEP_UP, json={"acts": ["issue"]}, headers=stranger), 404, "not_found")
    answer = await desk.client.put(STEP_UP, json={"acts": ["issue", "revoke", "issue"]}, headers=administrator)
    assert answer.status_code == 204
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
    """A browser with a phone's authenticator in it."""
    async with open_chromium() as browser:
        page = await browser.new_page()
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("WebAuthn.enable")
        authenticator = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": authenticator})
        yield page


SEND = """
async ([method, path, body, key]) => {
  const headers = {"khoso-session": "1", "content-type": "application/json", "idempotency-key": key};
  const answer = await fetch(path, {method, headers, body: body === null ? undefined : JSON.stringify(body)});
  const text = await answer.text();
  return {status: answer.status, body: text === "" ? null : JSON.parse(text)};
}
"""
MAKE = """
async (json) => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(json);
  return (await navigator.credentials.create({publicKey})).toJSON();
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


async def test_an_officer_confirms_with_a_passkey_what_his_agency_asks_for(
    site: str, page: Page, config: Config, assign: Assign
) -> None:
    await page.goto(f"{site}/login")
    await page.get_by_role("button", name="thinh", exact=True).click()
    await page.wait_for_url(f"{site}/account")
    subject = (await send(page, "GET", "/api/v1/me"))["body"]["subject"]
    await assign(subject, "officer", AGENCY)
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

    options = (await send(page, "POST", "/api/v1/me/passkeys/options"))["body"]
    made = await page.evaluate(MAKE, options)
    registered = await send(page, "POST", "/api/v1/me/passkeys", {"name": "Điện thoại", "credential": made})
    assert registered["status"] == 201, registered
    assert (await send(page, "POST", "/api/v1/me/passkeys", {"name": "x", "credential": made}))["status"] in (403, 422)

    before = (await page.context.cookies())[0]["value"]
    options = (await send(page, "POST", OPTIONS))["body"]
    shown = await page.evaluate(SHOW, options)
    assert (await send(page, "POST", "/api/v1/me/step-up", {"credential": shown}))["status"] == 204
    assert (await page.context.cookies())[0]["value"] != before, "the session has a new cookie"
    assert (await send(page, "POST", "/api/v1/me/step-up", {"credential": shown}))["status"] == 403, "shown before"
    issued = await issue(2)
    assert issued["status"] == 201, issued
    [passkey] = (await send(page, "GET", "/api/v1/me/passkeys"))["body"]["items"]
    assert passkey["used_at"] is not None
    assert (await send(page, "DELETE", f"/api/v1/me/passkeys/{passkey['passkey_id']}"))["status"] == 204
