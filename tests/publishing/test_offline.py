"""An inspector's machine without a network: what it downloads, what it refuses, and what it says of a code."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from desk import Desk
from grounds import Clock
from khoso.__main__ import app
from khoso.config import Config, to_environment
from khoso.errors import InvalidInput, Unavailable
from khoso.formats import bundle
from khoso.offline import fetch, open_city
from khoso.signing.files import KeyFiles
from khoso.wiring import Services
from publishing.reading import act, publish


class City:
    """Serves one bundle to whoever asks."""

    def __init__(self) -> None:
        self.body = b""
        self.address = ""


@pytest.fixture
def served() -> Iterator[City]:
    city = City()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there = self.path == "/lists/bundle" and city.body
            self.send_response(200 if there else 503)
            self.end_headers()
            self.wfile.write(city.body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        city.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield city
        server.shutdown()
        thread.join()


@pytest.fixture
def roots(key_dir: Path) -> Path:
    return key_dir / "roots.pem"


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def make_bundle(services: Services) -> bytes:
    assert await publish(services) == {}
    await services.published.refresh()
    return services.published.get_bundle().body


async def test_what_was_downloaded_once_goes_without_a_network(
    desk: Desk, services: Services, served: City, roots: Path, tmp_path: Path, clock: Clock
) -> None:
    in_force, revoked = await desk.issue(), await desk.issue()
    await act(desk, revoked["result_code"], "revoke")
    served.body = await make_bundle(services)
    fetch(served.address, tmp_path / "lists", roots)
    city = open_city(tmp_path / "lists", roots)
    view = city.judge(in_force["code"], clock())
    assert (view.outcome, view.status_as_of, view.trust_as_of is None) == ("in_force", clock(), False)
    assert view.paper is not None
    assert view.paper.comparison is not None
    assert view.paper.issuer.name.vi
    assert city.judge(revoked["code"], clock()).colour == "red"
    assert city.judge("https://elsewhere.example", clock()).outcome == "not_an_official_code"
    for hours, outcome in ((5, "in_force_offline"), (20, "cannot_tell")):
        clock.forward(timedelta(hours=hours))
        assert city.judge(in_force["code"], clock()).outcome == outcome


async def test_a_download_that_would_undo_something_is_refused_and_the_old_one_stays(
    desk: Desk, services: Services, served: City, roots: Path, tmp_path: Path, clock: Clock
) -> None:
    issued, kept = await desk.issue(), tmp_path / "kept"
    older = await make_bundle(services)
    await act(desk, issued["result_code"], "revoke")
    newer = await make_bundle(services)
    served.body = newer
    fetch(served.address, kept, roots)
    shortened = bundle.encode(replace(bundle.decode(newer), statuses=()))
    mixed = bundle.encode(replace(bundle.decode(newer), statuses=bundle.decode(older).statuses))
    for body, reason in (
        (older, "rolled_back"),
        (mixed, "rolled_back"),
        (shortened, "list_missing"),
        (newer[:-1], "cbor"),
        (b"<html>", "cbor"),
    ):
        served.body = body
        with pytest.raises(InvalidInput, match=reason):
            fetch(served.address, kept, roots)
    assert open_city(kept, roots).judge(issued["code"], clock()).colour == "red"
    assert names_in(kept) == ["bundle"], "nothing half written"


async def test_another_root_is_not_believed(services: Services, served: City, roots: Path, tmp_path: Path) -> None:
    KeyFiles(tmp_path / "others").prepare(development=True)
    served.body = await make_bundle(services)
    with pytest.raises(InvalidInput, match="signer_unknown"):
        fetch(served.address, tmp_path, tmp_path / "others" / "roots.pem")
    with pytest.raises(InvalidInput, match="no public key"):
        fetch(served.address, tmp_path, tmp_path / "absent.pem")
    with pytest.raises(InvalidInput, match="khoso lists fetch"):
        open_city(tmp_path, roots)


def test_where_nothing_can_be_had(served: City, roots: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="503"):
        fetch(served.address, tmp_path, roots)
    for address in ("ftp://kho.example.vn", "http://kho.example.vn", "kho.example.vn", "file:///etc"):
        with pytest.raises(InvalidInput, match="https"):
            fetch(address, tmp_path, roots)


def khoso(*command: str, config: Config | None = None) -> Result:
    environment = {} if config is None else to_environment(config)
    return CliRunner().invoke(app, command, env=environment)


async def at_the_command_line(*command: str, config: Config | None = None) -> Result:
    """In a thread: commands have a loop of their own."""
    return await asyncio.to_thread(khoso, *command, config=config)


async def test_the_commands_of_a_city_and_of_an_inspector(
    desk: Desk, services: Services, config: Config, served: City, roots: Path, tmp_path: Path, clock: Clock
) -> None:
    """The clock of commands is the wall's: a real one for whoever publishes and judges."""
    clock.time = datetime.now(UTC)
    await services.catalogue.refresh()
    in_force, revoked = await desk.issue(), await desk.issue()
    await act(desk, revoked["result_code"], "revoke")
    done = await at_the_command_line("lists", "publish", "--json", config=config)
    assert (done.exit_code, json.loads(done.stdout)["refused"]) == (0, {})
    assert "nothing to publish" in (await at_the_command_line("lists", "publish", config=config)).stdout
    shown = json.loads((await at_the_command_line("lists", "show", "--json", config=config)).stdout)
    assert [row["list"] for row in shown] == ["trust", "types", "status 0"]
    assert all(row["bytes"] > 100 and row["version"] > 0 for row in shown)
    assert "status 0: v" in (await at_the_command_line("lists", "show", config=config)).stdout

    await services.published.refresh()
    served.body = services.published.get_bundle().body
    given = (str(tmp_path / "lists"), "--roots", str(roots))
    fetched = await at_the_command_line("lists", "fetch", served.address, *given)
    assert fetched.exit_code == 0
    assert "proves nothing" in fetched.stdout, "its root is one of development"
    for code, status in ((in_force["code"], 0), (revoked["code"], 3)):
        told = await at_the_command_line("verify", code, "--lists", *given, "--json")
        assert told.exit_code == status
        assert [row["list"] for row in json.loads(told.stdout)["lists"]] == ["trust", "status 0"]
    told = await at_the_command_line("verify", in_force["code"], "--lists", *given)
    assert "status 0: v" in told.stdout
    typed = in_force["lookup_code"]
    for text, answer in (
        (typed, (4, "cannot_tell", "no_network")),
        (f"{typed[:-1]}*", (3, "malformed", "lookup_form")),
    ):
        told = await at_the_command_line("verify", text, "--lists", *given, "--json")
        view = json.loads(told.stdout)
        assert (told.exit_code, view["outcome"], view["reason"]) == answer
    assert (await at_the_command_line("verify", in_force["code"], "--lists", given[0])).exit_code == 2


async def test_a_refusal_ends_the_command_with_an_error(desk: Desk, services: Services, config: Config) -> None:
    await desk.issue()
    await publish(services)
    await desk.rows("UPDATE status_list SET version = version - 1")
    refused = await at_the_command_line("lists", "publish", config=config)
    assert refused.exit_code == 1
    assert "status list 0: rolled_back" in refused.stdout
    await desk.rows("UPDATE status_list SET version = version + 1")
