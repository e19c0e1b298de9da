"""`khoso clients …`: registering apps and agencies' systems."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from khoso.commands.terminal import ACTOR, JsonOption, decode, out, print_json, read_file, tell_time, with_services

if TYPE_CHECKING:
    from khoso.identity.model import Client
    from khoso.wiring import Services

clients_app = typer.Typer(no_args_is_help=True, help="Apps and agencies' systems that ask for access tokens.")
key_app = typer.Typer(no_args_is_help=True, help="Keys by which a system proves itself.")
clients_app.add_typer(key_app, name="key")

ClientId = Annotated[str, typer.Argument(help="The client, as `khoso clients list` names it.")]


@clients_app.command("add")
def add(
    kind: Annotated[str, typer.Argument(help="app: has users who log in; system: acts for its agency by itself.")],
    name: Annotated[str, typer.Argument(help="What people are told it is called.")],
    agency: Annotated[str, typer.Option(help="Code of the agency that answers for it.")],
    redirect_uri: Annotated[list[str] | None, typer.Option(help="Of an app: where its users come back to.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="Of an app: the most that it may be given.")] = None,
    quota: Annotated[int | None, typer.Option(help="Requests in an hour; no limit if left out.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Register a client and print its id."""
    from khoso.identity.clients import ClientRequest

    asked = {
        "kind": kind,
        "name": name,
        "agency_code": agency,
        "redirect_uris": redirect_uri or [],
        "scopes": scope or [],
        "quota_per_hour": quota,
    }
    request = decode(msgspec.json.encode(asked), ClientRequest)
    client = with_services(lambda services: services.identity.clients.register(request, _all(services), ACTOR))
    _tell(client, as_json=as_json)


@clients_app.command("list")
def list_clients(as_json: JsonOption = False) -> None:
    """All clients, ended ones too."""
    from rich.table import Table

    found = with_services(lambda services: services.identity.clients.list_clients(_all(services)))
    if as_json:
        print_json(found)
        return
    table = Table("client", "name", "agency", "quota", "ended")
    for client in found:
        ended = "" if client.ended_at is None else tell_time(client.ended_at)
        table.add_row(client.client_id, client.name, client.agency_code, str(client.quota_per_hour or ""), ended)
    out.print(table)


@clients_app.command("show")
def show(client_id: ClientId) -> None:
    """A client with its keys, as JSON."""
    from khoso.identity.clients import fingerprint

    found = with_services(lambda services: services.identity.clients.get_client(client_id, _all(services)))
    keys = [
        {
            "kid": key.kid,
            "fingerprint": fingerprint(key),
            "valid_from": key.valid_from,
            "valid_until": key.valid_until,
        }
        for key in found.keys
    ]
    print_json({"client": found.client, "subject": found.client.subject, "keys": keys})


@clients_app.command("change")
def change(
    client_id: ClientId,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    quota: Annotated[int | None, typer.Option(help="Another quota; 0: none.")] = None,
    redirect_uri: Annotated[list[str] | None, typer.Option(help="All redirect URIs anew.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="All scopes anew.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Change what is given; the rest stays."""
    from khoso.identity.clients import ClientChange

    asked: dict[str, Any] = {"name": name, "redirect_uris": redirect_uri, "scopes": scope}
    given = {key: value for key, value in asked.items() if value is not None}
    if quota is not None:
        given["quota_per_hour"] = quota or None
    wanted = msgspec.convert(given, ClientChange)
    client = with_services(lambda services: services.identity.clients.change(client_id, wanted, _all(services), ACTOR))
    _tell(client, as_json=as_json)


@clients_app.command("end")
def end(
    client_id: ClientId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """End a client for good, with all logins in it."""
    if not yes:
        typer.confirm(f"{client_id} sẽ bị huỷ vĩnh viễn | this client ends for good. Go on?", abort=True)
    with_services(lambda services: services.identity.clients.end(client_id, _all(services), ACTOR))
    out.print(f"{client_id}: đã huỷ | ended")


@key_app.command("add")
def add_key(
    client_id: ClientId,
    file: Annotated[Path, typer.Argument(help="The public key as JWK, - for standard input.", allow_dash=True)],
    valid_from: Annotated[
        datetime | None, typer.Option("--from", help="Since when it counts, UTC; now if left out.")
    ] = (None),
    valid_until: Annotated[datetime | None, typer.Option("--until", help="Until when, UTC.")] = None,
) -> None:
    """Another key of a system, beside those that it has."""
    from khoso.commands.keys import read_utc
    from khoso.identity.clients import KeyRequest, fingerprint

    request = KeyRequest(
        jwk=decode(read_file(file), dict[str, Any]),
        valid_from=None if valid_from is None else read_utc(valid_from),
        valid_until=None if valid_until is None else read_utc(valid_until),
    )
    key = with_services(lambda services: services.identity.clients.add_key(client_id, request, _all(services), ACTOR))
    out.print(f"{client_id} {key.kid} SHA-256 {fingerprint(key)}", highlight=False)


@key_app.command("end")
def end_key(client_id: ClientId, kid: Annotated[str, typer.Argument(help="The key.")]) -> None:
    """End a key now, with the tokens that were given for it."""
    with_services(lambda services: services.identity.clients.end_key(client_id, kid, _all(services), ACTOR))
    out.print(f"{client_id} {kid}: đã huỷ | ended")


def _all(services: "Services") -> frozenset[str]:
    """Whoever sits at the machine administers every agency's clients."""
    return frozenset(services.catalogue.recorded.agencies)


def _tell(client: "Client", *, as_json: bool) -> None:
    if as_json:
        print_json(client)
    else:
        out.print(client.client_id, highlight=False)
