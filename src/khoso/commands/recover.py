"""`khoso status recover`: after a restore of the database, what it has lost and the published lists know."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from khoso.commands.terminal import EXIT_ERROR, JsonOption, err, out, print_json, tell_time, with_services

if TYPE_CHECKING:
    from khoso.recovering import Loss
    from khoso.wiring import Services

_TOLD = 20


def recover(
    actor: Annotated[str, typer.Option("--actor", help="Who does this; goes into the audit.")],
    preview: Annotated[bool, typer.Option("--preview", help="Only show what was lost.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """After a restore: withdraw again what the published lists have withdrawn, close the open status lists, and open
    issuing again. Exit status 1: the database is still older than what is published.
    """
    if as_json and not (preview or yes):
        raise typer.BadParameter("give --yes or --preview with --json")
    told = with_services(lambda services: _recover(services, actor, only=preview, sure=yes, quiet=as_json))
    if as_json:
        print_json(told)
    raise typer.Exit(EXIT_ERROR if told["still_behind"] and not preview else 0)


async def _recover(services: "Services", actor: str, *, only: bool, sure: bool, quiet: bool) -> dict[str, Any]:
    from khoso.recovering import find_loss, recover
    from khoso.wiring import utc_now

    loss = await find_loss(services)
    closed: list[int] = []
    if not quiet:
        _show(loss)
    if not only:
        if not sure:
            typer.confirm("Khôi phục và mở lại việc cấp? | Recover, and open issuing again?", abort=True, err=True)
        closed = await recover(services, loss, actor, utc_now())
    behind = sorted(services.published.watch.gaps)
    if not quiet and not only:
        _tell(closed, behind)
    return {
        "documents": loss.documents,
        "lists": loss.lists,
        "withdrawn_again": [one.result_code for one in loss.withdrawn],
        "left_as_recorded": [one.result_code for one in loss.restored],
        "closed_lists": closed,
        "still_behind": behind,
    }


def _show(loss: "Loss") -> None:
    for gap in loss.documents:
        out.print(f"{gap.subject}: v{gap.recorded} < v{gap.published}", highlight=False)
    for lost in loss.lists:
        recorded = "-" if lost.recorded_version is None else f"v{lost.recorded_version}"
        versions = f"{recorded} < v{lost.published_version}"
        behind = f"status list {lost.list_id}: {versions} ({tell_time(lost.published_at)})"
        out.print(f"{behind}, {lost.lost_papers} kết quả đã mất | results lost", highlight=False)
    _show_codes("Thu hồi lại | to be withdrawn again", [one.result_code for one in loss.withdrawn])
    _show_codes("Giữ như trong sổ | left as recorded", [one.result_code for one in loss.restored])
    if not loss.documents and not loss.lists:
        out.print("Cơ sở dữ liệu không cũ hơn danh sách đã công bố | the database is no older than what is published")


def _show_codes(title: str, codes: list[str]) -> None:
    if codes:
        out.print(f"{title}: {len(codes)}", highlight=False)
    for code in codes[:_TOLD]:
        out.print(f"  {code}", highlight=False, markup=False)


def _tell(closed: list[int], behind: list[str]) -> None:
    out.print(f"Đã đóng danh sách | lists closed: {', '.join(map(str, closed)) or '-'}", highlight=False)
    if behind:
        err.print(f"Vẫn còn cũ | still behind: {', '.join(behind)}", highlight=False)
    else:
        out.print("Việc cấp đã mở | issuing is open")
