"""The command line: `khoso --help`."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import msgspec
import structlog
import typer

from khoso import config as configuration
from khoso.caller import SCOPES, Caller
from khoso.commands.admin import admin_app
from khoso.commands.agencies import agencies_app
from khoso.commands.assignments import assignments_app
from khoso.commands.audit import audit_app
from khoso.commands.catalogue import catalogue_app
from khoso.commands.clients import clients_app
from khoso.commands.drafts import drafts_app
from khoso.commands.issuing import issuing_app
from khoso.commands.keys import keys_app
from khoso.commands.lists import list_rows, lists_app, print_lists
from khoso.commands.passkeys import passkeys_app
from khoso.commands.status import status_app
from khoso.commands.terminal import (
    EXIT_ERROR,
    EXIT_REFUSED,
    EXIT_UNDECIDED,
    Failure,
    JsonOption,
    decode,
    err,
    failure_of,
    out,
    print_json,
    read_file,
    tell_failure,
)
from khoso.config import Config
from khoso.errors import KeyStoreError, KhosoError, sentence
from khoso.formats.hidden import made_visible
from khoso.times import as_day

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Kho Số: kho kết quả thủ tục hành chính số | the vault of digital administrative results.",
    epilog="Settings are environment variables KHOSO_…; see docs/operations.md.",
)
token_app = typer.Typer(no_args_is_help=True, help="Access tokens.")
app.add_typer(keys_app, name="keys")
app.add_typer(lists_app, name="lists")
app.add_typer(token_app, name="token")
app.add_typer(catalogue_app, name="catalogue")
app.add_typer(audit_app, name="audit")
app.add_typer(admin_app, name="admin")
app.add_typer(agencies_app, name="agencies")
app.add_typer(assignments_app, name="assignments")
app.add_typer(status_app, name="status")
app.add_typer(clients_app, name="clients")
app.add_typer(passkeys_app, name="passkeys")
app.add_typer(drafts_app, name="drafts")
app.add_typer(issuing_app, name="issuing")


def main() -> None:
    """Run a command; an error of ours ends with a line for each thing to do, and exit status 1.

    Who asks for JSON is told of it in JSON, and of a command that is not well-formed too.
    """
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))  # what is asked for is on stdout
    as_json = "--json" in sys.argv
    try:
        sys.exit(app(prog_name="khoso", standalone_mode=not as_json))  # also where `python -m khoso` has started it
    except KhosoError as error:
        failure, status = failure_of(error), EXIT_ERROR
    except typer.TyperException as error:
        wrong = "Lệnh gõ chưa đúng. | The command is not well-formed."
        failure, status = Failure("usage", wrong, error.format_message()), error.exit_code
    tell_failure(failure, as_json=as_json)
    sys.exit(status)


@app.command()
def serve(
    workers: Annotated[int | None, typer.Option(help="Web workers (KHOSO_WORKERS).")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (KHOSO_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (KHOSO_PORT).")] = None,
    with_worker: Annotated[bool, typer.Option(help="Run the background worker beside.")] = True,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Serve the API and the pages, with the background worker beside, until Ctrl-C."""
    from khoso.processes import die_with
    from khoso.serving import serve as run_server

    if parent is not None:
        die_with(parent)
    config = _with(configuration.load(), workers=workers, host=host, port=port)
    _, device_fault = asyncio.run(_check(config, serving=True))
    if device_fault is not None:  # not a reason to check no papers
        err.print(f"[yellow]{sentence(KeyStoreError)}[/]")
        err.print(str(device_fault), highlight=False, markup=False)
    run_server(config, with_worker=with_worker)


@app.command()
def worker(parent: Annotated[int | None, typer.Option(hidden=True)] = None) -> None:
    """Run background jobs alone, until Ctrl-C."""
    from khoso import observing
    from khoso.processes import die_with
    from khoso.working import run_worker

    if parent is not None:
        die_with(parent)
    config = configuration.load()
    observing.configure_logging(config)
    asyncio.run(run_worker(config))


