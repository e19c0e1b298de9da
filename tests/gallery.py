"""Takes the pictures of docs/gallery anew: every page and the main answers, at four widths, in both languages.

`make gallery` runs it on a demonstration of its own; `make gallery ARGS="account papers"` takes those scenes alone. A
picture is as much as the window shows, in few colours, and all of them together stay below a limit.
"""

import asyncio
import io
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image
from playwright.async_api import BrowserContext, FilePayload, FloatRect, Page

import filming
from browsers import Authenticator, open_chromium
from demo.launching import Demo
from khoso.caller import SCOPES
from khoso.rendering.qr import qr_png
from rendering.degrade import blurred

GALLERY = Path(__file__).parents[1] / "docs" / "gallery"
LANGUAGES = ("vi", "en")
SIZES = {320: 1000, 390: 1000, 768: 1024, 1280: 900}
"""Width of the window and its height."""
COLOURS = 64
MAX_BYTES = 6_000_000
API, LISTS = "**/api/v1/verify", "**/lists/bundle"


@dataclass(frozen=True)
class Stage:
    """One page of a browser before the demonstration, and the papers by slug."""

    page: Page
    origin: str
    papers: Mapping[str, Mapping[str, str]]

    def code(self, slug: str) -> str:
        return self.papers[slug]["code"]


@dataclass(frozen=True)
class Scene:
    """One thing to see."""

    name: str
    shows: str
    prepare: Callable[[Stage], Awaitable[None]]


def opened(path: str) -> Callable[[Stage], Awaitable[None]]:
    async def prepare(stage: Stage) -> None:
        await stage.page.goto(stage.origin + path)

    return prepare


def scanned(slug: str, *away: str) -> Callable[[Stage], Awaitable[None]]:
    """The verify page after a scan, with what does not answer."""

    async def prepare(stage: Stage) -> None:
        for address in away:
            await stage.page.route(address, lambda route: route.abort("internetdisconnected"))
        await stage.page.goto(stage.code(slug))
        await stage.page.locator("#result article.verdict").wait_for()

    return prepare


def looked_up(typed: str) -> Callable[[Stage], Awaitable[None]]:
    async def prepare(stage: Stage) -> None:
        await stage.page.goto(f"{stage.origin}/v")
        await stage.page.locator("#lookup_code").fill(typed)
        await stage.page.locator("#lookup button").click()
        await stage.page.locator("#lookup-problem").wait_for()

    return prepare


async def printed(stage: Stage) -> None:
    await stage.page.emulate_media(media="print")
    await stage.page.goto(f"{stage.origin}/demo/papers")


async def log_in(stage: Stage, who: str) -> None:
    await stage.page.goto(f"{stage.origin}/login")
    await stage.page.get_by_role("button", name=who, exact=True).click()
    await stage.page.wait_for_url(f"{stage.origin}/account")


async def logged_in(stage: Stage) -> None:
    """An officer, who has just added a passkey."""
    await Authenticator.put_into(stage.page)
    await log_in(stage, "can-bo.hai-chau")
    await stage.page.locator("#passkey-name").fill("Điện thoại cơ quan")
    await stage.page.locator("#passkeys form button").click()
    await stage.page.locator("#passkeys .rows strong").wait_for()
    await stage.page.goto(f"{stage.origin}/account#passkeys")
    await stage.page.locator("#passkeys .rows strong").wait_for()


async def reported(stage: Stage) -> None:
    """What inspectors of a ward have reported, as its administrator sees it."""
    await log_in(stage, "quan-tri.hai-chau")
    await stage.page.goto(f"{stage.origin}/reports")
    if await stage.page.locator(".entry").count() == 0:
        await report(stage)
        await reported(stage)


async def report(stage: Stage) -> None:
    """Two papers that do not match, one of them with a photo."""
    page = stage.page
    photo = FilePayload(name="code.png", mimeType="image/png", buffer=qr_png(stage.code("truck-good"), module_px=12))
    await log_in(stage, "thanh-tra.da-nang")
    await page.select_option("#agency_code", "H17.05.12")
    await page.locator("form[action='/account/agency'] button").click()
    await page.get_by_text(SCOPES["inspect"].vi).wait_for(state="attached")  # seen in the chosen language
    for slug, note, photos in (
        ("food-good", "Quán mở ở số 47, giấy ghi số 45.", []),
        ("truck-good", "Biển số trên xe là 43C-123.45, khác với giấy.", [photo]),
    ):
        await open_scanner(stage)
        await page.locator("#session .in").wait_for()
        await page.locator("#code").fill(stage.code(slug))
        await page.locator("#typed button").click()
        await page.locator("[name=match][value=no]").check()
        await page.locator("[name=note]").fill(note)
        await page.locator("[name=photo]").set_input_files(photos)
        async with page.expect_response("**/api/v1/reports"):
            await page.locator("form.report button").click()


