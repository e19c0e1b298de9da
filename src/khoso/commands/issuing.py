"""`khoso issuing …`: how fast is too fast, and who is held."""

from typing import Annotated
from uuid import UUID

import typer

from khoso.caller import Caller
from khoso.commands.terminal import JsonOption, out, print_json, with_services
from khoso.issuance.model import IssuingRule

issuing_app = typer.Typer(no_args_is_help=True, help="How many papers in an hour are too many, and who is held.")

Agency = Annotated[str, typer.Option("--agency", help="Code of the agency for which results are issued.")]
Actor = Annotated[str, typer.Option("--actor", help="Who does this; goes into the audit.")]


@issuing_app.command()
def rule(
    per_hour: Annotated[int, typer.Option(help="So many papers in an hour are never too many.")],
    times_usual: Annotated[
        int, typer.Option(help="Nor so many times the most of any hour of the last 28 days, but for the last day.")
    ],
    actor: Actor,
    agency: Annotated[str, typer.Option(help="Left out: every agency that has no rule of its own.")] = "",
) -> None:
    """Say how many papers in an hour are too many for one person."""
    said = IssuingRule(agency_code=agency, per_hour=per_hour, times_usual=times_usual)
    with_services(lambda services: services.holds.set_rule(said, actor))
    out.print("Đã ghi | recorded")


@issuing_app.command()
def rules(as_json: JsonOption = False) -> None:
    """Every rule that there is."""
    found = with_services(lambda services: services.holds.list_rules())
    if as_json:
        print_json(found)
        return
    for one in found:
        where = one.agency_code or "*"
        out.print(f"{where}: {one.per_hour} / h, x{one.times_usual}", highlight=False, markup=False)


@issuing_app.command()
def holds(agency: Agency, as_json: JsonOption = False) -> None:
    """Who was held in the agency and below it, newest first."""
    reader = Caller(subject="command line", scopes=frozenset({"credentials:approve"}), agency_code=agency)
    page = with_services(lambda services: services.holds.list_holds(reader, None, 100))
    if as_json:
        print_json(page.items)
        return
    for one in page.items:
        state = "held" if one.released_by is None else f"released by {one.released_by}"
        line = f"{one.hold_id} {one.subject}: {one.papers} > {one.allowed}, {state}"
        out.print(line, highlight=False, markup=False)


@issuing_app.command()
def release(
    hold_id: Annotated[UUID, typer.Argument(help="As `khoso issuing holds` shows it.")],
    agency: Agency,
    actor: Actor,
    reason: Annotated[str, typer.Option(help="Why so much was issued.")],
) -> None:
    """Let somebody else issue again."""
    releaser = Caller(subject=actor, scopes=frozenset({"credentials:approve"}), agency_code=agency)
    with_services(lambda services: services.holds.release(hold_id, reason, releaser))
    out.print("Đã mở lại | released")
