"""The account of somebody who is logged in, before a browser and without logging in."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from playwright.async_api import Page, Route

from khoso.identity.me import AgencyName, MeView, SessionView
from khoso.pages.headers import SECURITY_HEADERS
from khoso.pages.templates import render
from khoso.text import Words

HAI_CHAU = AgencyName("H17.05.12", Words("UBND phường Hải Châu", "Hai Chau Ward People's Committee"))
HOA_CUONG = AgencyName("H17.05.13", Words("UBND phường Hòa Cường", "Hoa Cuong Ward People's Committee"))


async def be_logged_in(page: Page, name: str, browser: str) -> None:
    """From now on the account is that of a person of this name, with a passkey and a browser that are called so.

    What his page asks the server for beyond the list of passkeys wants a step-up, which is never given.
    """
    passkey = {"passkey_id": "AQ", "name": browser, "created_at": "2026-11-26T02:00:00Z", "used_at": None}
    headers = {**SECURITY_HEADERS, "content-type": "text/html; charset=utf-8"}

    async def on_passkeys(route: Route) -> None:
        if route.request.method == "GET":
            await route.fulfill(json={"items": [passkey]})
        else:
            await route.fulfill(status=403, json={"code": "step_up_required"})

    await page.route("**/account", lambda route: route.fulfill(body=_draw(name, browser), headers=headers))
    await page.route("**/api/v1/me/passkeys**", on_passkeys)
    await page.route("**/api/v1/me/step-up/options", lambda route: route.fulfill(status=429, json={}))


def _draw(name: str, browser: str) -> bytes:
    me = MeView(
        subject="0199c7d2-6a3e-7c1f-9d5a-3f1f2b7e4a10",
        name=name,
        scopes=["credentials:issue", "credentials:read"],
        types={},
        agency=HAI_CHAU,
        agencies=[HAI_CHAU, HOA_CUONG],
        vault_id=UUID(int=1),
        stepped_up_at=None,
    )
    sessions = [_session(browser, present=True), _session(browser, present=False)]
    return render("account.html", me=me, sessions=sessions, problem=None)


def _session(browser: str, *, present: bool) -> SessionView:
    now = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)
    return SessionView(
        name="a" if present else "b",
        where=browser,
        agency=None,
        created_at=now,
        expires_at=now + timedelta(hours=8),
        present=present,
    )
