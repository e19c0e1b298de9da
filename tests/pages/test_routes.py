"""The pages as answers: what they say, what they forbid the browser, and what never stands in an address."""

import re
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from grounds import Clock
from khoso.formats import lookup
from khoso.pages.assets import asset_url, assets
from khoso.pages.routes import page_handlers
from khoso.verification.service import LOOKUP_FAILURES_PER_HOUR
from samples import house_permit
from tokens import bearer

PAGES = ("/", "/v", "/docs/api")
ATTACK = '"><script>alert(1)</script>'


class Inline(HTMLParser):
    """Collects whatever a strict policy would have to forbid."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("style", "iframe", "object", "base") or (tag == "script" and "src" not in given):
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        self.found += [f"{tag} {url}" for url in (given.get("src"), given.get("href")) if _leaves_the_site(url)]


def _leaves_the_site(url: str | None) -> bool:
    return url is not None and not (url.startswith("#") or re.match(r"/(?!/)", url))


async def look_up(client: httpx.AsyncClient, typed: str) -> httpx.Response:
    return await client.post("/v/lookup", data={"lookup_code": typed})


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_has_nothing_inline_and_names_no_other_site(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    inline = Inline()
    inline.feed(page.text)
    assert inline.found == []


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_forbids_what_it_does_not_need(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    policy = dict(part.partition(" ")[::2] for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert "set-cookie" not in headers
    assert len(headers.get_list("content-security-policy")) == 1


@pytest.mark.parametrize("path", PAGES)
async def test_an_unchanged_page_is_not_sent_again(client: httpx.AsyncClient, path: str) -> None:
    first = await client.get(path)
    again = await client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == again.headers["cache-control"] == "no-cache"


async def test_assets_are_kept_for_ever_under_the_hash_of_their_content(client: httpx.AsyncClient) -> None:
    for name, asset in assets().items():
        answer = await client.get(asset_url(name))
        assert answer.content == asset.body
        assert answer.headers["content-type"].removesuffix("; charset=utf-8") == asset.media_type
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        again = await client.get(asset_url(name), headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *(("/nothing", 404), ("/V", 404), ("/demo/papers", 404), ("/assets/khoso.css", 404), ("/v%00", 404)),
        *(("/reports/x", 404), ("/apis", 404), ("/v/lookup", 405)),
    ],
)
async def test_a_mistyped_address_is_told_on_a_page_to_whoever_reads_pages(
    client: httpx.AsyncClient, path: str, status: int
) -> None:
    page = await client.get(path, headers={"accept": BROWSER})
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    for shown in ("Không có trang này", "There is no such page", 'href="/"'):
        assert shown in page.text
    inline = Inline()
    inline.feed(page.text)
    assert inline.found == []
    home = await client.get("/")
    for name in ("content-security-policy", "permissions-policy", "cross-origin-opener-policy"):
        assert page.headers.get_list(name) == home.headers.get_list(name)
    assert page.headers.get_list("cache-control") == ["no-store"]
    assert page.headers.get("allow") == (None if status == 404 else "POST")
    head = await client.head(path, headers={"accept": BROWSER})
    assert (head.status_code, head.content) == (status, b"")


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api", "/lists/bundles", "/oauth/nothing", "/oauth/token"])
async def test_below_the_addresses_of_programs_nobody_is_told_on_a_page(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"accept": BROWSER})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code == (405 if path == "/oauth/token" else 404)


@pytest.mark.parametrize(
    "accept", [None, "", "*/*", "application/json", "application/problem+json, text/html;q=0.9", "text/html;q=0", ";;,"]
)
async def test_a_program_is_told_as_of_any_error(client: httpx.AsyncClient, accept: str | None) -> None:
    del client.headers["accept"]
    answer = await client.get("/nothing", headers={} if accept is None else {"accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("name", ["khoso.css", "khoso.0000000000000000.css", "..%2froutes.py", "%00"])
async def test_no_other_file_is_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/assets/{name}")).status_code == 404


async def test_outside_a_demonstration_there_are_no_papers_to_scan(client: httpx.AsyncClient) -> None:
    assert "/demo/papers" not in (await client.get("/")).text
    for path in ("/demo/papers", "/demo/papers/guide"):
        assert (await client.get(path)).status_code == 404


async def test_the_api_page_lists_every_operation_of_the_description(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()
    page = (await client.get("/docs/api")).text
    vietnamese, english = described["info"]["description"].split(" | ")
    assert f'<span lang="vi">{vietnamese}</span><span lang="en">{english}</span>' in page
    operations = [(method.upper(), path) for path, item in described["paths"].items() for method in item]
    assert ("POST", "/api/v1/verify") in operations
    for method, path in operations:
        assert re.search(
            rf'<h2><span class="method" data-method="{method}">{method}</span> <code>{re.escape(path)}<', page
        )


async def issue(client: httpx.AsyncClient, key_dir: Path, clock: Clock) -> str:
    officer = bearer(key_dir, clock(), "credentials:issue", agency="H17.05.12")
    issued = await client.post("/api/v1/credentials", json=house_permit(), headers=officer | {"idempotency-key": "a"})
    assert issued.status_code == 201, issued.text
    lookup_code: str = issued.json()["lookup_code"]
    return lookup_code


async def test_a_typed_code_is_answered_without_a_script(
    client: httpx.AsyncClient, key_dir: Path, clock: Clock
) -> None:
    page = await look_up(client, (await issue(client, key_dir, clock)).lower())
    assert page.status_code == 200
    assert 'data-colour="green" data-outcome="in_force"' in page.text
    for shown in (
        "Còn hiệu lực",
        "In force",
        "K48/12 Nguyễn Thị Minh Khai",
        "15,6 m",
        "Chưa chứng minh người cầm giấy",
    ):
        assert shown in page.text
    assert "15:00 23/11/2026" in page.text  # 08:00 UTC
    assert "<template" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "etag" not in page.headers


@pytest.mark.parametrize("typed", ["", "hello", ATTACK, "H17.05.12-261123-000123-KQ1 7K3M9X", "ế" * 80])
async def test_a_typing_error_is_told_at_the_form_and_is_no_verdict(client: httpx.AsyncClient, typed: str) -> None:
    page = await look_up(client, typed)
    assert page.status_code == 200
    assert "Gõ chưa đúng mã tra cứu" in page.text
    assert 'aria-invalid="true"' in page.text
    assert "<article" not in page.text
    assert "<script>alert" not in page.text
    assert page.headers["cache-control"] == "no-store"


async def test_a_form_larger_than_any_code_is_refused(client: httpx.AsyncClient) -> None:
    assert (await look_up(client, "9" * 2_000)).status_code == 413


async def test_a_form_without_the_code_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v/lookup", data={"other": "1"})).status_code == 422


async def test_too_many_wrong_codes_are_answered_as_cannot_tell(
    client: httpx.AsyncClient, key_dir: Path, clock: Clock
) -> None:
    result_code = (await issue(client, key_dir, clock)).partition(" ")[0]
    wrong = [lookup.compose(result_code, f"000{n}") for n in range(10, 10 + LOOKUP_FAILURES_PER_HOUR)]
    pages = [await look_up(client, code) for code in wrong]
    assert all("Không hợp lệ: không có mã này" in page.text for page in pages)
    refused = await look_up(client, wrong[0])
    assert refused.status_code == 429
    assert 'data-colour="grey"' in refused.text
    assert "Chưa kết luận được" in refused.text
    assert refused.headers["content-type"].startswith("text/html")
    assert "frame-ancestors 'none'" in refused.headers["content-security-policy"]


def test_every_page_is_open_to_everyone() -> None:
    assert all(handler.opt == {"public": True} for handler in page_handlers)
