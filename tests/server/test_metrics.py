"""What a running server tells its watchers."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from demo.launching import list_processes
from khoso.config import Config
from servers import Server, serving
from tokens import bearer

Metrics = dict[str, float]

FOREIGN = 'khoso_verdicts_total{outcome="not_an_official_code"}'


def read_metrics(server: Server, key_dir: Path) -> Metrics:
    answer = httpx.get(f"{server.url}/metrics", headers=bearer(key_dir, datetime.now(UTC), "metrics:read"))
    assert answer.status_code == 200, server.log
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = (line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def wait_for_metrics(server: Server, key_dir: Path, wanted: Callable[[Metrics], bool]) -> Metrics:
    deadline = time.monotonic() + 20
    while not wanted(metrics := read_metrics(server, key_dir)):
        assert time.monotonic() < deadline, metrics
        time.sleep(0.1)
    return metrics


def ages_of_statuses(metrics: Metrics) -> dict[int, float]:
    """How old what each process remembers of statuses is."""
    told = 'khoso_status_age_seconds{pid="'
    return {int(name[len(told) : -len('"}')]): age for name, age in metrics.items() if name.startswith(told)}


def verify_seven(server: Server) -> None:
    for _ in range(7):
        httpx.post(f"{server.url}/api/v1/verify", json={"code": "https://elsewhere.example"})


def directory_of(server: Server) -> Path:
    """Where its processes count, as they were told."""
    told = b"PROMETHEUS_MULTIPROC_DIR="
    environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in list_processes(server.process.pid)]
    [directory] = {line[len(told) :] for one in environments for line in one.split(b"\0") if line.startswith(told)}
    return Path(directory.decode())


def test_verdicts_and_the_age_of_statuses_are_told(config: Config, key_dir: Path, tmp_path: Path) -> None:
    with serving(config, tmp_path / "log", "--workers", "2", "--no-with-worker") as server:
        verify_seven(server)
        metrics = wait_for_metrics(server, key_dir, lambda told: told.get(FOREIGN, 0) >= 7)
        assert metrics[FOREIGN] == 7
        ages = ages_of_statuses(metrics)
        assert len(ages) == 2, "one of each worker"
        assert max(ages.values()) < 5
        asked = [
            value
            for name, value in metrics.items()
            if name.startswith("khoso_request_seconds_count{") and "verify" in name
        ]
        assert sum(asked) == 7


def test_a_file_that_is_just_being_made_hides_no_other(config: Config, key_dir: Path, tmp_path: Path) -> None:
    with serving(config, tmp_path / "log", "--workers", "1", "--no-with-worker") as server:
        for kind in ("counter", "histogram", "gauge_liveall", "gauge_livemax"):
            (directory_of(server) / f"{kind}_{os.getpid()}.db").touch(exist_ok=False)
        assert len(ages_of_statuses(read_metrics(server, key_dir))) == 1


def test_workers_that_were_killed_still_count_but_no_longer_say_how_they_stand(
    config: Config, key_dir: Path, tmp_path: Path
) -> None:
    with serving(config, tmp_path / "log", "--workers", "2", "--no-with-worker") as server:
        verify_seven(server)
        before = ages_of_statuses(wait_for_metrics(server, key_dir, lambda told: told.get(FOREIGN, 0) >= 7))
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        server.wait_until("/readyz")
        after = wait_for_metrics(server, key_dir, lambda told: len(ages_of_statuses(told)) == 2)
        assert not before.keys() & ages_of_statuses(after).keys()
        assert after[FOREIGN] == 7


def test_two_servers_of_a_machine_count_apart_and_leave_nothing(config: Config, key_dir: Path, tmp_path: Path) -> None:
    with serving(config, tmp_path / "log", "--workers", "1", "--no-with-worker") as server:
        verify_seven(server)
        with serving(config, tmp_path / "other-log", "--workers", "1", "--no-with-worker") as other:
            wait_for_metrics(server, key_dir, lambda told: told.get(FOREIGN, 0) >= 7)
            mine, others = read_metrics(server, key_dir), read_metrics(other, key_dir)
            assert (mine[FOREIGN], FOREIGN in others) == (7, False)
            assert not ages_of_statuses(mine).keys() & ages_of_statuses(others).keys()
            directory = directory_of(other)
            assert directory.stat().st_mode & 0o777 == 0o700
            assert other.terminate() == 0
        assert not directory.exists()
        assert read_metrics(server, key_dir)[FOREIGN] == 7


def test_what_a_killed_server_counted_goes_with_the_next_start(config: Config, tmp_path: Path) -> None:
    with serving(config, tmp_path / "log", "--workers", "1", "--no-with-worker") as server:
        left = directory_of(server)
        server.kill_all()
    assert left.exists()
    with serving(config, tmp_path / "log", "--workers", "1", "--no-with-worker") as server:
        assert not left.exists()
        assert directory_of(server).exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, to be filled."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_ends_no_worker_and_lets_the_next_one_start(
    config: Config, key_dir: Path, tmp_path: Path, small_disk: Path
) -> None:
    on_it = msgspec.structs.replace(config, data_dir=small_disk)
    with serving(on_it, tmp_path / "log", "--workers", "2", "--no-with-worker") as server:
        before = ages_of_statuses(wait_for_metrics(server, key_dir, lambda told: len(ages_of_statuses(told)) == 2))
        with suppress(OSError), (small_disk / "filled").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        for number in range(60):  # each status and method is counted at a place of its own
            httpx.request("GET", f"{server.url}/api/v1/nothing{number}")
            httpx.request("DELETE", f"{server.url}/v")
        verify_seven(server)
        after = wait_for_metrics(server, key_dir, lambda told: told.get(FOREIGN, 0) >= 7)
        assert ages_of_statuses(after).keys() == before.keys()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        server.wait_until("/readyz")
        wait_for_metrics(server, key_dir, lambda told: len(ages_of_statuses(told).keys() - before.keys()) == 2)


def test_ages_are_told_also_when_the_disk_refuses_something(config: Config, key_dir: Path, tmp_path: Path) -> None:
    with serving(config, tmp_path / "log", "--workers", "1", "--no-with-worker") as server:
        damaged = server.config.data_dir / "spool" / "damaged"
        damaged.parent.mkdir(exist_ok=True)
        damaged.touch()
        wait_for_metrics(server, key_dir, lambda _: "not kept up" in server.log)
        [left] = seconds_of_trust(read_metrics(server, key_dir))
        wait_for_metrics(server, key_dir, lambda told: seconds_of_trust(told) < [left])


def seconds_of_trust(metrics: Metrics) -> list[float]:
    return [value for name, value in metrics.items() if name.startswith("khoso_trust_seconds_left")]
