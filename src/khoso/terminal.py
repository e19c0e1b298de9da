"""What all commands share: where they print, how they end, how they answer in JSON."""

import json
import sys
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

EXIT_ERROR = 1
EXIT_REFUSED = 3
"""What was to be checked is not good: a paper that must not be accepted, an audit that is not sound."""
EXIT_UNDECIDED = 4
"""`verify`: grey or amber. Nothing was found against the paper, and not everything could be checked."""

JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def print_json(value: Any) -> None:
    """Plain JSON, also into a pipe."""
    sys.stdout.write(json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=2) + "\n")
