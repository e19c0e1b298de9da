"""The application on its port, in a thread of this process: for browsers, which cannot be handed an application."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from grounds import NO_TLS
from khoso.app import create_app
from khoso.config import Config
from khoso.front import Front

START_SECONDS = 30


@contextmanager
def served_in_a_thread(config: Config) -> Iterator[None]:
    """It answers at the public URL of the configuration, which is of this machine, until the end."""
    server = Server(
        Front(create_app(config)),
        port=int(config.public_url.rpartition(":")[2]),
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(server.serve(),))
    thread.start()
    _wait_for(config.public_url)
    yield
    loop.call_soon_threadsafe(server.stop)
    thread.join()
    loop.close()


def _wait_for(origin: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(f"{origin}/healthz", verify=NO_TLS).raise_for_status()
            return
        except httpx.HTTPError:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
