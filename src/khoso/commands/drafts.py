"""`khoso drafts …`: results that take two persons, from the command line."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import msgspec
import typer

from khoso.caller import Caller
from khoso.commands.terminal import EXIT_ERROR, JsonOption, decode, out, print_json, read_file, with_services
from khoso.errors import InvalidInput, sentence
from khoso.inputs import to_form_problem
from khoso.issue_request import IssueRequest

if TYPE_CHECKING:
    from khoso.drafts.model import Draft, Outcome
    from khoso.wiring import Services

drafts_app = typer.Typer(no_args_is_help=True, help="Results that take two persons: one drafts, another approves.")

_APPROVE, _ISSUE = "credentials:approve", "credentials:issue"

Agency = Annotated[str, typer.Option("--agency", help="Code of the agency for which results are issued.")]
Actor = Annotated[str, typer.Option("--actor", help="Who does this; goes into the audit.")]


@drafts_app.command("file")
def file_draft(
    file: Annotated[Path, typer.Argument(help="The request as JSON, - for standard input.", allow_dash=True)],
    agency: Agency,
    actor: Actor,
    idempotency_key: Annotated[str, typer.Option(help="Once per draft: the same key answers the same draft.")],
) -> None:
    """Draft a result, and print the draft as JSON."""
    from khoso.drafts.view import view

    request = decode(read_file(file), IssueRequest)
    print_json(view(with_services(lambda services: services.drafts.file(request, agency, actor, idempotency_key))))


@drafts_app.command("list")
def list_drafts(
    agency: Agency,
    state: Annotated[str | None, typer.Option(help="Only those in this state, such as awaiting_approval.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: JsonOption = False,
) -> None:
    """The drafts of the agency and of those below it, newest first."""
    from khoso.drafts.model import State
    from khoso.drafts.view import view

    try:
        wanted = None if state is None else msgspec.convert(state, State)
    except msgspec.ValidationError as error:
        raise InvalidInput(to_form_problem(str(error), "state")) from None
    reader = Caller(subject="command line", scopes=frozenset({_APPROVE, _ISSUE}), agency_code=agency)
    page = with_services(lambda services: services.draft_book.list_drafts(reader, wanted, None, limit))
    if as_json:
        print_json([view(draft) for draft in page.items])
        return
    for draft in page.items:
        _describe(draft)


@drafts_app.command()
def approve(
    draft_ids: Annotated[list[UUID], typer.Argument(metavar="DRAFT…", help="As `khoso drafts list` shows them.")],
    agency: Agency,
    actor: Actor,
    yes: Annotated[bool, typer.Option("--yes", help="They were looked at: do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Approve other people's drafts, and by that issue them: they are shown first."""
    from khoso.drafts.model import Seen
    from khoso.drafts.view import view_outcomes

    if as_json and not yes:
        raise typer.BadParameter("give --yes with --json")
    approver = Caller(subject=actor, scopes=frozenset({_APPROVE}), agency_code=agency)

    async def look(services: "Services") -> "list[Draft]":
        return [await services.draft_book.get_draft(draft_id, approver) for draft_id in draft_ids]

    drafts = with_services(look)
    if not yes:
        for draft in drafts:
            _describe(draft)
        typer.confirm("Duyệt? | Approve?", abort=True, err=True)
    seen = [Seen(draft.draft_id, draft.draft_hash) for draft in drafts]
    outcomes = with_services(lambda services: services.drafts.approve_all(seen, approver))
    if as_json:
        print_json(view_outcomes(outcomes))
    else:
        for outcome in outcomes:
            _tell(outcome)
    raise typer.Exit(EXIT_ERROR if any(outcome.error is not None for outcome in outcomes) else 0)


def _describe(draft: "Draft") -> None:
    out.print(f"{draft.state}: {draft.type_code} v{draft.type_version}, {draft.author}", highlight=False, markup=False)
    out.print(f"  {draft.draft_id} {draft.draft_hash.hex()}", highlight=False)
    out.print(f"  {draft.request or 'đã quên | forgotten'}", highlight=False, markup=False)


def _tell(outcome: "Outcome") -> None:
    error, draft = outcome.error, outcome.draft
    said = draft and draft.result_code if error is None else sentence(type(error))
    out.print(f"{outcome.seen.draft_id}: {said}", highlight=False, markup=False)
