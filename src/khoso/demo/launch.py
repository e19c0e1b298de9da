"""`khoso demo`: a whole Kho Số on this machine, from nothing, with papers to scan."""

import asyncio
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NoReturn, TypeVar

import msgspec
from rich.console import Console

from khoso.config import Config, check, to_environment
from khoso.demo import store
from khoso.demo.announcement import announce, write_env
from khoso.demo.build import load_demonstration
from khoso.demo.errors import ServerEnded
from khoso.demo.people import ensure_people
from khoso.demo.places import Places
from khoso.demo.provider import brings_provider, provider_address, with_provider, write_secret
from khoso.demo.record import Demonstration
from khoso.embedded import EmbeddedPostgres, provision
from khoso.errors import ConfigurationError
from khoso.migrating import migrate
from khoso.pages.sheet import render_sheet
from khoso.processes import spawn_khoso, stop
from khoso.rendering.qr import qr_png
from khoso.serving import check_address
from khoso.signing.files import KeyFiles
from khoso.wiring import open_services, utc_now

_READY_SECONDS = 60.0
_MODULE_PX = 8
_ENDING = (signal.SIGINT, signal.SIGTERM)

T = TypeVar("T")


def run(config: Config, out: Console, err: Console, *, fresh: bool, prepare_only: bool) -> None:
    """Make what is missing and serve it until Ctrl-C or SIGTERM. Raises errors of the family, each with what to do."""
    for name in _ENDING:
        signal.signal(name, _interrupt_once)
    _reach_this_machine_directly(config.host)
    places = Places(config.data_dir)
    with suppress(KeyboardInterrupt), places.held() as lock, err.status("PostgreSQL…") as status:
        check_address(config)
        if fresh:
            _clear(config, places)
        if brings_provider(config):
            check_address(provider_address(config), " (for the login provider, the port after its own)")
            write_secret(config)
        with own_database(config, places) as ready:
            status.update("Danh mục, khoá, giấy mẫu… | catalogue, keys, papers…")
            demonstration, place = _run(prepare(ready))
            if prepare_only:
                write_papers(places, demonstration)
                return
            status.update("Máy chủ web… | web server…")
            with _served(ready, lock) as server:
                write_papers(places, demonstration)
                write_env(ready, places, place)
                _await_ready(ready, server)
                status.stop()
                announce(out, ready, places, demonstration, place)
                raise ServerEnded(f"exit status {server.wait()}; the reason stands above")


def demo_config(config: Config, host: str | None) -> Config:
    """The configuration of a demonstration: it is reached where it listens, and tells a person of errors only.

    Whatever was set otherwise than by default stays. Raises ConfigurationError for a host that no phone reaches.
    """
    if host and (host == "0.0.0.0" or ":" in host):  # noqa: S104 - refused
        raise ConfigurationError(
            "--host is printed in the codes: give the address by which phones reach this machine, such as 192.168.1.20"
        )
    own = {
        "host": host or config.host,
        "public_url": f"http://{host or 'localhost'}:{config.port}",
        "log_level": "warning",
        "log_format": "console",
    }
    usual = Config()
    unset = {name: value for name, value in own.items() if getattr(config, name) == getattr(usual, name)}
    ready = with_provider(msgspec.structs.replace(config, demo=True, **unset))
    check(ready)
    return ready


def _reach_this_machine_directly(host: str) -> None:
    """An office's proxy, where one is set, is not asked for what this and its child processes want of each other."""
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "localhost", "127.0.0.1", "::1", host)))


@contextmanager
def own_database(config: Config, places: Places) -> Iterator[Config]:
    """The configuration with a database: the one it names, or an embedded PostgreSQL for as long as this lasts."""
    if config.database_url:
        if config.database_owner_url:
            _run(migrate(config.database_owner_url))
        yield config
        return
    with EmbeddedPostgres(places.database(), bindir=config.pg_bindir) as server:
        provisioned = _run(provision(server))
        _run(migrate(provisioned.owner_dsn))
        yield msgspec.structs.replace(
            config, database_url=provisioned.app_dsn, database_owner_url=provisioned.owner_dsn
        )


async def prepare(config: Config) -> tuple[Demonstration, store.Place]:
    """Keys, catalogue and papers, made or found; and whose the first paper is."""
    try:
        KeyFiles(config.keys_dir).prepare(development=True)
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename}: {error.strerror}; name a directory of yours in KHOSO_KEYS_DIR"
        ) from None
    async with open_services(config, verifying=False) as services:
        demonstration = await load_demonstration(config, services, utc_now)
        if brings_provider(config):
            await ensure_people(services, config.oidc_issuer, utc_now())
        return demonstration, await store.get_place(services.pool, demonstration.papers[0].result_code)


def write_papers(places: Places, demonstration: Demonstration) -> None:
    """The sheet to print, and a picture of every code."""
    places.codes.mkdir(exist_ok=True)
    for paper in demonstration.papers:
        if paper.code is not None:
            (places.codes / f"{paper.slug}.png").write_bytes(qr_png(paper.code, module_px=_MODULE_PX))
    places.sheet.write_text(render_sheet(demonstration.with_pictures()), "utf-8")


def _clear(config: Config, places: Places) -> None:
    if config.database_url:
        raise ConfigurationError(
            "--fresh does not empty a database of yours (KHOSO_DATABASE_URL): drop and create it, and start without"
        )
    places.clear()


def _interrupt_once(*_: object) -> NoReturn:
    """The first Ctrl-C or SIGTERM ends the demonstration; another would only disturb the tidying up."""
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    for name in _ENDING:
        signal.signal(name, signal.SIG_IGN)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end. The first Ctrl-C or SIGTERM cancels it where it waits, and raises KeyboardInterrupt here.

    Raised wherever the work just is, as Python does it, KeyboardInterrupt breaks or is lost in drivers written in C.
    """
    try:
        return asyncio.run(_cancellable(work))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _cancellable(work: Coroutine[Any, Any, T]) -> T:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def cancel(*_: object) -> None:
        _ignore_signals()
        if task is not None and not task.done():
            task.cancel()
            loop.call_soon_threadsafe(lambda: None)  # it may sleep until something comes from outside

    before = [signal.signal(name, cancel) for name in _ENDING]
    done = await work
    for name, handler in zip(_ENDING, before, strict=True):
        signal.signal(name, handler)
    return done


@contextmanager
def _served(config: Config, lock: int) -> "Iterator[subprocess.Popen[bytes]]":
    """The web server as a child, which holds the lock for as long as it lives, even if this process is killed."""
    os.environ.update(to_environment(config))
    with ExitStack() as children:
        if brings_provider(config):
            children.callback(stop, spawn_khoso("demo-provider"))
        server = spawn_khoso("serve", keep_open=(lock,))
        children.callback(stop, server)
        yield server


def _await_ready(config: Config, server: "subprocess.Popen[bytes]") -> None:
    """Raises ServerEnded if it ends, or does not answer in time."""
    deadline = time.monotonic() + _READY_SECONDS
    while not _answers(f"http://{config.host}:{config.port}/readyz"):
        if server.poll() is not None:
            raise ServerEnded(f"exit status {server.returncode}; the reason stands above")
        if time.monotonic() > deadline:
            raise ServerEnded(f"no answer at {config.host}:{config.port} within {_READY_SECONDS:.0f} s")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own http address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
