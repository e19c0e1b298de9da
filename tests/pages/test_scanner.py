"""The scanner in a real Chromium: installed once, then off line, with old lists, wrong clocks and foreign codes."""

import gzip
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import FilePayload, Page, Route, expect

from demo_site import Site
from khoso.formats import bundle, claims, cose, link, status_token
from khoso.formats.documents import PublicKeys, seal
from khoso.formats.status_list import Status, compress
from khoso.formats.status_token import unseal_status
from khoso.formats.trust_list import unseal_trust
from khoso.formats.verdict import Outcome
from khoso.pages.assets import asset_url
from khoso.pages.scanner import _FILES as WHOLE
from khoso.pages.scanner import scanner_page
from khoso.rendering.qr import qr_png
from khoso.signing.files import KeyFiles
from khoso.times import VIETNAM
from scanning import LISTS, paste, refresh, restart_off_line, set_clock, shown

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIRST_LOAD_BYTES = 350_000
HOUR = timedelta(hours=1)


@pytest_asyncio.fixture(loop_scope="session")
async def scanner(site: Site, phone: Page) -> AsyncIterator[Page]:
    """The scanner, installed."""
    await phone.goto(f"{site.origin}/scan")
    await expect(phone.locator("#scanner[data-installed=true]")).to_be_visible()
    yield phone
    await phone.context.set_offline(False)


async def test_installed_it_starts_and_judges_without_a_network(site: Site, scanner: Page) -> None:
    await restart_off_line(scanner)
    await paste(scanner, site.papers["truck-good"].code)
    assert await shown(scanner) == ("in_force", "green")
    await expect(scanner.get_by_text("Ngoại tuyến: chưa kiểm tra thu hồi")).to_be_visible()
    await expect(scanner.locator("#lists")).to_have_attribute("data-age", "fresh")


async def test_a_picture_is_read_without_a_network(site: Site, scanner: Page) -> None:
    await restart_off_line(scanner)
    paper = site.paper(Outcome.SUSPENDED)
    picture = FilePayload(name="paper.png", mimeType="image/png", buffer=qr_png(paper.code or "", module_px=6))
    await scanner.locator("#picture").set_input_files(picture)
    await expect(scanner.locator("article.verdict")).to_have_attribute("data-outcome", "suspended")


AGES = {
    3 * HOUR: ("fresh", "in_force", "green"),
    5 * HOUR: ("old", "in_force_offline", "amber"),
    25 * HOUR: ("stale", "cannot_tell", "grey"),
}


@pytest.mark.parametrize("age", AGES)
async def test_old_lists_make_no_green(site: Site, scanner: Page, age: timedelta) -> None:
    await set_clock(scanner, age)
    await restart_off_line(scanner)
    held, outcome, colour = AGES[age]
    await expect(scanner.locator("#lists")).to_have_attribute("data-age", held)
    await expect(scanner.locator("[data-notice=old]")).to_be_visible(visible=held != "fresh")
    await paste(scanner, site.papers["house-good"].code)
    assert await shown(scanner) == (outcome, colour)
    await paste(scanner, site.paper(Outcome.SUSPENDED).code)
    assert await shown(scanner) == ("suspended", "red")


async def test_a_clock_set_back_makes_no_green_until_the_server_tells_the_time(site: Site, scanner: Page) -> None:
    await set_clock(scanner, 25 * HOUR)
    await restart_off_line(scanner)
    await expect(scanner.locator("#lists")).to_have_attribute("data-age", "stale")
    await set_clock(scanner, HOUR)
    await scanner.reload()
    await expect(scanner.locator("[data-notice=clock]")).to_be_visible()
    await paste(scanner, site.papers["house-good"].code)
    assert await shown(scanner) == ("cannot_tell", "grey")
    await expect(scanner.get_by_text("Đồng hồ của máy này đã bị lùi so với")).to_be_visible()
    await scanner.context.set_offline(False)
    await expect(scanner.locator("[data-notice=clock]")).to_be_hidden()
    await scanner.context.set_offline(True)
    await paste(scanner, site.papers["house-good"].code)
    assert await shown(scanner) == ("in_force", "green")


@dataclass(frozen=True)
class Newer:
    """Lists as they are published, and newer ones by which a paper is withdrawn."""

    published: bytes
    newer: bytes
    withdrawn: str


