"""The scanner of a signed-in inspector: checks without a network are handed over once, and mismatches reported."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import FilePayload, Page, Route, expect

from demo_site import Site
from khoso.embedded import EmbeddedPostgres
from khoso.rendering.qr import qr_png
from scanning import paste, refresh, restart_off_line
from tokens import bearer

pytestmark = pytest.mark.asyncio(loop_scope="session")

ME = {"subject": "inspector-3", "name": "Trần Thị Kiểm", "scopes": ["inspect"]}


class Server:
    """The server as an inspector's browser reaches it. Its answers can be lost on the way."""

    def __init__(self, authorization: dict[str, str], dsn: str) -> None:
        self._authorization = authorization
        self._dsn = dsn
        self.lost = 0
        self.bodies: list[bytes] = []

    async def on_me(self, route: Route) -> None:
        await route.fulfill(json=ME)

    async def on_post(self, route: Route) -> None:
        assert route.request.headers["khoso-session"]
        self.bodies.append(route.request.post_data_buffer or b"")
        answer = await route.fetch(headers=route.request.headers | self._authorization)
        if self.lost > 0:
            self.lost -= 1
            await route.abort("connectionreset")
        else:
            await route.fulfill(response=answer)

    async def count(self, sql: str) -> int:
        conn = await asyncpg.connect(self._dsn)
        counted: int = await conn.fetchval(sql)
        await conn.close()
        return counted


SCANS = "SELECT count(*) FROM scan WHERE inspector = 'inspector-3'"
REPORTS = "SELECT count(*) FROM mismatch_report WHERE reporter = 'inspector-3'"


@pytest_asyncio.fixture(loop_scope="session")
async def behind(site: Site, phone: Page, key_dir: Path, server: EmbeddedPostgres) -> AsyncIterator[Server]:
    """A server at which the phone's owner is signed in, and the scanner installed on the phone."""
    token = bearer(key_dir, datetime.now(UTC), "inspect", agency="H17.15", subject="inspector-3", origin=site.origin)
    made = Server(token, server.dsn("khoso_pages"))
    await phone.route("**/api/v1/me", made.on_me)
    for path in ("scans", "reports", "verify"):
        await phone.route(f"**/api/v1/{path}", made.on_post)
    await phone.goto(f"{site.origin}/scan")
    await expect(phone.locator("#scanner[data-installed=true]")).to_be_visible()
    await expect(phone.locator("#session")).to_contain_text("Trần Thị Kiểm")
    yield made
    await phone.context.set_offline(False)


async def test_scans_without_a_network_are_recorded_once_though_answers_are_lost(
    site: Site, phone: Page, behind: Server
) -> None:
    before = await behind.count(SCANS)
    await restart_off_line(phone)
    for slug in ("truck-good", "house-good"):
        await paste(phone, site.papers[slug].code)
    await paste(phone, "https://kho.example/v#1")
    await phone.locator("#next").click()
    await expect(phone.locator("#waiting")).to_contain_text("2")
    behind.lost = 1
    await phone.context.set_offline(False)
    await refresh(phone)  # it does so by itself too, as soon as it hears of the network
    await refresh(phone)
    await expect(phone.locator("#waiting")).to_be_hidden()
    assert await behind.count(SCANS) == before + 2
    assert len(behind.bodies) == 2, "one whose answer was lost, and the same again"
    assert behind.bodies[0] == behind.bodies[1]


async def test_with_a_network_the_check_is_made_in_the_inspector_s_name(
    site: Site, phone: Page, behind: Server
) -> None:
    before = await behind.count(SCANS)
    await paste(phone, site.papers["truck-good"].code)
    await expect(phone.locator("#result article")).to_have_attribute("data-source", "by-both")
    await phone.locator("#next").click()
    await expect(phone.locator("#waiting")).to_be_hidden()
    assert await behind.count(SCANS) == before + 1


async def test_a_mismatch_is_reported_with_a_photo_when_there_is_a_network(
    site: Site, phone: Page, behind: Server
) -> None:
    before = await behind.count(REPORTS)
    await restart_off_line(phone)
    await paste(phone, site.papers["truck-good"].code)
    await phone.get_by_role("radio", name="Không khớp").check()
    photo = FilePayload(name="a.png", mimeType="image/png", buffer=qr_png("a photo", module_px=9))
    await phone.locator("[name=photo]").set_input_files(photo)
    await phone.get_by_label("Điều không khớp").fill("Biển số trên xe là 43C-000.00")
    await phone.get_by_role("button", name="Gửi báo cáo").click()
    await expect(phone.get_by_text("Đã ghi nhận báo cáo")).to_be_visible()
    assert behind.bodies == []
    await phone.context.set_offline(False)
    async with phone.expect_response("**/api/v1/reports"):
        await refresh(phone)
    sent = json.loads(behind.bodies[-1])
    assert sent["note"] == "Biển số trên xe là 43C-000.00"
    assert sent["photo"].startswith(b64encode(b"\xff\xd8\xff").decode())  # a JPEG, drawn anew on the phone
    assert await behind.count(REPORTS) == before + 1


async def test_whoever_is_not_signed_in_leaves_nothing_and_reports_nothing(site: Site, phone: Page) -> None:
    await phone.route("**/api/v1/me", lambda route: route.fulfill(status=401))
    await phone.goto(f"{site.origin}/scan")
    await expect(phone.locator("#scanner[data-installed=true]")).to_be_visible()
    await expect(phone.get_by_role("link", name="Đăng nhập")).to_be_visible()
    await phone.context.set_offline(True)
    await paste(phone, site.papers["truck-good"].code)
    await phone.get_by_role("radio", name="Không khớp").check()
    await expect(phone.locator(".match p[data-when=no]")).to_be_visible()
    await expect(phone.locator("form.report")).to_be_hidden()
    await phone.locator("#next").click()
    await expect(phone.locator("#waiting")).to_be_hidden()
