"""Benchmarks that build on the most of the house still run: briefly, for what they look at when they have measured.

Their figures are for a quiet machine and for `make bench`. Those over HTTP want a load generator, others take long
however little they are given.
"""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("name", "count", "says"),
    [
        ("bulk", 300, "300 rows: uploaded"),
        ("withdraw", 300, "300 results: previewed"),
        ("stolen_key", 300, "300 papers: stopped"),
        ("audit", 500, "500 rows written"),
    ],
)
def test_a_benchmark_runs_to_its_end(name: str, count: int, says: str) -> None:
    command = [sys.executable, "-m", f"bench.{name}", str(count)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert says in done.stdout