@pytest.fixture(scope="session")
def newer(site: Site, key_dir: Path) -> Newer:
    published = httpx.get(f"{site.origin}/lists/bundle").content
    opened = bundle.decode(published)
    keys = KeyFiles(key_dir)
    publisher = keys.publisher_signer()
    trust = unseal_trust(opened.trust, keys.roots(), site.origin)
    code = site.papers["house-good"].code or ""
    ref = claims.decode(cose.parse(link.parse(code, site.origin)).unverified_payload).status
    [signed] = opened.statuses
    token = unseal_status(signed, trust.publishers, site.origin)
    statuses = token.statuses
    statuses[ref.status_index] = Status.INVALID
    changed = replace(token, version=token.version + 1, compressed=compress(statuses))
    resealed = seal(status_token.PROFILE, publisher.kid, status_token.encode(changed), publisher.sign)
    return Newer(published, bundle.encode(replace(opened, statuses=(resealed,))), code)


async def serve_lists(page: Page, lists: bytes) -> None:
    async def answer(route: Route) -> None:
        await route.fulfill(body=lists, headers={"etag": f'"{len(lists)}"', "content-type": "application/cbor"})

    await page.unroute(LISTS)
    await page.route(LISTS, answer)


async def test_older_lists_are_refused_and_the_withdrawal_stays_known(scanner: Page, newer: Newer) -> None:
    await serve_lists(scanner, newer.newer)
    await refresh(scanner)
    await serve_lists(scanner, newer.published)
    await refresh(scanner)
    await expect(scanner.locator("[data-notice=refused]")).to_be_visible()
    await restart_off_line(scanner)
    await paste(scanner, newer.withdrawn)
    assert await shown(scanner) == ("not_issued", "red")


async def test_two_tabs_share_the_newest_lists(site: Site, scanner: Page, newer: Newer) -> None:
    other = await scanner.context.new_page()
    await other.goto(f"{site.origin}/scan")
    await expect(other.locator("#scanner[data-ready=true]")).to_be_visible()
    await serve_lists(scanner, newer.newer)
    await refresh(scanner)
    await other.context.set_offline(True)
    await paste(other, newer.withdrawn)
    await expect(other.locator("#result article")).to_have_attribute("data-outcome", "not_issued")
    await other.context.set_offline(False)
    await serve_lists(other, newer.published)
    await refresh(other)
    await expect(other.locator("[data-notice=refused]")).to_be_visible()
    await restart_off_line(scanner)
    await paste(scanner, newer.withdrawn)
    assert await shown(scanner) == ("not_issued", "red")


async def test_cleared_storage_is_told_and_nothing_is_green(site: Site, scanner: Page) -> None:
    await scanner.goto(f"{site.origin}/healthz")  # nothing holds the storage open
    await scanner.evaluate("new Promise((done) => { indexedDB.deleteDatabase('khoso-scanner').onsuccess = done })")
    await scanner.context.set_offline(True)
    await scanner.goto(f"{site.origin}/scan")
    await expect(scanner.locator("[data-notice=none]")).to_be_visible()
    await expect(scanner.locator("#lists")).to_have_attribute("data-age", "none")
    await paste(scanner, site.papers["house-good"].code)
    assert await shown(scanner) == ("cannot_tell", "grey")
    await expect(scanner.get_by_text("Máy này không có danh sách khoá ký nào")).to_be_visible()
    await paste(scanner, "https://kho.example/v#1234")
    assert await shown(scanner) == ("not_an_official_code", "red")
    await scanner.context.set_offline(False)
    await expect(scanner.locator("[data-notice=none]")).to_be_hidden()


OTHERS = (
    "HTTP://{host}/v#{digits}",
    "http://xn--{host}/v#{digits}",
    "{origin}.evil.example/v#{digits}",
    "{origin}@evil.example/v#{digits}",
    "{origin}./v#{digits}",
    "{origin}:80/v#{digits}",
    "{origin}/w#{digits}",
    "{origin}/v#\u202e{digits}",
    "javascript:alert(1)#{digits}",
    "<img src=x onerror=alert(1)>#{digits}",
)


