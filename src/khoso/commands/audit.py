"""`khoso audit`: what the audit says, whether it is sound, and signing where it ends."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from khoso import config as configuration
from khoso.commands.terminal import EXIT_REFUSED, JsonOption, err, out, print_json
from khoso.config import Config
from khoso.errors import InputProblem, InvalidInput

if TYPE_CHECKING:
    from khoso.auditing.model import Report
    from khoso.auditing.store import ListedRow

audit_app = typer.Typer(no_args_is_help=True, help="The audit: who did what, and whether it is sound.")

_Checkpoints = Annotated[
    list[Path] | None,
    typer.Option(help="A log, or any text, that has kept checkpoints outside of the database. Repeatable."),
]
_Keys = Annotated[
    list[Path] | None,
    typer.Option("--key", help="A public key (PEM) of checkpoints from before audit.pem was replaced. Repeatable."),
]


@audit_app.command()
def check(checkpoints: _Checkpoints = None, keys: _Keys = None, as_json: JsonOption = False) -> None:
    """Derive every hash again. Exit status 0: sound; 3: not sound, with the first wrong row of each chain."""
    outside = [text for file in checkpoints or [] for text in _read_checkpoints(file)]
    report = asyncio.run(_check(configuration.load(), outside, keys or []))
    if as_json:
        print_json({"sound": report.sound, "report": report})
    else:
        _print_report(report)
    raise typer.Exit(0 if report.sound else EXIT_REFUSED)


async def _check(config: Config, outside: list[str], keys: list[Path]) -> "Report":
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from khoso.auditing import service
    from khoso.signing.files import KeyFiles
    from khoso.signing.pem import read_public_pem
    from khoso.wiring import open_pool

    known = [KeyFiles(config.keys_dir).audit_key().public_key(), *map(read_public_pem, keys)]
    columns = TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn()
    async with open_pool(config, 1) as pool:
        with Progress(*columns, console=err) as progress:
            task = progress.add_task("audit", total=None)
            return await service.check(
                pool,
                known,
                outside,
                begin=lambda rows: progress.update(task, total=rows),
                advance=lambda rows: progress.advance(task, rows),
            )


def _read_checkpoints(file: Path) -> list[str]:
    """The checkpoints in a file. Raises InvalidInput if it has none, for then nothing would be checked."""
    from khoso.formats.audit_chain import find_checkpoints

    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            found = [text for line in lines for text in find_checkpoints(line)]
    except OSError as error:
        raise InvalidInput(
            InputProblem("checkpoints", "unreadable", f"không đọc được tệp | {file}: {error.strerror}")
        ) from None
    if not found:
        raise InvalidInput(
            InputProblem(
                "checkpoints", "none", f"tệp không có điểm kiểm tra nào | {file}: there is no checkpoint in it"
            )
        )
    return found


def _print_report(report: "Report") -> None:
    from khoso.auditing.model import SENTENCES

    out.print(f"{report.rows} dòng | rows, {report.checkpoints} điểm kiểm tra | checkpoints", highlight=False)
    out.print(f"{report.rows_since_checkpoint} dòng chưa ký | rows that no checkpoint covers yet", highlight=False)
    for fault in report.faults:
        places = (
            ("chuỗi | chain", fault.chain),
            ("dòng | row", fault.sequence),
            ("điểm | checkpoint", fault.checkpoint),
        )
        place = ", ".join(f"{name} {number}" for name, number in places if number is not None)
        out.print(f"[red]{place}: {SENTENCES[fault.kind]} ({fault.kind})[/]", highlight=False)
    out.print("Nguyên vẹn | sound" if report.sound else "[bold red]KHÔNG nguyên vẹn | NOT sound[/]")


@audit_app.command()
def checkpoint() -> None:
    """Sign where all chains end now, keep it in the database, and print it, to be kept elsewhere."""
    from khoso.auditing import service
    from khoso.signing.files import KeyFiles
    from khoso.wiring import open_pool, utc_now

    async def run(config: Config) -> str:
        key = KeyFiles(config.keys_dir).audit_key()
        async with open_pool(config, 1) as pool:
            return await service.make_checkpoint(pool, key, utc_now())

    out.print(asyncio.run(run(configuration.load())), highlight=False, markup=False)


@audit_app.command("key")
def print_key() -> None:
    """Print the public key that checkpoints are checked with (PEM), to be kept elsewhere."""
    from khoso.signing.files import KeyFiles
    from khoso.signing.pem import public_pem

    public_key = KeyFiles(configuration.load().keys_dir).audit_key().public_key()
    out.print(public_pem(public_key).decode(), highlight=False, markup=False, end="")


@audit_app.command("list")
def list_rows(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 50,
    actor: Annotated[str | None, typer.Option(help="Who acted.")] = None,
    act: Annotated[str | None, typer.Option(help="What was done: issue, revoke, publish_type, …")] = None,
    subject: Annotated[str | None, typer.Option(help="To what: a result code, a type, …")] = None,
    as_json: JsonOption = False,
) -> None:
    """The newest rows that fit, newest first."""
    from khoso import db
    from khoso.auditing import store
    from khoso.auditing.service import AUDITING
    from khoso.wiring import open_pool

    async def run(config: Config) -> "list[ListedRow]":
        async with open_pool(config, 1) as pool, db.transaction(pool, AUDITING) as conn:
            return await store.list_newest(conn, limit, actor, act, subject)

    rows = asyncio.run(run(configuration.load()))
    if as_json:
        print_json(rows)
        return
    for row in rows:
        place = f"{row.chain}/{row.sequence}"
        line = f"{row.at.isoformat()} {place} {row.actor} {row.act} {row.subject}"
        out.print(line, highlight=False, markup=False)
