"""Ask an application as a server does, and see every message of its answer: a client of HTTP hides some."""

from collections.abc import Iterable
from typing import Any

from grounds import running
from khoso.front import Application, Front


async def nothing_to_read() -> Any:
    """A request without a body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def ask(
    app: Application,
    method: str,
    path: str,
    headers: Iterable[tuple[bytes, bytes]] = (),
    receive: Any = nothing_to_read,
) -> list[Any]:
    """The messages that are sent to somebody who asks so, and is heard by `receive`."""
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    scope: Any = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "http_version": "1.1",
        "scheme": "https",
        "server": None,
        "client": None,
        "root_path": "",
        "headers": list(headers),
    }
    async with running(app):
        await Front(app)(scope, receive, send)
    return said