@app.command()
def demo(
    port: Annotated[int | None, typer.Option(help="Port to listen on (KHOSO_PORT).")] = None,
    host: Annotated[
        str | None, typer.Option(help="This machine's address as a phone nearby reaches it, such as 192.168.1.20.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove the last demonstration first; keys stay.")] = False,
    prepare_only: Annotated[bool, typer.Option("--prepare-only", help="Make everything and do not serve.")] = False,
) -> None:
    """Start everything on this machine: database, keys, the Da Nang catalogue, papers to scan, the server."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # while importing there is nothing to tidy up
    from khoso.demo.launch import demo_config, run

    config = demo_config(_with(configuration.load(), port=port), host)
    run(config, out, err, fresh=fresh, prepare_only=prepare_only)


@app.command(hidden=True)
def demo_provider(parent: Annotated[int | None, typer.Option(hidden=True)] = None) -> None:
    """The identity provider of a demonstration, started by it."""
    from khoso.demo.provider import serve_provider
    from khoso.processes import die_with

    if parent is not None:
        die_with(parent)
    serve_provider(configuration.load())


@app.command()
def migrate() -> None:
    """Bring the schema up to date, as the owner (KHOSO_DATABASE_OWNER_URL)."""
    from khoso.errors import ConfigurationError
    from khoso.migrating import migrate as run_migrations

    config = configuration.load()
    if not config.database_owner_url:
        raise ConfigurationError("KHOSO_DATABASE_OWNER_URL is missing: migrations run as the owner of the schema")
    asyncio.run(run_migrations(config.database_owner_url))
    out.print("Lược đồ đã mới nhất | the schema is up to date")


@app.command()
def check_config() -> None:
    """Check settings, keys, signing device, database role and schema, and say what is wrong before a server would."""
    from khoso.signing.files import KeyFiles

    config = configuration.load()
    trust_version, device_fault = asyncio.run(_check(config))
    KeyFiles(config.keys_dir).audit_key()
    if device_fault is not None:
        raise device_fault
    out.print("Cấu hình dùng được | the configuration is good")
    if trust_version == 0:
        out.print("Chưa có danh sách tin cậy | there is no trust list yet: khoso keys trust draft", markup=False)


@app.command()
def issue(
    file: Annotated[Path, typer.Argument(help="The request as JSON, - for standard input.", allow_dash=True)],
    agency: Annotated[str, typer.Option(help="Code of the issuing agency.")],
    actor: Annotated[str, typer.Option(help="Who issues; goes into the audit.")],
    idempotency_key: Annotated[str, typer.Option(help="Once per result: the same key answers the same result.")],
) -> None:
    """Issue one result and print its codes as JSON."""
    from khoso.issuance.model import IssueRequest
    from khoso.wiring import open_services

    async def run(config: Config, request: IssueRequest) -> Any:
        async with open_services(config, verifying=False) as services:
            return await services.issuer.issue(request, agency, actor, idempotency_key)

    request = decode(read_file(file), IssueRequest)
    print_json(asyncio.run(run(configuration.load(), request)))


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, XLSX or NDJSON; see the template at /api/v1/imports/template.")],
    type_code: Annotated[str, typer.Option("--type", help="Code of the result type, such as KQ.H17.000001.")],
    agency: Annotated[str, typer.Option(help="Code of the issuing agency.")],
    actor: Annotated[str, typer.Option(help="Who issues; goes into the audit.")],
    idempotency_key: Annotated[
        str, typer.Option(help="The same key answers the same import. Left out, it is made of file and options.")
    ] = "",
    issue_valid: Annotated[bool, typer.Option("--issue-valid", help="Issue the good rows of a faulty file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Issue a whole file: checked entirely before anything is issued; started again, it goes on where it was.

    Ctrl-C cancels it: what is issued stays so. Killed in any other way, the worker goes on with it. Exit status 0 only
    if it has finished. A file of which nothing was issued is tried again, unless it has a key of its own.
    """
    from khoso.importing import describe_upload, import_from_disk

    upload = describe_upload(file, type_code, idempotency_key, issue_valid)
    job, faults = asyncio.run(import_from_disk(configuration.load(), err, file, upload, agency, actor))
    if as_json:
        print_json({"import": job, "faults": faults})
    else:
        out.print(f"{job.state}: {job.rows_issued} đã cấp | issued, {job.rows_invalid} sai | wrong")
        if job.rows_issued:
            out.print(f"  Mã các kết quả | their codes: /api/v1/imports/{job.import_id}/results", highlight=False)
        for fault in faults:
            out.print(f"  {fault.row_number} {fault.column_name}: {fault.message}", highlight=False, markup=False)
    raise typer.Exit(0 if job.state == "finished" else EXIT_ERROR)