async def test_another_s_code_is_red_and_goes_nowhere(site: Site, scanner: Page) -> None:
    asked: list[str] = []
    scanner.on("request", lambda request: asked.append(request.url.removeprefix(site.origin)))
    digits = (site.papers["house-good"].code or "").partition("#")[2]
    for tampered in OTHERS:
        text = tampered.format(origin=site.origin, host=site.origin.removeprefix("http://"), digits=digits)
        await paste(scanner, text)
        outcome, colour = await shown(scanner)
        assert (outcome in ("not_an_official_code", "malformed"), colour) == (True, "red"), tampered
        assert scanner.url == f"{site.origin}/scan"
        assert await scanner.locator("#result a").count() == 0
    assert [path for path in asked if not path.startswith(("/lists/", "/assets/", "/scan"))] == []


async def test_with_a_network_the_server_has_the_last_word(site: Site, scanner: Page) -> None:
    await paste(scanner, site.papers["house-revoked"].code)
    article = scanner.locator("#result article")
    await expect(article).to_have_attribute("data-source", "by-both")
    await expect(article).to_have_attribute("data-outcome", "revoked")
    await expect(scanner.locator(".withdrawal")).to_be_visible()


async def test_a_look_up_code_is_asked_of_the_server(site: Site, scanner: Page) -> None:
    paper = site.papers["house-good"]
    await paste(scanner, paper.lookup_code)
    assert await shown(scanner) == ("in_force", "green")
    await paste(scanner, (paper.lookup_code or "")[:-1] + "?")
    assert await shown(scanner) == ("malformed", "red")
    await expect(scanner.get_by_text("Gõ chưa đúng mã tra cứu")).to_be_visible()
    await scanner.context.set_offline(True)
    await paste(scanner, paper.lookup_code)
    assert (await shown(scanner))[1] == "grey"


async def test_a_picture_without_a_code_or_with_two_is_told(site: Site, scanner: Page) -> None:
    codes = [site.papers[slug].code or "" for slug in ("house-good", "truck-good")]
    blank, double = Image.new("L", (400, 400), 255), Image.new("L", (1400, 700), 255)
    for place, code in enumerate(codes):
        double.paste(Image.open(io.BytesIO(qr_png(code, module_px=8))).resize((600, 600)), (700 * place + 50, 50))
    await upload(scanner, blank)
    await expect(scanner.locator("[data-notice=unread]")).to_be_visible()
    await upload(scanner, double)
    await expect(scanner.locator("[data-notice=several]")).to_be_visible()
    await expect(scanner.locator("#result article")).to_have_count(0)


async def upload(page: Page, picture: Image.Image) -> None:
    content = io.BytesIO()
    picture.save(content, "PNG")
    await page.locator("#picture").set_input_files(
        FilePayload(name="a.png", mimeType="image/png", buffer=content.getvalue())
    )


def drives_at(moment: datetime) -> bool:
    """Whether the hours of `truck-good` hold then: 09:00-15:30 and 20:00-06:00."""
    minutes = moment.hour * 60 + moment.minute
    return 9 * 60 <= minutes < 15 * 60 + 30 or minutes >= 20 * 60 or minutes < 6 * 60


async def test_this_truck_this_street_now(site: Site, scanner: Page) -> None:
    await scanner.context.set_offline(True)
    card = scanner.locator(".allowed-now")
    start = datetime.now(VIETNAM)  # within ten hours it is both, at any time of day; after 24 the lists would be stale
    moments = [start + HOUR * quarters / 4 for quarters in range(4 * 11)]
    first = {drives: next(moment for moment in moments if drives_at(moment) is drives) for drives in (True, False)}
    for drives, moment in sorted(first.items(), key=lambda item: item[1]):
        await scanner.context.clock.set_fixed_time(moment)
        await paste(scanner, site.papers["truck-good"].code)
        await expect(card).to_have_attribute("data-allowed", "choose" if drives else "not-now")
        if drives:
            await card.get_by_role("radio", name="Trần Phú").check()
            await expect(card).to_have_attribute("data-allowed", "yes")
            await card.get_by_role("radio", name="Đường khác").check()
            await expect(card).to_have_attribute("data-allowed", "not-here")
            await expect(card.get_by_text("Đường này không có trong giấy")).to_be_visible()


