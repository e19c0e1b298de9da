"""What all commands share: where they print, and how they read what a person names."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console

from khoso import config as configuration
from khoso.errors import InputProblem, InvalidInput

if TYPE_CHECKING:
    from khoso.wiring import Services

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

ACTOR = "command line"
"""Who acts, where nobody is named."""

Answer = TypeVar("Answer")

JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def print_json(value: Any) -> None:
    """Plain JSON, also into a pipe."""
    sys.stdout.write(json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=2) + "\n")


def read_file(file: Path) -> bytes:
    """The content of a file, or of standard input for `-`. Raises InvalidInput if it cannot be read."""
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise InvalidInput(InputProblem("file", "unreadable", f"{file}: {error.strerror}")) from None


def write_file(file: Path, content: bytes) -> None:
    """A new file. Raises InvalidInput if there is one already, or if it cannot be written."""
    try:
        with file.open("xb") as new:
            new.write(content)
    except OSError as error:
        raise InvalidInput(InputProblem("file", "unwritable", f"{file}: {error.strerror}")) from None


def decode(data: bytes, kind: Any) -> Any:
    """The JSON as that kind of struct. Raises InvalidInput."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(InputProblem("file", "json", str(error))) from None


def with_services(act: "Callable[[Services], Awaitable[Answer]]") -> Answer:
    """Act with the rooms of the environment's configuration; what verifiers remember is left out."""
    from khoso.wiring import open_services

    async def run() -> Answer:
        async with open_services(configuration.load(), verifying=False) as services:
            return await act(services)

    return asyncio.run(run())
