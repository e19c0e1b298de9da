"""A browser without a screen: it keeps cookies, and follows to the identity provider and back."""

from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx

from grounds import NO_TLS, ORIGIN

SAME_ORIGIN = {"sec-fetch-site": "same-origin"}
BY_SCRIPT = SAME_ORIGIN | {"khoso-session": "1"}
"""What a script of one of our own pages sends along."""


class Browser:
    """One browser. Several may be open on one application."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._transport = cast(Any, client)._transport
        self.client = httpx.AsyncClient(
            transport=self._transport, base_url=ORIGIN, headers={"user-agent": "Browser of the tests"}
        )

    @property
    def session(self) -> str | None:
        return self.client.cookies.get("__Host-khoso")

    async def begin(self, path: str = "/login") -> str:
        """The address at the provider to which it is sent."""
        answer = await self.client.get(path)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def finish(self, url: str, who: str) -> httpx.Response:
        """Log in at the provider and come back; answers what comes then."""
        return await self.client.get(await self.back_from(url, who))

    async def back_from(self, url: str, who: str) -> str:
        """The address to which the provider sends it after the login."""
        async with httpx.AsyncClient(verify=NO_TLS) as outside:
            answer = await outside.post(url, data={"sub": who} if who else {"action": "deny"})
        assert answer.status_code == 302, answer.text
        location: str = answer.headers["location"]
        if not who:  # this provider forgets the state, which others give back (RFC 6749, 4.1.2.1)
            location += f"&state={parse_qs(urlsplit(url).query)['state'][0]}"
        return location

    async def log_in(self, who: str) -> httpx.Response:
        """The whole way, to a session."""
        answer = await self.finish(await self.begin(), who)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/account"), answer.text
        return answer

    async def me(self) -> dict[str, Any]:
        answer = await self.client.get("/api/v1/me")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found
