"""What all commands share: where they print, how they end, and how they read what a person names."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console

from khoso import config as configuration
from khoso.errors import InputProblem, InvalidInput, KhosoError, code_of, sentence
from khoso.inputs import to_form_problem
from khoso.times import as_minute

if TYPE_CHECKING:
    from khoso.wiring import Services

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

ACTOR = "command line"
"""Who acts, where nobody is named."""

EXIT_ERROR = 1
EXIT_REFUSED = 3
"""What was to be checked is not good: a paper that must not be accepted, an audit that is not sound."""
EXIT_UNDECIDED = 4
"""`verify`: grey or amber. Nothing was found against the paper, and not everything could be checked."""

Answer = TypeVar("Answer")

JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, errors too.")]


def print_json(value: Any) -> None:
    """Plain JSON, also into a pipe."""
    sys.stdout.write(json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=2) + "\n")


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a command ended; told to programs in the words of the API's errors (RFC 9457, 3.1)."""

    code: str
    title: str
    detail: str = ""
    problems: tuple[InputProblem, ...] = ()


def failure_of(error: KhosoError) -> Failure:
    """An error of ours as it is told: by each of its problems, or by what it says else."""
    detail = "" if error.problems else ", ".join(map(str, error.args))
    return Failure(code_of(type(error)), sentence(type(error)), detail, error.problems)


def tell_failure(failure: Failure, *, as_json: bool) -> None:
    """On standard error: one JSON object on a line of its own, or a line for each thing to do."""
    if as_json:
        sys.stderr.write(msgspec.json.encode(failure).decode() + "\n")
        return
    err.print(f"[red]{failure.title}[/]")
    for line in [f"{one.field}: {one.message}" for one in failure.problems] or [failure.detail]:
        err.print(line, highlight=False, markup=False)


def tell_time(instant: datetime) -> str:
    """`14:05 23/11/2026 +07`: with its zone, for the options take times of UTC."""
    return f"{as_minute(instant)} +07"


def read_file(file: Path) -> bytes:
    """The content of a file, or of standard input for `-`. Raises InvalidInput if it cannot be read."""
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise InvalidInput(
            InputProblem("file", "unreadable", f"không đọc được tệp | {file}: {error.strerror}")
        ) from None


def write_file(file: Path, content: bytes) -> None:
    """A new file. Raises InvalidInput if there is one already, or if it cannot be written."""
    try:
        with file.open("xb") as new:
            new.write(content)
    except OSError as error:
        raise InvalidInput(
            InputProblem("file", "unwritable", f"không ghi được tệp | {file}: {error.strerror}")
        ) from None


def decode(data: bytes, kind: Any) -> Any:
    """The JSON as that kind of struct. Raises InvalidInput."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise InvalidInput(to_form_problem(str(error), "file")) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(InputProblem("file", "json", f"sửa lại tệp: không phải JSON hợp lệ | {error}")) from None


def with_services(act: "Callable[[Services], Awaitable[Answer]]") -> Answer:
    """Act with the rooms of the environment's configuration; what verifiers remember is left out."""
    from khoso.wiring import open_services

    async def run() -> Answer:
        async with open_services(configuration.load(), verifying=False) as services:
            return await act(services)

    return asyncio.run(run())
