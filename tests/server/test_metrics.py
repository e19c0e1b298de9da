"""What a running server tells its watchers."""

import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

from khoso.config import Config
from servers import Server, serving
from tokens import bearer


def read_metrics(server: Server, key_dir: Path) -> dict[str, float]:
    answer = httpx.get(f"{server.url}/metrics", headers=bearer(key_dir, datetime.now(UTC), "metrics:read"))
    assert answer.status_code == 200
    lines = (line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def test_verdicts_and_the_age_of_statuses_are_told(config: Config, key_dir: Path, tmp_path: Path) -> None:
    with serving(config, tmp_path / "log", "--workers", "2", "--no-with-worker") as server:
        for _ in range(7):
            httpx.post(f"{server.url}/api/v1/verify", json={"code": "https://elsewhere.example"})
        deadline = time.monotonic() + 5
        told = 0.0
        while told < 7 and time.monotonic() < deadline:
            time.sleep(0.1)
            metrics = read_metrics(server, key_dir)
            told = metrics.get('khoso_verdicts_total{outcome="not_an_official_code"}', 0)
        assert told == 7
        ages = [value for name, value in metrics.items() if name.startswith("khoso_status_age_seconds")]
        assert len(ages) == 2, "one of each worker"
        assert max(ages) < 5
        asked = [
            value
            for name, value in metrics.items()
            if name.startswith("khoso_request_seconds_count{") and "verify" in name
        ]
        assert sum(asked) == 7
