"""`khoso demo` as a process: how it starts, what it says, how it ends, and what it leaves."""

import asyncio
import json
import os
import signal
import socket
import stat
import time
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest

from demo.conftest import NewDemo
from demo.launching import Demo, wait_gone
from grounds import Database
from khoso.config import Config
from khoso.demo import papers
from khoso.demo.launch import own_database
from khoso.times import as_day

RECORDED = sum(paper.fault in (None, "altered_paper") for paper in papers.load().values())


async def count_credentials(owner_url: str) -> int:
    connection = await asyncpg.connect(owner_url)
    try:
        count: int = await connection.fetchval("SELECT count(*) FROM credential")
        return count
    finally:
        await connection.close()


def count_papers(demo: Demo) -> int:
    """Those in the database of a demonstration that has ended."""
    with own_database(Config(keys_dir=demo.keys_dir, data_dir=demo.data_dir), demo.places) as config:
        return asyncio.run(count_credentials(config.database_owner_url))


def test_it_starts_says_where_to_look_and_ends_with_nothing_left(new_demo: NewDemo) -> None:
    closed = "http://127.0.0.1:9"  # in many an office a proxy is set
    demo = new_demo(http_proxy=closed, https_proxy=closed)
    for _ in ("first", "later"):
        demo.start()
        demo.wait_ready()
        for page in ("/", "/v", "/demo/papers", "/docs/api"):
            assert httpx.get(demo.origin + page).status_code == 200
        for said in (f"{demo.origin}/v", f"{demo.origin}/demo/papers", f"{demo.origin}/docs/api", "Mã tra cứu"):
            assert said in demo.out
        assert "--fresh" not in demo.out
        assert (demo.press_ctrl_c(), demo.err) == (0, "")
    assert stat.S_IMODE(demo.places.env.stat().st_mode) == 0o600
    assert count_papers(demo) == RECORDED


def test_killed_it_leaves_nothing_running_and_starts_again_at_once(new_demo: NewDemo) -> None:
    demo = new_demo()
    demo.start()
    # 1. In the midst of the first loading, which the next start completes without making a paper twice.
    demo.wait_loading()
    demo.kill()
    demo.start()
    demo.wait_ready()
    # 2. Serving.
    children = demo.kill()
    assert any("worker" in line for line in children.values())
    demo.start()
    demo.wait_ready()
    assert wait_gone(children, 0) == {}
    # 3. A child alone: the demonstration ends and says so.
    server = next(pid for pid, line in demo.list_processes().items() if "khoso serve" in line)
    children = demo.list_processes()
    os.kill(server, signal.SIGKILL)
    assert demo.process.wait(30) == 1
    assert "The web server ended by itself" in demo.err
    assert wait_gone(children, 20) == {}
    assert count_papers(demo) == RECORDED


@pytest.mark.parametrize("into_loading_seconds", [0, 0.1, 0.3])
def test_sigterm_ends_it_like_ctrl_c(new_demo: NewDemo, into_loading_seconds: float) -> None:
    demo = new_demo()
    demo.start()
    demo.wait_loading()
    time.sleep(into_loading_seconds)
    children = demo.list_processes()
    demo.process.terminate()
    assert demo.process.wait(10) == 0
    assert demo.err == ""
    assert wait_gone(children, 0.5) == {}


def test_a_port_that_is_taken_is_told_before_anything_is_made(new_demo: NewDemo) -> None:
    demo = new_demo()
    with socket.create_server(("127.0.0.1", demo.port)):
        assert demo.run() == 1
    assert f"127.0.0.1:{demo.port} is taken by another program" in demo.err
    assert "--port" in demo.err
    assert "Traceback" not in demo.err
    assert not demo.keys_dir.exists()


def test_fresh_starts_over_and_removes_only_what_was_its_own(new_demo: NewDemo) -> None:
    demo = new_demo()
    assert demo.run("--prepare-only") == 0
    before = json.loads(demo.places.papers.read_bytes())
    keys = set(demo.keys_dir.rglob("*"))
    kept = [demo.data_dir / "mine.txt", demo.places.directory / "mine.txt"]
    for path in kept:
        path.write_text("mine")
    assert demo.run("--fresh", "--prepare-only") == 0
    after = json.loads(demo.places.papers.read_bytes())
    assert after["loading_began_at"] > before["loading_began_at"]
    assert {paper["code"] for paper in after["papers"]}.isdisjoint(paper["code"] for paper in before["papers"])
    assert all(path.read_text() == "mine" for path in kept)
    assert keys <= set(demo.keys_dir.rglob("*"))
    assert demo.err == ""


def test_papers_are_as_old_as_their_loading_and_their_codes_follow_the_address(new_demo: NewDemo) -> None:
    demo = new_demo()
    assert demo.run("--prepare-only") == 0
    record = json.loads(demo.places.papers.read_bytes())
    began = datetime.fromisoformat(record["loading_began_at"]) - timedelta(days=8)
    demo.places.papers.write_text(json.dumps(record | {"loading_began_at": began.isoformat()}))
    demo.start("--host", "127.0.0.1")
    demo.wait_ready()
    assert as_day(began) in demo.out
    assert "--fresh" in demo.out
    code = record["papers"][0]["code"].replace("localhost", "127.0.0.1")
    verdict = httpx.post(f"http://127.0.0.1:{demo.port}/api/v1/verify", json={"code": code}).json()
    assert verdict["outcome"] == "in_force"
    assert code in demo.places.sheet.read_text()


@pytest.mark.parametrize("host", ["0.0.0.0", "::1", "Laptop"])
def test_a_host_that_no_phone_finds_in_a_code_is_refused_at_once(new_demo: NewDemo, host: str) -> None:
    demo = new_demo()
    assert demo.run("--host", host) == 1
    assert "phone" in demo.err
    assert not demo.keys_dir.exists()


def test_keys_that_do_not_fit_the_database_are_told(new_demo: NewDemo) -> None:
    demo = new_demo()
    assert demo.run("--prepare-only") == 0
    demo.places.papers.unlink()
    for key in (demo.keys_dir / "agency").iterdir():
        key.unlink()
    assert demo.run("--prepare-only") == 1
    assert "--fresh" in demo.err
    assert "Traceback" not in demo.err
    assert demo.run("--prepare-only", "--fresh") == 0


async def test_it_takes_a_postgresql_of_the_users_own(new_demo: NewDemo, database: Database) -> None:
    demo = new_demo(KHOSO_DATABASE_URL=database.app_dsn, KHOSO_DATABASE_OWNER_URL=database.owner_dsn)
    for _ in range(2):
        assert demo.run("--prepare-only") == 0, demo.err
        assert await count_credentials(database.admin_dsn) == RECORDED
    assert not demo.places.database().exists()
    assert demo.run("--fresh") == 1
    assert "--fresh does not empty a database of yours" in demo.err
    assert await count_credentials(database.admin_dsn) == RECORDED


def test_an_ordinary_user_runs_it_as_himself(ordinary_demo: Demo) -> None:
    demo = ordinary_demo
    demo.start()
    demo.wait_ready()
    uid = demo.places.env.stat().st_uid
    assert uid != 0
    assert {Path(f"/proc/{pid}").stat().st_uid for pid in demo.list_processes()} == {uid}
    assert demo.press_ctrl_c() == 0
    assert demo.err == ""
    assert (demo.data_dir / "postgres" / "pgdata").stat().st_uid == uid
