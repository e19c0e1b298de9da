"""The short form of `make fuzz`: a hundred thousand damaged and random inputs, in a process of their own.

The bench ends with an error if an input raises anything but Malformed, takes more than 100 ms, comes out green, or if
memory grows by more than 50 MB.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EACH = 9_000


def test_no_input_is_green_slow_kept_or_an_error() -> None:
    command = [sys.executable, "-m", "bench.fuzz", str(EACH), "--seed", "20261123"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    inputs = [int(found.replace(",", "")) for found in re.findall(r"([0-9,]+) inputs", ran.stdout)]
    assert set(inputs) == {EACH}
    assert sum(inputs) >= 100_000
