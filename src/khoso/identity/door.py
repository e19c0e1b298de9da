"""The door: who is asking, found by his access token or by his session. What he may do then is the rooms' to decide.

An access token is shown in the Authorization header: `Bearer`, or `DPoP` with a proof if it is bound to a key. A
session is a cookie, which browsers send along with whatever a foreign page makes them ask for. So for anything but
reading it counts only beside the header `Khoso-Session`, which no form and no foreign page can send, and only where
the browser says that one of our own pages asks. The forms of our pages are held to the latter alone.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from khoso.caller import Caller
from khoso.errors import CrossSiteRequest, NotAuthenticated, NotFound, NotPermitted
from khoso.hot import Header, find_header
from khoso.http import SENT_METHOD, scopes_of
from khoso.identity.cutoffs import Cutoffs
from khoso.identity.proofs import Proofs, ProvenRequest
from khoso.identity.quotas import Quotas
from khoso.identity.sessions import Sessions
from khoso.identity.tokens import TokenReader

COOKIE = "__Host-khoso"
"""The browser takes it only over TLS, from this very host, and gives it to no script."""
LOGIN_COOKIE = "__Host-khoso-login"
"""Of a browser whose user is at the identity provider."""
RETURN_COOKIE = "__Host-khoso-return"
"""To which of our pages he comes back."""
SESSION_HEADER = b"khoso-session"

_SYSTEM = "client:"


class Door:
    """Lets callers in."""

    def __init__(
        self,
        tokens: TokenReader,
        cutoffs: Cutoffs,
        proofs: Proofs,
        sessions: Sessions,
        quotas: Quotas,
        *,
        origin: str,
        now: Callable[[], datetime],
    ) -> None:
        self._tokens = tokens
        self._cutoffs = cutoffs
        self._proofs = proofs
        self._sessions = sessions
        self._quotas = quotas
        self._origin = origin
        self._now = now

    async def admit(self, scope: Any, opt: Mapping[str, Any]) -> Caller | None:
        """Whom a handler lets in, by what it says of itself; None where everybody may come in without being known.

        Closed by default: a handler is `public`, or names its `scope`, or several: any will do; or it is for whoever
        is `signed_in`, or a `form` of our own pages, for whoever has a session.
        Raises NotAuthenticated, NotPermitted, or NotFound for a handler that says nothing.
        """
        if opt.get("public"):
            return None
        if opt.get("form"):
            return await self._admit_form(scope)
        if "scope" not in opt and not opt.get("signed_in"):  # nobody has said who may: the framework's own pages
            raise NotFound("handler")
        caller = await self.find_caller(scope)
        if caller is None:
            raise NotAuthenticated("no token")
        scopes = scopes_of(opt)
        if scopes and not caller.may(*scopes):
            raise NotPermitted(*scopes)
        return caller

    async def find_caller(self, scope: Any) -> Caller | None:
        """Who sends this request (an ASGI scope); None if he shows nothing.

        Raises NotAuthenticated for a token that is bad, or of no client that there is; CrossSiteRequest; QuotaUsedUp.
        """
        authorization = find_header(scope["headers"], b"authorization")
        if authorization is not None:
            return await self._find_by_token(authorization.decode("latin-1"), scope)
        if scope["method"] != "GET" and find_header(scope["headers"], SESSION_HEADER) is None:
            return None  # as if there were no cookie: somebody else may have made the browser ask
        return await self.find_by_session(scope)

    async def find_by_session(self, scope: Any) -> Caller | None:
        """Whose session the browser has that sends this request. Raises CrossSiteRequest if a foreign page changes."""
        secret = read_cookie(scope["headers"], COOKIE)
        if secret is None:
            return None
        if scope["method"] != "GET":
            self._check_origin(scope["headers"])
        return await self._sessions.find_caller(secret)

    async def _admit_form(self, scope: Any) -> Caller:
        caller = await self.find_by_session(scope)
        if caller is None:
            raise NotAuthenticated("no session")
        return caller

    async def _find_by_token(self, authorization: str, scope: Any) -> Caller:
        scheme, _, text = authorization.partition(" ")
        scheme, text = scheme.lower(), text.lstrip(" ")  # RFC 9110, 11.1 and 11.4
        if scheme not in ("bearer", "dpop"):
            raise NotAuthenticated("scheme")
        token = self._tokens.read(text)
        caller = token.caller_at(self._now())
        self._cutoffs.check(token)
        if (scheme == "dpop") != (token.key_hash is not None):
            raise NotAuthenticated("a token that is bound to a key comes with its proof, and no other does")
        if token.key_hash is not None:
            proofs = [value for name, value in scope["headers"] if name == b"dpop"]
            if len(proofs) != 1:
                raise NotAuthenticated("no proof, or more than one")
            sent = scope.get(SENT_METHOD, scope["method"])
            request = ProvenRequest(sent, self._origin + scope["path"], text)
            if await self._proofs.read_proof(proofs[0].decode("latin-1"), request) != token.key_hash:
                raise NotAuthenticated("proof of another key")
        if caller.subject.startswith(_SYSTEM):
            await self._quotas.take(caller.subject.removeprefix(_SYSTEM))
        return caller

    def _check_origin(self, headers: Iterable[Header]) -> None:
        """Raise CrossSiteRequest unless the browser says that one of our own pages asks.

        Browsers say so in Sec-Fetch-Site, older ones in Origin (Fetch Metadata; Fetch, 3.2).
        """
        site, origin = (find_header(headers, name) for name in (b"sec-fetch-site", b"origin"))
        if site is None and origin is None:
            raise CrossSiteRequest("neither Sec-Fetch-Site nor Origin")
        if site not in (None, b"same-origin") or (site is None and origin != self._origin.encode()):
            raise CrossSiteRequest("origin")


def read_cookie(headers: Iterable[Header], name: str) -> str | None:
    """The value of a cookie."""
    cookies = find_header(headers, b"cookie")
    for cookie in () if cookies is None else cookies.decode("latin-1").split(";"):
        given, _, value = cookie.strip().partition("=")
        if given == name:
            return value
    return None