@app.command()
def verify(
    code: Annotated[str, typer.Argument(help="The text of a QR code, or a look-up code; - for standard input.")],
    lists: Annotated[
        Path | None, typer.Option(help="Judge by the lists in this directory, without server or database.")
    ] = None,
    roots: Annotated[Path | None, typer.Option(help="With --lists: PEM file of the city's root keys.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Judge a code. Exit status 0: in force; 3: refused; 4: cannot tell, or not checked on line."""
    text = sys.stdin.read().strip() if code == "-" else code
    if (lists is None) != (roots is None):
        raise typer.BadParameter("--lists and --roots go together")
    if lists is not None and roots is not None:
        view = _verify_offline(text, lists, roots, as_json=as_json)
    else:
        view = asyncio.run(_verify_online(text))
        if as_json:
            print_json(view)
        else:
            _print_verdict(view)
    raise typer.Exit({"green": 0, "red": EXIT_REFUSED}.get(view.colour, EXIT_UNDECIDED))


async def _verify_online(text: str) -> Any:
    from khoso.wiring import open_services

    # A data directory of its own: the server's may be another account's, which could not open what this one leaves.
    with TemporaryDirectory() as data_dir:
        async with open_services(_with(configuration.load(), data_dir=Path(data_dir))) as services:
            verifier = services.verifier
            by_link = "://" in text
            checked = await (verifier.verify_code(text, None) if by_link else verifier.verify_lookup(text, None))
            return verifier.view.present(checked, verifier.catalogue())


def _verify_offline(text: str, lists: Path, roots: Path, *, as_json: bool) -> Any:
    from datetime import UTC, datetime

    from khoso.offline import open_city

    city = open_city(lists, roots)
    view = city.judge(text, datetime.now(UTC))
    if as_json:
        print_json(msgspec.to_builtins(view) | {"lists": list_rows(city)})
    else:
        _print_verdict(view)
        print_lists(city)
    return view


@token_app.command("make")
def token_make(
    subject: Annotated[str, typer.Option(help="Who: a stable name; goes into the audit.")],
    scope: Annotated[list[str], typer.Option(help="One of: " + ", ".join(SCOPES) + ". Repeatable.")],
    agency: Annotated[str | None, typer.Option(help="The agency he acts for.")] = None,
    vault: Annotated[str | None, typer.Option(help="The vault that is his own (uuid).")] = None,
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 31, help="How long it is good.")] = 8,
) -> None:
    """Make an access token and print it: for first steps and tests. In operation people log in (docs/identity.md)."""
    from uuid import UUID

    from khoso.identity.tokens import make_token
    from khoso.signing.files import KeyFiles
    from khoso.wiring import utc_now

    config = configuration.load()
    try:
        caller = Caller(
            subject=subject,
            scopes=frozenset(scope),
            agency_code=agency,
            vault_id=None if vault is None else UUID(vault),
        )
        key = KeyFiles(config.keys_dir).token_key()
        token = make_token(key, config.public_url, caller, utc_now(), timedelta(hours=hours))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    out.print(token, highlight=False)


async def _check(config: Config, *, serving: bool = False) -> tuple[int, KeyStoreError | None]:
    """Raise what would keep a server from starting.

    Answers the version of the trust list, 0 if there is none, and why the signing device could not be used.
    """
    from khoso.wiring import check_root, open_services

    async with open_services(config, verifying=False, serving=serving) as services:
        check_root(config, services)
        version = services.catalogue.snapshot.trust.version
        try:
            await services.signers.check()
        except KeyStoreError as fault:
            return version, fault
    return version, None


def _with(config: Config, **given: Any) -> Config:
    """The configuration with the options that were given on the command line."""
    return msgspec.structs.replace(config, **{name: value for name, value in given.items() if value is not None})


def _print_verdict(view: Any) -> None:
    colour = {"green": "green", "amber": "yellow", "red": "red", "grey": "white"}[view.colour]
    out.print(f"[bold {colour}]{view.title.vi} | {view.title.en}[/]")
    out.print(f"{view.explanation.vi}\n{view.explanation.en}", highlight=False)
    out.print(f"{view.guidance.vi}\n{view.guidance.en}", highlight=False)
    for label, text in [*_paper_lines(view.paper), *_withdrawal_lines(view.withdrawal)]:
        out.print(f"  {label}: {text}", highlight=False, markup=False)
    if view.paper is not None:
        for field in view.paper.fields:
            compared = field == view.paper.comparison
            line = f"  {field.label.vi} | {field.label.en}: {made_visible(field.shown.vi)}"
            out.print(line, style="bold" if compared else "", highlight=False, markup=False)


def _paper_lines(paper: Any) -> Iterator[tuple[str, str]]:
    """What paper it is."""
    if paper is None:
        return
    if paper.type is not None:
        yield "Loại | type", f"{paper.type.name.vi} | {paper.type.name.en}"
    yield "Mã kết quả | result code", paper.result_code
    yield "Cơ quan cấp | issued by", f"{paper.issuer.name.vi} | {paper.issuer.name.en}"
    until = "" if paper.expires_at is None else f" → {as_day(paper.expires_at - timedelta(seconds=1))}"
    yield "Có hiệu lực từ | in force from", f"{as_day(paper.valid_from)}{until}"


def _withdrawal_lines(withdrawal: Any) -> Iterator[tuple[str, str]]:
    """By what decision, and why, it is in force no more."""
    if withdrawal is None:
        return
    yield "Quyết định | decision", f"{withdrawal.decision_number}, {as_day(withdrawal.since)}"
    yield "Lý do | reason", f"{withdrawal.reason.vi} | {withdrawal.reason.en}"
    if withdrawal.superseded_by:
        yield "Thay bằng | replaced by", withdrawal.superseded_by


if __name__ == "__main__":
    main()
