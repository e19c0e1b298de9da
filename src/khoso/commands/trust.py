"""`khoso keys root …` and `khoso keys trust …`: the root, and the list by which it says whom to believe.

`root make` and `trust sign` run on a machine without network and database: they read files and write files.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from khoso import config as configuration
from khoso.commands.terminal import (
    ACTOR,
    JsonOption,
    decode,
    out,
    print_json,
    read_file,
    tell_time,
    with_services,
    write_file,
)
from khoso.errors import InputProblem, InvalidInput

if TYPE_CHECKING:
    from khoso.catalogue.ceremony import Change, Loss
    from khoso.catalogue.drafts import Draft
    from khoso.formats.trust import Trust
    from khoso.wiring import Services

root_app = typer.Typer(no_args_is_help=True, help="The root: made and kept off line.")
trust_app = typer.Typer(no_args_is_help=True, help="The trust list: drafted, signed off line, published.")

WAITS = (
    "Chờ khoá gốc ký | waits for the root: khoso keys trust draft --out FILE, sign it, khoso keys trust publish SIGNED"
)
MIN_PASSPHRASE = 12

PassphraseOption = Annotated[
    Path | None, typer.Option("--passphrase-file", help="A file with the passphrase; it is asked for without one.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Even if papers that are good would read as forged.")]


@root_app.command("make")
def root_make(
    file: Annotated[Path, typer.Option("--out", help="Where the private key goes; its public half beside it.")],
    passphrase_file: PassphraseOption = None,
) -> None:
    """Make a root: its private key is encrypted and stays on this machine, which should have no network."""
    from khoso.formats import cose
    from khoso.signing.roots import make_root, public_path_of

    key = make_root(file, _passphrase(passphrase_file, new=True))
    out.print(f"{cose.key_id(key).hex()}: {file}, {public_path_of(file)}", highlight=False)


@root_app.command("trust")
def root_trust(
    file: Annotated[Path, typer.Argument(help="The public half, as `khoso keys root make` wrote it.")],
) -> None:
    """Believe a root on this machine, beside those that are believed already."""
    from khoso.formats import cose
    from khoso.signing.files import KeyFiles
    from khoso.signing.pem import read_public_pem

    root = read_public_pem(file)
    KeyFiles(configuration.load().keys_dir).pin_root(root)
    out.print(f"Tin khoá gốc | trusted root: {cose.key_id(root).hex()}", highlight=False)


@trust_app.command("draft")
def draft(file: Annotated[Path, typer.Option("--out", help="Where the draft goes, as JSON.")]) -> None:
    """Write down the list that the catalogue asks for, to be signed where the root is."""
    from khoso.catalogue.ceremony import list_changes
    from khoso.catalogue.drafts import read_draft

    async def act(services: "Services") -> "tuple[Draft, Trust]":
        return await services.custody.draft(), services.catalogue.snapshot.believed.trust

    made, present = with_services(act)
    now = datetime.now(UTC)
    write_file(file, msgspec.json.format(msgspec.json.encode(made)))
    out.print(f"{file}: {made.origin}, version {made.version}", highlight=False)
    _tell_changes(list_changes(present, read_draft(made, now, now)))


@trust_app.command("sign")
def sign(
    draft_file: Annotated[Path, typer.Argument(metavar="DRAFT", help="What `khoso keys trust draft` wrote.")],
    root_file: Annotated[Path, typer.Option("--root", help="The private key of the root.")],
    signed_file: Annotated[Path, typer.Option("--out", help="Where the signed list goes.")],
    days: Annotated[int, typer.Option(min=1, max=400, help="How long the list is to hold.")] = 90,
    passphrase_file: PassphraseOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Sign without asking.")] = False,
    force: ForceOption = False,
) -> None:
    """Show what a draft would change, and sign it. Needs the root, and neither database nor network."""
    from khoso.catalogue import ceremony
    from khoso.catalogue.drafts import Draft, read_draft
    from khoso.catalogue.trusting import seal_list
    from khoso.formats.documents import keys_by_kid
    from khoso.signing.files import DocumentSigner
    from khoso.signing.pem import read_key

    made, now = decode(read_file(draft_file), Draft), datetime.now(UTC)
    root = DocumentSigner(read_key(root_file, _passphrase(passphrase_file)))
    trust = read_draft(made, now, now + timedelta(days=days))
    present = ceremony.find_present(made, keys_by_kid(root.public_key))
    ceremony.check_next(trust, present, now)
    losses = list(ceremony.find_losses(present, trust))
    _tell_list(made.origin, trust, present)
    if present.version == 0:
        _tell("Chưa ký danh sách nào trước đây | this root has signed no list before, as far as the draft says", "bold")
    _tell_changes(ceremony.list_changes(present, trust))
    _tell_losses(losses)
    if not force:
        ceremony.refuse_losses(losses)
    if not yes:
        typer.confirm("Ký danh sách này? | Sign this list?", abort=True)
    write_file(signed_file, seal_list(root, made.origin, trust))
    out.print(f"{signed_file}", highlight=False)


@trust_app.command("publish")
def publish(
    file: Annotated[Path, typer.Argument(metavar="SIGNED", help="What `khoso keys trust sign` wrote.")],
    force: ForceOption = False,
) -> None:
    """Let a signed list be believed: by every worker within a second, by verifiers with their next download."""
    signed = read_file(file)

    async def act(services: "Services") -> "Trust":
        trust = await services.custody.publish(signed, ACTOR, force=force)
        await adopt_publisher(services)
        return trust

    trust = with_services(act)
    until = tell_time(_instant(trust.expires_at))
    out.print(f"Đã công bố | published: version {trust.version}, until {until}", highlight=False)


@trust_app.command("show")
def show(as_json: JsonOption = False) -> None:
    """The list that is believed here, and what waits for the root."""

    async def act(services: "Services") -> "tuple[str, Trust, list[Change]]":
        catalogue = services.catalogue.snapshot
        return services.origin, catalogue.believed.trust, await services.custody.list_pending()

    origin, trust, pending = with_services(act)
    if as_json:
        print_json(_as_json(origin, trust, pending))
        return
    _tell_list(origin, trust, trust)
    if pending:
        out.print(WAITS, markup=False)
        _tell_changes(pending)


async def adopt_publisher(services: "Services") -> None:
    """Publish with the next publisher key, if there is one and it is believed."""
    following = services.keys.find_next_publisher()
    if following is not None and following in services.catalogue.snapshot.trust.publishers:
        services.keys.adopt_next_publisher()
        await services.custody.follow_publisher(following, ACTOR)


def _passphrase(file: Path | None, *, new: bool = False) -> bytes:
    if file is not None:
        passphrase = read_file(file).strip()
    else:
        passphrase = typer.prompt("Mật khẩu | passphrase", hide_input=True, confirmation_prompt=new).encode()
    if new and len(passphrase) < MIN_PASSPHRASE:
        message = (
            f"nhập ít nhất {MIN_PASSPHRASE} byte, tốt hơn là sáu từ ngẫu nhiên"
            f" | give at least {MIN_PASSPHRASE} bytes, better six random words"
        )
        raise InvalidInput(InputProblem("passphrase", "too_short", message))
    return passphrase


def _as_json(origin: str, trust: "Trust", pending: "Iterable[Change]") -> dict[str, Any]:
    return {
        "origin": origin,
        "version": trust.version,
        "development": trust.development,
        "issued_at": _instant(trust.issued_at),
        "expires_at": _instant(trust.expires_at),
        "agencies": len(trust.agencies),
        "keys": len(trust.keys),
        "publishers": [kid.hex() for kid in trust.publishers],
        "pending": [change._asdict() for change in pending],
    }


def _tell_list(origin: str, trust: "Trust", present: "Trust") -> None:
    after = f" (sau | after {present.version})" if trust.version != present.version else ""
    lines = {
        "Nơi | origin": origin,
        "Phiên bản | version": f"{trust.version}{after}",
        "Hết hạn | ends": tell_time(_instant(trust.expires_at)),
        "Nội dung | content": f"{len(trust.agencies)} cơ quan | agencies, {len(trust.keys)} khoá | keys, "
        f"{len(trust.publishers)} khoá công bố | publishers",
    }
    if trust.development:
        lines["Thử nghiệm | development"] = "không có giá trị | proves nothing"
    for label, value in lines.items():
        _tell(f"{label:26} {value}")


def _tell_changes(changes: "Iterable[Change]") -> None:
    """Each difference on a line: + is new, - is gone, ~ is changed."""
    for change in changes:
        sign = "+" if change.before is None else "-" if change.after is None else "~"
        values = " → ".join(value for value in (change.before, change.after) if value is not None)
        _tell(f"  {sign} {change.kind} {change.name} {change.member}: {values}")


def _tell_losses(losses: "Iterable[Loss]") -> None:
    for loss in losses:
        _tell(f"  !! {loss.kind} {loss.name} {loss.what}", style="bold red")


def _tell(text: str, style: str = "") -> None:
    """What a draft says may have been written by anybody: nothing in it reaches the terminal but letters."""
    out.print("".join(each if each.isprintable() else "?" for each in text), style=style, markup=False, highlight=False)


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
