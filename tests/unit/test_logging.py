"""Logs that cannot be written."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os
import sys
import structlog
from khoso.config import Config
from khoso.observing import configure_logging

configure_logging(Config())
for _ in range(3):
    structlog.get_logger().error("lost")
os.dup2(2, 1)  # there is room again
structlog.get_logger().error("later")
print("went on", file=sys.stderr)
"""


def test_a_line_that_cannot_be_written_ends_nothing() -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run([sys.executable, "-c", PROGRAM], stdout=full, stderr=subprocess.PIPE, check=False)
    assert ended.returncode == 0
    assert b'"event":"later"' in ended.stderr
    assert ended.stderr.endswith(b"went on\n")