async def read_report(stage: Stage) -> None:
    """The newest of them."""
    await reported(stage)
    await stage.page.locator(".entry").first.click()
    await stage.page.locator(".report img").wait_for()


async def open_scanner(stage: Stage) -> None:
    """With today's lists."""
    await stage.page.goto(f"{stage.origin}/scan")
    await stage.page.locator("#lists[data-age=fresh]").wait_for()


def in_the_scanner(
    slug: str, mode: str = "any", *, age: timedelta = timedelta(), change: str = ""
) -> Callable[[Stage], Awaitable[None]]:
    """After a scan: of a kind that is being checked, so long after the lists were fetched, of a code changed so."""

    async def prepare(stage: Stage) -> None:
        page = stage.page
        await open_scanner(stage)
        await page.locator(f"[name=mode][value={mode}]").check()
        if age:
            await page.route(API, lambda route: route.abort("internetdisconnected"))
            await page.route(LISTS, lambda route: route.abort("internetdisconnected"))
            await page.clock.set_fixed_time(datetime.now().astimezone() + age)
            await page.reload()
            await page.locator("#scanner[data-ready]").wait_for()
        await page.locator("#code").fill(stage.code(slug).replace("/v#", f"{change}/v#"))
        await page.locator("#typed button").click()
        await page.locator("#result article.verdict").wait_for()
        await page.wait_for_timeout(700)  # the server's word

    return prepare


async def without_a_network(stage: Stage) -> None:
    """Off line, with lists of just now."""
    await open_scanner(stage)
    await stage.page.route(API, lambda route: route.abort("internetdisconnected"))
    await stage.page.context.set_offline(True)
    await stage.page.locator("#code").fill(stage.code("fishing-good"))
    await stage.page.locator("#typed button").click()
    await stage.page.locator("#result article.verdict").wait_for()


async def at_rest(stage: Stage) -> None:
    """As it is where the browser has not yet been asked for the camera."""
    await before_the_camera(stage)
    await stage.page.locator("#stop").click()


async def before_the_camera(stage: Stage) -> None:
    """The viewfinder, with a code that is out of focus."""
    await open_scanner(stage)
    await stage.page.locator("#scanner[data-state=scanning]").wait_for()
    await stage.page.wait_for_timeout(500)


SCENES = (
    Scene("home", "the first page", opened("/")),
    Scene("look-up", "the verify page without a code: typing the look-up code", opened("/v")),
    Scene("look-up-mistyped", "a look-up code that was mistyped", looked_up("H17.05.12-261123-000123-KQ1 7K3M9Y")),
    Scene("verify-in-force", "green: a lorry's permit, and the plate to compare", scanned("truck-good")),
    Scene("verify-expires-soon", "green: a certificate near its end", scanned("food-expiring")),
    Scene("verify-expired", "red: a guide's card past its end", scanned("guide-expired")),
    Scene("verify-suspended", "red: a fishing licence suspended", scanned("fishing-suspended")),
    Scene("verify-revoked", "red: a building permit revoked, with reason, decision and time", scanned("house-revoked")),
    Scene("verify-superseded", "red: a building permit with a newer one in its place", scanned("house-superseded")),
    Scene("verify-not-issued", "red: signed with a real key but never recorded", scanned("guide-unrecorded")),
    Scene("verify-not-genuine", "red: signed with a stranger's key", scanned("truck-forged")),
    Scene("verify-offline", "amber: the browser alone, by the lists it has", scanned("truck-good", API)),
    Scene("verify-cannot-tell", "grey: no server and no lists", scanned("truck-good", API, LISTS)),
    Scene("scan", "the scanner before it is used", at_rest),
    Scene("scan-camera", "the scanner with its camera on", before_the_camera),
    Scene("scan-vehicle", "checking vehicles: this lorry, this street, now?", in_the_scanner("truck-good", "vehicle")),
    Scene("scan-premises", "checking premises: the address to compare", in_the_scanner("food-good", "premises")),
    Scene("scan-vessel", "checking vessels: licence replaced", in_the_scanner("fishing-superseded", "vessel")),
    Scene("scan-person", "checking persons: a guide's card", in_the_scanner("guide-good", "person")),
    Scene("scan-other-kind", "checking vehicles: the paper is for premises", in_the_scanner("food-good", "vehicle")),
    Scene("scan-offline", "off line with fresh lists", without_a_network),
    Scene("scan-amber", "amber: lists older than four hours", in_the_scanner("truck-good", age=timedelta(hours=6))),
    Scene("scan-grey", "grey: lists older than a day", in_the_scanner("truck-good", age=timedelta(hours=30))),
    Scene(
        "scan-look-alike",
        "red: a look-alike of the official address",
        in_the_scanner("truck-good", change=".vn-gov.example"),
    ),
    Scene("papers", "the papers to scan", opened("/demo/papers")),
    Scene("papers-printed", "and as a printer gives them", printed),
    Scene("papers-guide", "each paper explained", opened("/demo/papers/guide")),
    Scene("papers-guide-forged", "a forgery explained", opened("/demo/papers/guide#not_genuine-unknown_key")),
    Scene("account", "the account page of somebody who is not logged in", opened("/account")),
    Scene("account-passkeys", "an officer's account: passkeys listed and added", logged_in),
    Scene(
        "reports", "what inspectors report of papers that do not match, as the ward's administrator sees it", reported
    ),
    Scene("reports-one", "one report with its photo", read_report),
    Scene("api", "the API as people read it", opened("/docs/api")),
    Scene("missing", "an address that was mistyped", opened("/tra-cuu")),
)


