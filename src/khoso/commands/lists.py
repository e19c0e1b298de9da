"""`khoso lists …`: what the city publishes, and what an offline verifier downloads of it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from khoso.commands.terminal import JsonOption, out, print_json, tell_time, with_services

if TYPE_CHECKING:
    from khoso.offline import OfflineCity
    from khoso.publishing.service import Report
    from khoso.wiring import Services

lists_app = typer.Typer(no_args_is_help=True, help="Published lists: trust, result types, statuses.")

RootsOption = Annotated[Path, typer.Option("--roots", help="PEM file with the public keys of the city's roots.")]

EXIT_REFUSED = 1


@lists_app.command("publish")
def publish(as_json: JsonOption = False) -> None:
    """Publish now what changed or grows old. Exit status 1: something was refused (docs/publishing.md)."""

    async def act(services: "Services") -> "Report":
        return await services.publisher.publish()

    report = with_services(act)
    if as_json:
        print_json({"published": report.published, "refused": report.refused})
    else:
        _print_report(report)
    raise typer.Exit(EXIT_REFUSED if report.refused else 0)


@lists_app.command("show")
def show(as_json: JsonOption = False) -> None:
    """What is published: versions, ages, sizes."""

    async def act(services: "Services") -> list[dict[str, Any]]:
        trust, signed = services.catalogue.snapshot.believed.trust, services.catalogue.snapshot.signed_trust
        trust_row = _row("trust", trust.version, _utc(trust.issued_at), _utc(trust.expires_at), len(signed))
        return [*([trust_row] if signed else []), *await _published_rows(services)]

    rows = with_services(act)
    if as_json:
        print_json(rows)
    else:
        _print_rows(rows)


@lists_app.command("fetch")
def fetch(
    origin: Annotated[str, typer.Argument(help="The city's address, such as https://kho.example.vn, or a mirror's.")],
    directory: Annotated[Path, typer.Argument(help="Where the bundle is kept.")],
    roots: RootsOption,
    as_json: JsonOption = False,
) -> None:
    """Download all lists for verifying without a network; what is older than what is there is refused."""
    from khoso.offline import fetch as download

    print_lists(download(origin, directory, roots), as_json=as_json)


def print_lists(city: "OfflineCity", *, as_json: bool = False) -> None:
    """The versions and ages of downloaded lists."""
    rows = list_rows(city)
    if as_json:
        print_json({"origin": city.origin, "lists": rows})
        return
    out.print(city.origin, highlight=False)
    if city.trust.development:
        out.print("Gốc tin cậy chỉ để thử, không chứng minh gì | the root is one of development and proves nothing")
    _print_rows(rows)


def list_rows(city: "OfflineCity") -> list[dict[str, Any]]:
    """The trust list and the status lists of a city, with their times."""
    trust = city.trust
    return [
        _row("trust", trust.version, _utc(trust.issued_at), _utc(trust.expires_at)),
        *(
            _row(f"status {token.list_id}", token.version, _utc(token.issued_at), _utc(token.expires_at))
            for _, token in sorted(city.lists.status_tokens.items())
        ),
    ]


async def _published_rows(services: "Services") -> list[dict[str, Any]]:
    from khoso import db
    from khoso.publishing import store

    async with db.transaction(services.pool) as conn:
        types = await store.find_types(conn)
        statuses = await store.list_sizes(conn)
    types_rows = [] if types is None else [_row("types", types.version, types.issued_at, None, len(types.cwt))]
    return [
        *types_rows,
        *(_row(f"status {one.list_id}", one.version, one.issued_at, one.expires_at, one.cwt_bytes) for one in statuses),
    ]


def _row(
    name: str, version: int, issued_at: datetime, expires_at: datetime | None, size: int | None = None
) -> dict[str, Any]:
    given = {"list": name, "version": version, "issued_at": issued_at, "expires_at": expires_at, "bytes": size}
    return {key: value for key, value in given.items() if value is not None}


def _print_rows(rows: list[dict[str, Any]]) -> None:
    now = datetime.now(UTC)
    for row in rows:
        size = f", {row['bytes']:,} bytes" if "bytes" in row else ""
        end = f", đến | until {tell_time(row['expires_at'])}" if "expires_at" in row else ""
        age = _age((now - row["issued_at"]).total_seconds())
        out.print(f"  {row['list']}: v{row['version']}, {age}{end}{size}", highlight=False)


def _print_report(report: "Report") -> None:
    for subject in report.published:
        out.print(f"Đã công bố | published: {subject}", highlight=False)
    for subject, reason in report.refused.items():
        out.print(f"Từ chối | refused: {subject}: {reason}", highlight=False)
    if not report.published and not report.refused:
        out.print("Không có gì mới | nothing to publish")


def _age(seconds: float) -> str:
    """In the largest unit that says something."""
    minutes = int(seconds // 60)
    if minutes < 120:
        return f"{minutes} phút | min"
    hours = minutes // 60
    return f"{hours} giờ | h" if hours < 48 else f"{hours // 24} ngày | days"


def _utc(seconds: int) -> datetime:
    from khoso.offline import utc

    return utc(seconds)
