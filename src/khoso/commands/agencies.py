"""`khoso agencies`: agencies as they come, go and change."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from khoso.caller import Purview
from khoso.catalogue.administration import AgencyChange
from khoso.catalogue.model import Agency, Successor
from khoso.commands.administering import Actor
from khoso.commands.terminal import JsonOption, out, print_json, with_services
from khoso.errors import InvalidInput
from khoso.inputs import to_form_problem

if TYPE_CHECKING:
    from khoso.wiring import Services

agencies_app = typer.Typer(no_args_is_help=True, help="Agencies, former ones too.")

Code = Annotated[str, typer.Argument(help="Code of the agency, such as H17.05.12.")]
NameVi = Annotated[str | None, typer.Option(help="Name in Vietnamese.")]
NameEn = Annotated[str | None, typer.Option(help="Name in English.")]
Level = Annotated[str | None, typer.Option(help="city, department, ward, commune, special_zone or district.")]
Parent = Annotated[str | None, typer.Option(help="The agency that it is below.")]
From = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Its first day.")]
Until = Annotated[
    datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="The first day on which it is no more.")
]


@agencies_app.command("list")
def list_agencies(
    below: Annotated[str | None, typer.Option(help="Only this one and those below it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """All agencies by code; a mark before those that are no more, or not yet."""

    async def run(services: "Services") -> list[tuple[Agency, bool]]:
        hierarchy = services.catalogue.hierarchy
        chosen = None if below is None else hierarchy.below(below)
        agencies = sorted(services.catalogue.recorded.agencies.values(), key=lambda agency: agency.agency_code)
        return [
            (agency, hierarchy.stands(agency.agency_code))
            for agency in agencies
            if chosen is None or agency.agency_code in chosen
        ]

    found = with_services(run)
    if as_json:
        print_json([agency for agency, _ in found])
        return
    for agency, stands in found:
        text = f"{' ' if stands else '-'} {agency.agency_code:16} {agency.name_vi} | {agency.name_en}"
        out.print(text, highlight=False, markup=False)


@agencies_app.command()
def add(
    code: Code,
    name_vi: Annotated[str, typer.Option(help="Name in Vietnamese.")],
    name_en: Annotated[str, typer.Option(help="Name in English.")],
    level: Annotated[str, typer.Option(help="city, department, ward, commune, special_zone or district.")],
    parent: Annotated[str, typer.Option(help="The agency that it is below.")],
    valid_from: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="Its first day.")],
    actor: Actor,
    valid_until: Until = None,
) -> None:
    """Add an agency. It is trusted once the trust list names it: `khoso keys trust draft`."""
    given = {
        "agency_code": code,
        "name_vi": name_vi,
        "name_en": name_en,
        "level": level,
        "parent_code": parent,
        "valid_from": valid_from.date(),
        "valid_until": None if valid_until is None else valid_until.date(),
    }
    agency: Agency = _convert(given, Agency)

    async def run(services: "Services") -> bool:
        await services.administration.add_agency(agency, _everywhere(services), actor)
        return services.administration.is_listed(code)

    _tell(code, with_services(run))


@agencies_app.command()
def change(
    code: Code,
    actor: Actor,
    name_vi: NameVi = None,
    name_en: NameEn = None,
    level: Level = None,
    parent: Parent = None,
    valid_from: From = None,
    valid_until: Until = None,
) -> None:
    """Rename, move, begin or end an agency; what is not named stays."""
    options = {
        "name_vi": name_vi,
        "name_en": name_en,
        "level": level,
        "parent_code": parent,
        "valid_from": None if valid_from is None else valid_from.date(),
        "valid_until": None if valid_until is None else valid_until.date(),
    }
    given: AgencyChange = _convert({name: one for name, one in options.items() if one is not None}, AgencyChange)

    async def run(services: "Services") -> bool:
        await services.administration.change_agency(code, given, _everywhere(services), actor)
        return services.administration.is_listed(code)

    _tell(code, with_services(run))


@agencies_app.command()
def succeed(
    code: Code,
    successor: Annotated[str, typer.Argument(help="Who answers for what it has issued.")],
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Since which day.")],
    actor: Actor,
) -> None:
    """Have an agency answer for another that is no more."""
    succession = Successor(agency_code=code, successor_code=successor, since=since.date())

    async def run(services: "Services") -> bool:
        await services.administration.add_successor(succession, _everywhere(services), actor)
        return services.administration.is_listed(code)

    _tell(code, with_services(run))


def _everywhere(services: "Services") -> Purview:
    """Whoever may run commands reaches every agency there is."""
    return Purview(frozenset((code, None) for code in services.catalogue.recorded.agencies))


def _tell(code: str, listed: bool) -> None:
    where = "có trong danh sách tin cậy | in the trust list" if listed else "chờ lễ ký | waits for the next ceremony"
    out.print(f"{code}: {where}", highlight=False, markup=False)


def _convert(value: dict[str, Any], kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InvalidInput(to_form_problem(str(error), "options")) from None
