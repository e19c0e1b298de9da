"""Logging in, and the page on which a person sees who he is here, chooses his agency and ends his sessions."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody
from litestar.response import Redirect
from litestar.types import ExceptionHandlersMap

from khoso.caller import SCOPES, Caller
from khoso.errors import (
    CrossSiteRequest,
    KhosoError,
    LoginRefused,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Unavailable,
)
from khoso.http import secret_cookie
from khoso.identity.authorizing import Authorizations, AuthorizeQuery
from khoso.identity.door import COOKIE, LOGIN_COOKIE, RETURN_COOKIE, Door, read_cookie
from khoso.identity.logins import PATIENCE, Logins, ProviderAnswer
from khoso.identity.me import Me
from khoso.identity.sessions import LONGEST, Sessions
from khoso.pages.answers import for_one_reader, words_of
from khoso.pages.templates import render
from khoso.problems import STATUS

PATH = "/account"
RETURNS = {"account": PATH, "reports": "/reports", "scan": "/scan"}
"""The pages from which one logs in and to which one comes back, by their names in links: no address is ever taken."""

NO_TIME = timedelta()

_PUBLIC = {"public": True}
_FORM = {"form": True}
_MAX_FORM = 1_024


def on_refused(_: Request[Any, Any, Any], error: KhosoError) -> Response[bytes]:
    """What did not succeed, said to a person on the page on which he may try again."""
    return _page(STATUS[type(error)], problem=words_of(error))


_ERRORS: ExceptionHandlersMap = dict.fromkeys(
    (CrossSiteRequest, LoginRefused, NotAuthenticated, NotFound, NotPermitted, Unavailable), on_refused
)


@get(PATH, opt=_PUBLIC, include_in_schema=False, exception_handlers=_ERRORS)
async def account_page(
    request: Request[Any, Any, Any], door: NamedDependency[Door], me: NamedDependency[Me]
) -> Response[bytes]:
    """Who I am, for which agency I act, where I am logged in; or the way to log in."""
    caller = await door.find_by_session(request.scope)
    if caller is None:
        return _page()
    return _page(me=await me.describe(caller), sessions=(await me.list_sessions(caller)).items)


class LoginQuery(msgspec.Struct, frozen=True):
    """From which page one logs in."""

    to: str = "account"


@get("/login", opt=_PUBLIC, include_in_schema=False, exception_handlers=_ERRORS)
async def login(request: Request[Any, Any, Any], logins: NamedDependency[Logins]) -> Redirect:
    """To the identity provider, and from there to the page that it names."""
    to = _read_query(request, LoginQuery).to
    if to not in RETURNS:
        raise LoginRefused("to no page of ours")
    begun = await logins.begin()
    return _redirect(
        begun.url,
        secret_cookie(LOGIN_COOKIE, begun.cookie, PATIENCE),
        secret_cookie(RETURN_COOKIE, to, PATIENCE),
    )


@get("/oauth/authorize", opt=_PUBLIC, include_in_schema=False, exception_handlers=_ERRORS)
async def authorize(request: Request[Any, Any, Any], authorizations: NamedDependency[Authorizations]) -> Redirect:
    """An app has its user log in (RFC 6749, 4.1.1): to the identity provider, or back to the app with an error."""
    begun = await authorizations.authorize(_read_query(request, AuthorizeQuery))
    if not begun.cookie:
        return _redirect(begun.url)
    return _redirect(begun.url, secret_cookie(LOGIN_COOKIE, begun.cookie, PATIENCE))


class CallbackQuery(msgspec.Struct, frozen=True):
    """What the identity provider has the browser bring back."""

    code: str = ""
    state: str = ""
    iss: str | None = None
    error: str | None = None


@get("/login/callback", opt=_PUBLIC, include_in_schema=False, exception_handlers=_ERRORS)
async def finish_login(
    request: Request[Any, Any, Any], logins: NamedDependency[Logins], authorizations: NamedDependency[Authorizations]
) -> Redirect:
    """From the identity provider: a session begins, or an app gets its code."""
    headers = request.scope["headers"]
    query = _read_query(request, CallbackQuery)
    cookie = read_cookie(headers, LOGIN_COOKIE)
    if cookie is None:
        raise LoginRefused("no login was begun in this browser")
    finished = await logins.finish(
        cookie,
        ProviderAnswer(query.code, query.state, query.iss, query.error),
        read_cookie(headers, COOKIE),
        request.headers.get("user-agent", ""),
    )
    over = secret_cookie(LOGIN_COOKIE, "", NO_TIME)
    if finished.cookie is None:
        return _redirect(await authorizations.complete(finished), over)
    back = RETURNS.get(read_cookie(headers, RETURN_COOKIE) or "", PATH)
    forgotten = secret_cookie(RETURN_COOKIE, "", NO_TIME)
    return _redirect(back, over, forgotten, secret_cookie(COOKIE, finished.cookie, LONGEST))


class AgencyForm(msgspec.Struct, frozen=True):
    """The agency to act for."""

    agency_code: str


class SessionForm(msgspec.Struct, frozen=True):
    """The session to end."""

    name: str


@post(
    f"{PATH}/agency",
    opt=_FORM,
    include_in_schema=False,
    request_max_body_size=_MAX_FORM,
    exception_handlers=_ERRORS,
)
async def choose_agency(
    data: URLEncodedBody[AgencyForm], caller: NamedDependency[Caller], me: NamedDependency[Me]
) -> Redirect:
    """Act for that agency from now on."""
    await me.choose_agency(caller, data.agency_code)
    return _redirect(PATH)


@post(
    f"{PATH}/sessions/end",
    opt=_FORM,
    include_in_schema=False,
    request_max_body_size=_MAX_FORM,
    exception_handlers=_ERRORS,
)
async def end_session(
    data: URLEncodedBody[SessionForm], caller: NamedDependency[Caller], me: NamedDependency[Me]
) -> Redirect:
    """Log out elsewhere."""
    await me.end_session(caller, data.name)
    return _redirect(PATH)


@post(f"{PATH}/logout", opt=_FORM, include_in_schema=False, exception_handlers=_ERRORS)
async def log_out(request: Request[Any, Any, Any], sessions: NamedDependency[Sessions]) -> Redirect:
    """Log out here."""
    await sessions.end(read_cookie(request.scope["headers"], COOKIE) or "")
    return _redirect(PATH, secret_cookie(COOKIE, "", NO_TIME))


account_handlers = [account_page, login, authorize, finish_login, choose_agency, end_session, log_out]
"""They need `door`, `logins`, `authorizations`, `me`, `sessions`."""


def _read_query(request: Request[Any, Any, Any], kind: type[Any]) -> Any:
    """The query as a struct. Raises LoginRefused for a parameter that is there twice (RFC 6749, 3.1)."""
    given = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if len({name for name, _ in given}) != len(given):
        raise LoginRefused("a parameter twice")
    return msgspec.convert(dict(given), kind)


def _redirect(url: str, *cookies: Cookie) -> Redirect:
    return Redirect(url, status_code=303, cookies=cookies)


def _page(status: int = 200, *, me: object = None, sessions: object = (), problem: object = None) -> Response[bytes]:
    return for_one_reader(render("account.html", me=me, allowed=SCOPES, sessions=sessions, problem=problem), status)
