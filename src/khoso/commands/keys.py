"""`khoso keys …`: the keys of agencies and of the publisher, on a machine of the city that has the database."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from khoso import config as configuration
from khoso.commands.terminal import ACTOR, JsonOption, out, print_json, with_services
from khoso.commands.trust import WAITS, adopt_publisher, root_app, trust_app
from khoso.errors import InputProblem, InvalidInput

if TYPE_CHECKING:
    from khoso.catalogue.model import SigningKey
    from khoso.wiring import Services

keys_app = typer.Typer(no_args_is_help=True, help="Signing keys, the root, the trust list.")
keys_app.add_typer(root_app, name="root")
keys_app.add_typer(trust_app, name="trust")


@keys_app.command("prepare")
def prepare(
    development: Annotated[
        bool, typer.Option("--development", help="Also a root at hand: demonstrations and tests only.")
    ] = False,
) -> None:
    """Make the key directory with passphrase, token key, publisher key and pepper; what is there stays."""
    from khoso.signing.files import KeyFiles

    config = configuration.load()
    KeyFiles(config.keys_dir).prepare(development=development)
    out.print(f"{config.keys_dir.resolve()}")


@keys_app.command("make")
def make(
    agency: Annotated[str, typer.Argument(help="Code of the agency.")],
    hsm: Annotated[bool, typer.Option("--hsm", help="In the signing device, from which it never comes out.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a signing key for an agency and let it sign as soon as it is trusted; its last key retires then."""

    async def act(services: "Services") -> "SigningKey":
        device = services.signers.device if hsm else None
        public_key = services.keys.make_agency_key() if device is None else await device.make_key(f"khoso {agency}")
        return await services.custody.add_key(agency, public_key, ACTOR)

    key = with_services(act)
    if as_json:
        print_json({"agency_code": agency, "kid": key.kid.hex(), "state": key.state.value})
    else:
        out.print(f"{agency}: {key.kid.hex()}")
        _tell_if_waiting(key)


@keys_app.command("list")
def list_keys(as_json: JsonOption = False) -> None:
    """The keys of all agencies, with their state here and in the trust list."""
    from rich.table import Table

    async def act(services: "Services") -> list[dict[str, str]]:
        trusted = services.catalogue.snapshot.believed.trust.keys
        return [
            {
                "kid": key.kid.hex(),
                "agency_code": key.agency_code,
                "state": key.state.value,
                "trusted_as": trusted[key.kid].state.value if key.kid in trusted else "",
            }
            for key in sorted(await services.custody.list_keys(), key=lambda key: (key.agency_code, key.valid_from))
        ]

    found = with_services(act)
    if as_json:
        print_json(found)
        return
    table = Table("kid", "agency", "state", "trusted as")
    for key in found:
        table.add_row(*key.values())
    out.print(table)


@keys_app.command("compromise")
def compromise(
    kid: Annotated[str, typer.Argument(help="The key that was stolen, as `khoso keys list` names it.")],
    since: Annotated[
        datetime | None, typer.Option(help="When it is thought to have been stolen, UTC; for people to read.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    no_new_key: Annotated[bool, typer.Option("--no-new-key", help="Leave the agency without a key to sign with.")] = (
        False
    ),
    as_json: JsonOption = False,
) -> None:
    """A key was stolen: stop it at once, save its honest papers, give its agency a new key. May be run again."""
    if as_json and not yes:
        raise typer.BadParameter("give --yes with --json")
    stolen = _read_kid(kid)
    if not yes:
        typer.confirm(f"Khoá {kid} sẽ bị huỷ vĩnh viễn | this key ends for good. Go on?", abort=True)
    told = with_services(lambda services: _compromise(services, stolen, since, new_key=not no_new_key))
    if as_json:
        print_json(told)
        return
    out.print(f"{told['agency_code']}: {kid} đã dừng | stopped")
    out.print(f"Giấy thật được giữ | honest papers saved: {told['papers']} ({told['bytes']} bytes)")
    if told["new_kid"]:
        out.print(f"Khoá mới | new key: {told['new_kid']}")
    if told["waits"]:
        out.print(WAITS, markup=False)


async def _compromise(services: "Services", kid: bytes, since: datetime | None, *, new_key: bool) -> dict[str, Any]:
    from khoso.formats.trust import KeyState
    from khoso.wiring import utc_now

    now = utc_now()
    stopped = await services.custody.stop_key(kid, now if since is None else read_utc(since), ACTOR)
    agency_code, new = stopped.agency_code, None
    if new_key and not _has_key(await services.custody.list_keys(), agency_code):
        new = await services.custody.add_key(agency_code, services.keys.make_agency_key(), ACTOR)
    papers = await services.custody.save_honest_papers(kid, ACTOR)
    trusted = services.catalogue.snapshot.believed.trust.keys.get(kid)
    return {
        "agency_code": agency_code,
        "kid": kid.hex(),
        "papers": papers.papers,
        "bytes": len(papers.content),
        "new_kid": None if new is None else new.kid.hex(),
        "waits": trusted is not None and trusted.state is not KeyState.COMPROMISED,
    }


def _has_key(keys: "list[SigningKey]", agency_code: str) -> bool:
    """Whether the agency signs with a key, or has one that waits for the root."""
    return any(key.agency_code == agency_code and key.state in ("active", "pre_active") for key in keys)


@keys_app.command("publisher")
def publisher(
    compromised: Annotated[
        bool, typer.Option("--compromised", help="The present one was stolen: what it signed is believed no more.")
    ] = False,
) -> None:
    """Have the trust list name the publisher key; if it does already, make another that takes its place."""

    async def act(services: "Services") -> bytes:
        present = services.keys.publisher_signer()
        if not compromised and present.kid not in await services.custody.find_publishers():
            await services.catalogue.register_publisher(present.public_key, ACTOR)
            return present.kid
        following = services.keys.make_next_publisher()
        await services.catalogue.register_publisher(following, ACTOR)
        if compromised:
            await services.custody.withdraw_publisher(present.kid, ACTOR)
        await adopt_publisher(services)
        return services.keys.find_next_publisher() or services.keys.publisher_signer().kid

    async def tell(services: "Services") -> None:
        kid = await act(services)
        out.print(f"publisher: {kid.hex()}")
        if kid not in services.catalogue.snapshot.trust.publishers:
            out.print(WAITS, markup=False)

    with_services(tell)


def _tell_if_waiting(key: "SigningKey") -> None:
    if key.state == "pre_active":
        out.print(WAITS, markup=False)


def _read_kid(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise InvalidInput(
            InputProblem(
                "kid", "kid", "nhập mã khoá gồm 16 chữ số thập lục phân | give the 16 hexadecimal digits of the key"
            )
        ) from None


def read_utc(instant: datetime) -> datetime:
    """A time of the command line, which is UTC unless it says otherwise."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
