"""The account page of somebody who is logged in, without logging in."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from khoso.identity.me import AgencyName, MeView, SessionView
from khoso.pages.templates import render
from khoso.text import Words

HAI_CHAU = AgencyName("H17.05.12", Words("UBND phường Hải Châu", "Hai Chau Ward People's Committee"))
HOA_CUONG = AgencyName("H17.05.13", Words("UBND phường Hòa Cường", "Hoa Cuong Ward People's Committee"))


def account_page_of(name: str, browser: str) -> bytes:
    """Of a person of this name, who logged in with a browser that calls itself so, and with another one."""
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
