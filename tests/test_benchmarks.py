"""Benchmarks that build on the most of the house still run: briefly, for what they look at when they have measured.

Their figures are for a quiet machine and for `make bench`. The others want a program to be compared with or a slow
phone, or take long however little they are given.
"""

import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

PROJECT = Path(__file__).parents[1]

over_http = pytest.mark.skipif(which("wrk") is None, reason="wrk is not installed (apt-get install wrk)")


@pytest.mark.parametrize(
    ("benchmark", "says"),
    [
        ("bulk 300", "300 rows: uploaded"),
        ("withdraw 300", "300 results: previewed"),
        ("stolen_key 300", "300 papers: stopped"),
        ("audit 500", "500 rows written"),
        ("publish 1", "a round in which nothing changed"),
        pytest.param("outage --rounds 1 --seconds 1", "without / with: ", marks=over_http),
    ],
)
def test_a_benchmark_runs_to_its_end(benchmark: str, says: str) -> None:
    name, *options = benchmark.split()
    command = [sys.executable, "-m", f"bench.{name}", *options]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert says in done.stdout