async def main(names: Sequence[str]) -> None:
    """Write these scenes, or without any name all of them, and the index anew. Raises KeyError for an unknown one.

    Nothing that was there before goes until all of them are taken.
    """
    by_name = {scene.name: scene for scene in SCENES}
    scenes = [by_name[name] for name in names or by_name]
    room = Path(tempfile.mkdtemp(prefix="khoso-gallery-"))
    demo = Demo(room)
    try:
        demo.start()
        demo.wait_ready()
        taken = room / "taken"
        taken.mkdir()
        await take(scenes, demo, room, taken)
        if not names:
            shutil.rmtree(GALLERY, ignore_errors=True)
        shutil.copytree(taken, GALLERY, dirs_exist_ok=True)
    finally:
        demo.end()
        shutil.rmtree(room)
    (GALLERY / "README.md").write_text("".join(index()), "utf-8")
    size = sum(file.stat().st_size for file in GALLERY.iterdir())
    print(f"{len(scenes) * len(LANGUAGES) * len(SIZES)} pictures; all are {size:,} bytes")
    if size > MAX_BYTES:
        raise SystemExit(f"more than {MAX_BYTES:,} bytes")


async def take(scenes: Sequence[Scene], demo: Demo, room: Path, into: Path) -> None:
    papers = {paper["slug"]: paper for paper in json.loads(demo.places.papers.read_bytes())["papers"]}
    film = room / "desk.y4m"
    still = filming.CONDITIONS["still"]
    paper = Image.open(io.BytesIO(qr_png(papers["truck-good"]["code"], module_px=filming.MODULE_PX)))
    filming.write_film(film, [paper], lambda code, chance: blurred(still(code, chance), radius_px=9))
    async with open_chromium(*filming.before(film)) as browser:
        for language in LANGUAGES:
            for scene in scenes:
                context = await browser.new_context(
                    permissions=["camera"], viewport={"width": 390, "height": SIZES[390]}
                )
                async with in_language(context, demo.origin, language) as page:
                    await scene.prepare(Stage(page, demo.origin, papers))
                    for width, height in SIZES.items():
                        await page.set_viewport_size({"width": width, "height": height})
                        await save(page, into / file_name(scene.name, language, width))
                await context.close()


@asynccontextmanager
async def in_language(context: BrowserContext, origin: str, language: str) -> AsyncIterator[Page]:
    page = await context.new_page()
    await page.goto(origin)
    await page.locator(f"#language-{language}").check()
    yield page


async def save(page: Page, path: Path) -> None:
    """As much of the page as fits its window, never more than there is."""
    assert page.viewport_size is not None
    height = min(await page.evaluate("document.body.scrollHeight"), page.viewport_size["height"])
    shot = await page.screenshot(clip=FloatRect(x=0, y=0, width=page.viewport_size["width"], height=height))
    picture = (
        Image.open(io.BytesIO(shot))
        .convert("RGB")
        .quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    )
    picture.convert("RGB").save(path, lossless=True, method=4)


def file_name(scene: str, language: str, width: int) -> str:
    return f"{scene}.{language}.{width}.webp"


def index() -> Iterator[str]:
    """The page that leads to all pictures."""
    yield (
        "# Gallery\n\nWhat people see, taken by `make gallery` from a demonstration. All people, firms and numbers in "
        "it are invented.\n\nEach picture in both languages, at the widths of a small phone, a phone, a tablet and a "
        "desk.\n\n"
        "| | What it shows | Tiếng Việt | English |\n|---|---|---|---|\n"
    )
    for scene in SCENES:
        small = f'<img src="{file_name(scene.name, "vi", 390)}" width="160" alt="{scene.shows}">'
        links = [" · ".join(f"[{w}]({file_name(scene.name, one, w)})" for w in SIZES) for one in LANGUAGES]
        yield f"| {small} | **{scene.name}**: {scene.shows} | {links[0]} | {links[1]} |\n"


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
