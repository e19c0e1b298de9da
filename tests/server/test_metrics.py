"""What a running server tells its watchers."""

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx

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
            (server.config.data_dir / "metrics" / f"{kind}_{os.getpid()}.db").touch(exist_ok=False)
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
