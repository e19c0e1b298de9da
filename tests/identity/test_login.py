"""Logging in at the identity provider: who gets in, and with what; and everybody who must not."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

from desk import Desk, problem, read
from grounds import Clock, open_client
from identity.browsing import BY_SCRIPT, SAME_ORIGIN, Browser
from identity.conftest import BY_KEY, LEVELS, Assign, pem
from khoso.caller import SCOPES
from khoso.config import Config
from khoso.errors import ConfigurationError, LoginRefused
from khoso.identity_wiring import make_provider
from khoso.signing.pem import public_pem
from samples import house_permit

RESULTS = "/api/v1/vault/results"
WARD, OTHER_WARD = "H17.05.12", "H17.05.13"


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def test_a_citizen_finds_what_was_issued_to_him(desk: Desk, browser: Browser) -> None:
    issued = await desk.issue(house_permit(1))
    await browser.log_in("thinh")
    found = read(await browser.client.get(RESULTS), 200)
    assert [item["result_code"] for item in found["items"]] == [issued["result_code"]]
    me = await browser.me()
    assert (me["name"], me["scopes"], me["agency"]) == ("Nguyễn Hoàng Phước Thịnh", ["vault:read"], None)
    assert me["vault_id"] == str(await desk.vault_of(issued["result_code"]))


async def test_a_vault_opened_at_the_first_login_gets_what_is_issued_later(desk: Desk, browser: Browser) -> None:
    await browser.log_in("ngoc")
    assert read(await browser.client.get(RESULTS), 200)["items"] == []
    holder = {"kind": "person", "id": "048184999002", "name": "Trần Thị Bích Ngọc"}
    issued = await desk.issue(house_permit(1, holder=holder))
    found = read(await browser.client.get(RESULTS), 200)
    assert [item["result_code"] for item in found["items"]] == [issued["result_code"]]


@pytest.mark.parametrize("who", ["weak", "no-acr", "nameless"])
async def test_who_is_not_known_surely_enough_opens_nothing(
    desk: Desk, browser: Browser, assign: Assign, who: str
) -> None:
    await browser.log_in(who)
    me = await browser.me()
    assert (me["scopes"], me["vault_id"]) == ([], None)
    problem(await browser.client.get(RESULTS), 403, "not_permitted")
    if who != "nameless":  # known well enough, only not by his id
        await assign(me["subject"], "officer", WARD)
        assert (await browser.me())["agencies"] == []


async def test_an_officer_has_what_is_assigned_to_him_where_it_is(desk: Desk, browser: Browser, assign: Assign) -> None:
    await browser.log_in("thinh")
    subject = (await browser.me())["subject"]
    await assign(subject, "officer", WARD, "KQ.H17.000001")
    await assign(subject, "inspector", OTHER_WARD)
    assert [one["agency_code"] for one in (await browser.me())["agencies"]] == [WARD, OTHER_WARD]

    async def choose(agency_code: str) -> httpx.Response:
        return await browser.client.put("/api/v1/me/agency", json={"agency_code": agency_code}, headers=BY_SCRIPT)

    assert (await choose(WARD)).status_code == 204
    me = await browser.me()
    assert me["agency"]["agency_code"] == WARD
    assert set(me["scopes"]) == {
        "credentials:change-status",
        "credentials:issue",
        "credentials:read",
        "vault:read",
    }
    assert me["types"]["credentials:issue"] == ["KQ.H17.000001"]
    answer = await browser.client.post(
        "/api/v1/credentials", json=house_permit(1), headers=BY_SCRIPT | {"idempotency-key": "1"}
    )
    issued = read(answer, 201)
    rows = await desk.rows("SELECT issued_by FROM result_code WHERE result_code = $1", issued["result_code"])
    assert rows[0]["issued_by"] == subject

    assert (await choose(OTHER_WARD)).status_code == 204
    assert (await browser.me())["scopes"] == ["inspect", "vault:read"]
    problem(await choose("H17.11"), 403, "not_permitted")


async def test_a_right_that_ended_is_gone_with_the_next_request(desk: Desk, browser: Browser, assign: Assign) -> None:
    await browser.log_in("thinh")
    subject = (await browser.me())["subject"]
    await assign(subject, "officer", WARD)
    await browser.client.put("/api/v1/me/agency", json={"agency_code": WARD}, headers=BY_SCRIPT)
    assert "credentials:issue" in (await browser.me())["scopes"]
    await desk.rows("UPDATE assignment SET ended_at = now(), ended_by = 'tests'")
    me = await browser.me()
    assert (me["scopes"], me["agencies"]) == (["vault:read"], [])


async def test_what_is_asked_of_the_provider(desk: Desk, browser: Browser) -> None:
    asked = query(await browser.begin())
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == "https://kho.danang.gov.vn/login/callback"
    assert asked["code_challenge_method"] == "S256"
    assert asked["acr_values"] == "loa3 loa2"
    again = query(await browser.begin())
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name]) == 43
        assert asked[name] != again[name]


async def refused(answer: httpx.Response, status: int = 403) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert 'role="alert"' in answer.text
    assert "__Host-khoso=" not in answer.headers.get("set-cookie", "")


async def test_an_answer_of_the_provider_is_good_once_and_in_one_browser(desk: Desk, browser: Browser) -> None:
    back = await browser.back_from(await browser.begin(), "thinh")
    await refused(await Browser(desk.client).client.get(back))
    other = Browser(desk.client)
    await other.begin()
    await refused(await other.client.get(back))
    cookies = dict(browser.client.cookies)
    assert (await browser.client.get(back)).status_code == 303
    browser.client.cookies.update(cookies)
    await refused(await browser.client.get(back))


@pytest.mark.parametrize(
    "change",
    [
        {"state": "x" * 43},
        {"state": ""},
        {"state": "é"},
        {"iss": "https://another.example"},
        {"code": "guessed"},
        {"code": ""},
        {"error": "access_denied"},
    ],
    ids=str,
)
async def test_a_changed_answer_is_refused(browser: Browser, change: dict[str, str]) -> None:
    back = await browser.back_from(await browser.begin(), "thinh")
    await refused(await browser.client.get("/login/callback", params=query(back) | change))


async def test_a_parameter_twice_is_refused(browser: Browser) -> None:
    back = await browser.back_from(await browser.begin(), "thinh")
    await refused(await browser.client.get(f"{back}&state=x"))


async def test_a_login_that_took_too_long_is_refused(browser: Browser, clock: Clock) -> None:
    back = await browser.back_from(await browser.begin(), "thinh")
    clock.forward(timedelta(minutes=10, seconds=1))
    await refused(await browser.client.get(back))


WAYS_BACK = (
    *(("/login?to=scan", "/scan"), ("/login?to=reports", "/reports")),
    *(("/login?to=account", "/account"), ("/login", "/account")),
)


async def test_one_comes_back_to_the_page_from_which_one_logged_in(browser: Browser) -> None:
    for path, page in WAYS_BACK:
        answer = await browser.finish(await browser.begin(path), "thinh")
        assert (answer.status_code, answer.headers["location"]) == (303, page)
        assert "__Host-khoso-return" not in browser.client.cookies


async def test_reports_are_read_in_a_browser_by_whoever_chose_the_agency(browser: Browser, assign: Assign) -> None:
    refused = await browser.client.get("/reports")
    assert refused.status_code == 401
    assert 'href="/login?to=reports"' in refused.text
    await browser.finish(await browser.begin("/login?to=reports"), "thinh")
    await assign((await browser.me())["subject"], "monitor", WARD)
    refused = await browser.client.get("/reports")
    assert refused.status_code == 403
    assert 'href="/account"' in refused.text
    chosen = await browser.client.post("/account/agency", data={"agency_code": WARD}, headers=SAME_ORIGIN)
    assert chosen.status_code == 303
    page = await browser.client.get("/reports")
    assert page.status_code == 200
    assert "UBND phường Hải Châu" in page.text


async def test_what_one_may_stands_on_the_account_page_in_words(browser: Browser, assign: Assign) -> None:
    await browser.finish(await browser.begin("/login"), "thinh")
    subject = (await browser.me())["subject"]
    await assign(subject, "officer", WARD, "KQ.H17.000001")
    await assign(subject, "monitor", WARD)
    await browser.client.post("/account/agency", data={"agency_code": WARD}, headers=SAME_ORIGIN)
    page = (await browser.client.get("/account")).text
    scopes = set((await browser.me())["scopes"])
    assert scopes > {"credentials:issue", "monitoring:read"}
    for scope, words in SCOPES.items():
        assert (words.vi in page) == (words.en in page) == (scope in scopes), scope
        assert f"<code>{scope}" not in page
    limited = [line for line in page.splitlines() if "(only of type" in line]
    assert len(limited) == len([scope for scope in scopes if scope.startswith("credentials:")]) == 3
    assert all("<code>KQ.H17.000001</code>)" in line for line in limited)


OTHER_PLACES = (
    *("", "/scan", "scan/", "Scan", "//evil.example", "/\\evil.example", "\\\\evil.example", "/%2F/evil.example"),
    *("https://evil.example", "https:evil.example", "javascript:alert(1)", "scan\r\nlocation: //evil.example"),
    *("scan@evil.example", ".evil.example", "/scan/../\t/evil.example"),
)


async def test_a_login_leads_nowhere_else(browser: Browser) -> None:
    for place in OTHER_PLACES:
        await refused(await browser.client.get("/login", params={"to": place}))
    await refused(await browser.client.get("/login?to=scan&to=//evil.example"))


async def test_a_cookie_leads_nowhere_else(browser: Browser) -> None:
    for place in ("//evil.example", "%2F%2Fevil.example", "https://evil.example", "/scan"):
        back = await browser.back_from(await browser.begin("/login?to=scan"), "thinh")
        login = browser.client.cookies["__Host-khoso-login"]
        browser.client.cookies.clear()
        cookies = {"cookie": f"__Host-khoso-return={place}; __Host-khoso-login={login}"}
        answer = await browser.client.get(back, headers=cookies)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account"), place


async def test_the_provider_is_asked_for_an_id_of_the_right_form(browser: Browser) -> None:
    await refused(await browser.finish(await browser.begin(), "wrong-id"))


async def test_a_token_of_another_login_is_refused(config: Config, clock: Clock, browser: Browser) -> None:
    """The provider's signature is right, the nonce is that of somebody else's login."""
    provider = make_provider(config, clock)
    assert provider is not None
    for nonce, refusal in (("n" * 43, False), ("m" * 43, True)):
        url = await provider.begin("s" * 43, "n" * 43, "v" * 43)
        code = query(await browser.back_from(url, "thinh"))["code"]
        if refusal:
            with pytest.raises(LoginRefused):
                await provider.redeem(code, nonce, "v" * 43)
        else:
            assert (await provider.redeem(code, nonce, "v" * 43)).personal_id == "048078999001"


def by_key(config: Config, file: Path) -> Config:
    return msgspec.structs.replace(config, oidc_client_id=BY_KEY, oidc_secret_file=None, oidc_key_file=file)


async def test_whom_the_provider_knows_by_a_key_logs_people_in(config: Config, clock: Clock, client_key: Path) -> None:
    async with open_client(by_key(config, client_key), clock) as client:
        browser = Browser(client)
        await browser.log_in("thinh")
        assert (await browser.me())["name"] == "Nguyễn Hoàng Phước Thịnh"


async def test_nobody_else_is_the_client_that_is_known_by_its_key(
    config: Config, clock: Clock, browser: Browser, tmp_path: Path
) -> None:
    another = tmp_path / "another.pem"
    another.write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    with_a_secret = msgspec.structs.replace(config, oidc_client_id=BY_KEY)
    for wrong in (by_key(config, another), with_a_secret):
        provider = make_provider(wrong, clock)
        assert provider is not None
        url = await provider.begin("s" * 43, "n" * 43, "v" * 43)
        code = query(await browser.back_from(url, "thinh"))["code"]
        with pytest.raises(LoginRefused, match="invalid_client"):
            await provider.redeem(code, "n" * 43, "v" * 43)


def test_what_is_no_key_is_told_at_the_start(clock: Clock, tmp_path: Path) -> None:
    good = ec.generate_private_key(ec.SECP256R1())
    for name, content in {
        "empty": b"",
        "text": b"no key",
        "P-384": pem(ec.generate_private_key(ec.SECP384R1())),
        "RSA": pem(rsa.generate_private_key(65537, 2048)),
        "encrypted": pem(good, BestAvailableEncryption(b"passphrase")),
        "public": public_pem(good.public_key()),
    }.items():
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(ConfigurationError, match="KHOSO_OIDC_KEY_FILE"):
            make_provider(by_key(Config(oidc_issuer="https://provider.example", oidc_levels=LEVELS), file), clock)


async def test_without_a_provider_nobody_logs_in_and_nothing_else_stops(desk: Desk, config: Config) -> None:
    answer = await desk.client.get("/account")
    assert answer.status_code == 200
    assert 'href="/login"' in answer.text
