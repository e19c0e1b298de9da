"""`khoso assignments`: who has which role where."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from khoso.authority.model import Assignment, AssignmentRequest, Search
from khoso.commands.administering import Actor, administrator
from khoso.commands.terminal import ACTOR, JsonOption, out, print_json, tell_time, with_services

if TYPE_CHECKING:
    from khoso.wiring import Services

assignments_app = typer.Typer(no_args_is_help=True, help="Roles: who has which, where and until when.")


@assignments_app.command()
def roles(as_json: JsonOption = False) -> None:
    """All roles, with the scopes that each gives."""
    found = with_services(lambda services: services.authority.list_roles())
    if as_json:
        print_json(found)
        return
    for one in found:
        out.print(f"{one.role}: {one.name_vi} | {one.name_en}", highlight=False, markup=False)
        out.print(f"  {' '.join(one.scopes)}", highlight=False, markup=False)


@assignments_app.command("list")
def list_assignments(
    subject: Annotated[str | None, typer.Option(help="Whose.")] = None,
    role: Annotated[str | None, typer.Option(help="Of which role.")] = None,
    agency: Annotated[str | None, typer.Option(help="In exactly which agency.")] = None,
    past: Annotated[bool, typer.Option("--past", help="Those too that have ended.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    as_json: JsonOption = False,
) -> None:
    """Assignments, newest first."""
    search = Search(subject=subject, role=role, agency_code=agency, past=past, limit=limit)

    async def run(services: "Services") -> list[Assignment]:
        return (await services.authority.list_assignments(search, administrator(services, ACTOR))).items

    found = with_services(run)
    if as_json:
        print_json(found)
        return
    for one in found:
        _describe(one)


@assignments_app.command()
def grant(
    subject: Annotated[str, typer.Option(help="To whom: person:<uuid> or client:<id>.")],
    role: Annotated[str, typer.Option(help="Which role, as `khoso assignments roles` lists them.")],
    agency: Annotated[str, typer.Option(help="In which agency, and in all below it.")],
    actor: Actor,
    type_code: Annotated[str | None, typer.Option("--type", help="With which result type; else with all.")] = None,
    valid_from: Annotated[datetime | None, typer.Option("--from", help="Since when (UTC); else at once.")] = None,
    valid_until: Annotated[datetime | None, typer.Option("--until", help="Until when (UTC); else for good.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Give somebody a role."""
    request = AssignmentRequest(
        subject=subject,
        role=role,
        agency_code=agency,
        type_code=type_code,
        valid_from=_in_utc(valid_from),
        valid_until=_in_utc(valid_until),
    )

    async def run(services: "Services") -> Assignment:
        return await services.authority.assign(request, administrator(services, actor))

    _tell(with_services(run), as_json)


@assignments_app.command()
def end(
    assignment_id: Annotated[UUID, typer.Argument(help="The assignment, as `khoso assignments list` has it.")],
    actor: Actor,
    as_json: JsonOption = False,
) -> None:
    """End an assignment, and the access tokens that were made by it."""

    async def run(services: "Services") -> Assignment:
        return await services.authority.end(assignment_id, administrator(services, actor))

    _tell(with_services(run), as_json)


def _in_utc(given: datetime | None) -> datetime | None:
    from datetime import UTC

    return None if given is None else given.replace(tzinfo=UTC)


def _tell(assignment: Assignment, as_json: bool) -> None:
    if as_json:
        print_json(assignment)
    else:
        _describe(assignment)


def _describe(one: Assignment) -> None:
    """Two lines: what it is, and how it is named."""
    until = "" if one.valid_until is None else f", đến | until {tell_time(one.valid_until)}"
    ended = "" if one.ended_at is None else f", đã chấm dứt | ended {tell_time(one.ended_at)}"
    where = f"{one.agency_code} {one.type_code or '*'}"
    out.print(f"{one.subject}: {one.role}, {where}{until}{ended}", highlight=False, markup=False)
    out.print(f"  {one.assignment_id}", highlight=False)