async def test_a_paper_of_another_kind_is_told(site: Site, scanner: Page) -> None:
    await scanner.get_by_role("radio", name="Tàu").check()
    await paste(scanner, site.papers["truck-good"].code)
    await expect(scanner.get_by_text("Giấy này dành cho loại đối tượng khác")).to_be_visible()
    await scanner.reload()
    await expect(scanner.get_by_role("radio", name="Tàu")).to_be_checked()
    await paste(scanner, site.paper(Outcome.IN_FORCE, "fishing").code)
    await expect(scanner.get_by_text("Giấy này dành cho loại đối tượng khác")).to_have_count(0)


EVERYTHING_KEPT = """async () => {
  const open = indexedDB.open("khoso-scanner");
  await new Promise((done) => { open.onsuccess = done; });
  const all = await new Promise((done) => {
    const asked = open.result.transaction("history").objectStore("history").getAll();
    asked.onsuccess = () => done(asked.result);
  });
  open.result.close();
  return JSON.stringify([all, { ...localStorage }, location.href, document.title]);
}"""


async def test_the_history_holds_no_code_and_is_cleared_at_a_touch(site: Site, scanner: Page) -> None:
    await scanner.context.set_offline(True)
    code = site.papers["truck-good"].code or ""
    await paste(scanner, code)
    await scanner.locator("#next").click()
    await scanner.get_by_text("Đã quét trên máy này").click()
    await expect(scanner.locator("#history li")).to_have_count(1)
    await expect(scanner.locator("#history li")).to_contain_text(site.papers["truck-good"].fields[0].shown.vi)
    assert code.partition("#")[2][:40] not in await scanner.evaluate(EVERYTHING_KEPT)
    await set_clock(scanner, 8 * 24 * HOUR)
    await paste(scanner, site.papers["house-good"].code)
    await scanner.locator("#next").click()
    await expect(scanner.locator("#history li")).to_have_count(1)  # the other is older than a week
    await scanner.get_by_role("button", name="Xoá lịch sử").click()
    await expect(scanner.locator("#history")).to_be_hidden()


async def test_a_camera_that_is_refused_is_told(scanner: Page) -> None:
    await scanner.get_by_role("button", name="Bật máy ảnh").click()
    await expect(scanner.locator("#scanner")).to_have_attribute("data-state", re.compile("denied|absent"))
    await expect(scanner.locator(".finder .off p:visible")).to_have_count(1)


LOOK_FOR_ANOTHER_VERSION = """async () => {
  const registration = await navigator.serviceWorker.getRegistration("/scan");
  await registration.update().catch(() => null);
  while (registration.installing) await new Promise((done) => setTimeout(done, 50));
}"""


async def test_another_version_is_installed_whole_and_not_while_off_line(
    site: Site, scanner: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def newer_page(roots: PublicKeys) -> bytes:
        return scanner_page(roots).replace(b"<body", b"<body data-version=newer")

    newer_version = scanner.locator("body[data-version=newer]")
    monkeypatch.setattr("khoso.pages.routes.scanner_page", newer_page)
    monkeypatch.setattr("khoso.pages.scanner.scanner_page", newer_page)
    await restart_off_line(scanner)
    await expect(newer_version).to_have_count(0)
    monkeypatch.setattr("khoso.pages.scanner._FILES", ("khoso.css", "missing"))
    monkeypatch.setattr("khoso.pages.scanner.asset_url", lambda name: f"/assets/{name}")
    await scanner.context.set_offline(False)
    await scanner.evaluate(LOOK_FOR_ANOTHER_VERSION)
    await restart_off_line(scanner)
    await expect(newer_version).to_have_count(0)
    monkeypatch.setattr("khoso.pages.scanner._FILES", WHOLE)
    monkeypatch.setattr("khoso.pages.scanner.asset_url", asset_url)
    await scanner.context.set_offline(False)
    await scanner.reload()
    await expect(newer_version).to_be_visible()
    await restart_off_line(scanner)
    await expect(newer_version).to_be_visible()


async def test_the_scanner_weighs_little(site: Site, phone: Page) -> None:
    asked: set[str] = set()
    phone.on("response", lambda response: asked.add(response.url))
    await phone.goto(f"{site.origin}/scan")
    await expect(phone.locator("#scanner[data-installed=true]")).to_be_visible()
    light = [url for url in asked if not url.endswith(".wasm")]
    weights = {url: len(gzip.compress(await (await phone.request.get(url)).body())) for url in light}
    assert any("scanner." in url for url in weights)
    assert any("lists/bundle" in url for url in weights)
    assert sum(weights.values()) < FIRST_LOAD_BYTES, weights
