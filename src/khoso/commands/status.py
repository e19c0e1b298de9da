"""`khoso status …`: orders from the command line, carried out here and now where they are due."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

import msgspec
import typer

from khoso.caller import everything_of
from khoso.commands.recover import recover
from khoso.commands.terminal import EXIT_ERROR, JsonOption, err, out, print_json, read_file, tell_time, with_services
from khoso.errors import InvalidInput
from khoso.inputs import to_form_problem
from khoso.orders.model import Act, FileRequest, Order, Orderer, OrderRequest, Preview, PreviewRequest, State
from khoso.orders.view import view

if TYPE_CHECKING:
    from khoso.wiring import Services

status_app = typer.Typer(no_args_is_help=True, help="Revoke, suspend, restore and supersede results.")

_LOOK_SECONDS = 0.2

Agency = Annotated[str, typer.Option("--agency", help="Code of the agency that issued the results.")]
Actor = Annotated[str, typer.Option("--actor", help="Who does this; goes into the audit.")]
OrderId = Annotated[UUID, typer.Argument(help="The order, as `khoso status orders` lists it.")]


def _act_command(act: Act) -> Callable[..., None]:
    """One command for each act: the same options, another decision."""

    def run(
        agency: Agency,
        actor: Actor,
        reason: Annotated[str, typer.Option(help="Reason code, such as issued_wrongly: docs/status-acts.md.")],
        decision: Annotated[str, typer.Option(help="Number of the decision, such as 12/QĐ-UBND.")],
        results: Annotated[list[str] | None, typer.Argument(help="Result codes; OLD=NEWER to supersede.")] = None,
        file: Annotated[Path | None, typer.Option(help="A file of them: one a line, or CSV.")] = None,
        only_valid: Annotated[bool, typer.Option("--only-valid", help="Leave out wrong lines of the file.")] = False,
        issued_by: Annotated[str | None, typer.Option(help="Query: who issued them.")] = None,
        type_code: Annotated[str | None, typer.Option("--type", help="Query: their result type.")] = None,
        issued_from: Annotated[str | None, typer.Option("--from", help="Query: issued then or later.")] = None,
        issued_until: Annotated[str | None, typer.Option("--until", help="Query: issued before.")] = None,
        status: Annotated[str | None, typer.Option(help="Query: their present status.")] = None,
        expect: Annotated[int | None, typer.Option(help="Query: how many there must be; asked if left out.")] = None,
        preview: Annotated[bool, typer.Option("--preview", help="Only show what would be changed.")] = False,
        effective: Annotated[str | None, typer.Option(help="From when, 2026-12-01T00:00:00+07:00; else now.")] = None,
        idempotency_key: Annotated[str | None, typer.Option(help="The same key answers the same order.")] = None,
        as_json: JsonOption = False,
    ) -> None:
        decided = {"act": act, "reason_code": reason, "decision_number": decision, "effective_at": effective}
        asked = {
            "issued_by": issued_by,
            "type_code": type_code,
            "issued_from": issued_from,
            "issued_until": issued_until,
            "status": status,
        }
        query = {name: value for name, value in asked.items() if value is not None}
        if bool(results) + (file is not None) + bool(query) != 1:
            raise typer.BadParameter("name results, give a file, or describe them: exactly one of these")
        key = idempotency_key or str(uuid4())
        if file is not None:
            by_file = _convert({**decided, "only_valid": only_valid}, FileRequest)
            order = _place_file(by_file, read_file(file), agency, actor, key)
        else:
            which = {"query": query} if query else _named(act, results or [])
            if preview or (query and expect is None):
                expect = _look(_convert({"act": act, **which}, PreviewRequest), agency, preview, as_json)
            request = _convert({**decided, **which, "expected_count": expect}, OrderRequest)
            order = with_services(lambda services: _place(services, request, agency, actor, key))
        _tell(order, as_json)

    return run


for _act, _help in (
    ("revoke", "Revoke results: they are not to be accepted any more."),
    ("suspend", "Suspend results until they are restored."),
    ("restore", "End a suspension, or, with a second person, annul a revocation."),
    ("supersede", "Let newer results take the places of old ones; that is final."),
):
    status_app.command(_act, help=_help)(_act_command(msgspec.convert(_act, Act)))


status_app.command("recover")(recover)


@status_app.command("orders")
def list_orders(
    agency: Agency,
    state: Annotated[str | None, typer.Option(help="Only those in this state, such as awaiting_approval.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: JsonOption = False,
) -> None:
    """The agency's orders, newest first."""
    wanted = None if state is None else _convert(state, State)
    page = with_services(lambda services: services.order_book.list_orders(everything_of(agency), wanted, None, limit))
    if as_json:
        print_json([view(order) for order in page.items])
        return
    for one in page.items:
        _describe(one)


@status_app.command()
def approve(
    order_id: OrderId,
    agency: Agency,
    actor: Actor,
    order_hash: Annotated[str | None, typer.Option("--hash", help="Hash of the order that was seen.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Approve another person's order: it is shown first, unless its hash is given."""
    if as_json and order_hash is None:
        raise typer.BadParameter("give --hash with --json")
    if order_hash is None:
        order = with_services(lambda services: services.order_book.get_order(order_id, everything_of(agency)))
        _describe(order)
        typer.confirm("Duyệt? | Approve it?", abort=True, err=True)
        approved_hash = order.order_hash
    else:
        approved_hash = _hex(order_hash)

    async def run(services: "Services") -> Order:
        return await _finish(
            services, await services.orders.approve(order_id, approved_hash, everything_of(agency), actor)
        )

    _tell(with_services(run), as_json)


@status_app.command()
def cancel(
    order_id: OrderId,
    agency: Agency,
    actor: Actor,
    reason: Annotated[str, typer.Option(help="Why it is not to be carried out.")],
    as_json: JsonOption = False,
) -> None:
    """Cancel an order that was not carried out yet."""
    purview = everything_of(agency)
    _tell(with_services(lambda services: services.orders.cancel(order_id, reason, purview, actor, purview)), as_json)


def _named(act: Act, results: list[str]) -> dict[str, Any]:
    if act != "supersede":
        return {"results": results}
    pairs = [one.partition("=") for one in results]
    return {"replacements": {old: newer for old, _, newer in pairs}}


def _look(request: PreviewRequest, agency: str, only: bool, as_json: bool) -> int:
    """The count that is expected, once somebody has seen it. Ends the command where nothing more is asked."""
    found = with_services(lambda services: services.orders.preview(request, everything_of(agency)))
    if as_json and not only:
        raise typer.BadParameter("give --expect, the count of a --preview")
    if as_json:
        print_json(found)
    else:
        _show(found)
    if only:
        raise typer.Exit
    typer.confirm(f"Thực hiện với {found.count} kết quả? | Go on with {found.count} results?", abort=True, err=True)
    return found.count


def _show(found: Preview) -> None:
    second = "; cần người thứ hai | a second person is needed" if found.needs_approval else ""
    out.print(f"{found.count} kết quả | results{second}")
    for one in found.sample:
        out.print(f"  {one.result_code} {one.status}", highlight=False, markup=False)


def _place_file(request: FileRequest, content: bytes, agency: str, actor: str, key: str) -> Order:
    async def run(services: "Services") -> Order:
        return await _finish(
            services, await services.orders.place_file(request, content, Orderer.of(agency, actor), key)
        )

    return with_services(run)


async def _place(services: "Services", request: OrderRequest, agency: str, actor: str, key: str) -> Order:
    return await _finish(services, await services.orders.place(request, Orderer.of(agency, actor), key))


async def _finish(services: "Services", order: Order) -> Order:
    """Carry it out here if it is due, however large it is; a worker that is at work already is waited for."""
    from khoso.wiring import utc_now

    with err.status(f"{order.act}: {order.results} kết quả | results"):
        while order.state == "scheduled" and order.due_at <= utc_now():
            if not await services.orders.carry_out_order(order.order_id):
                await asyncio.sleep(_LOOK_SECONDS)
            order = await services.order_book.get_order(order.order_id, everything_of(order.agency_code))
    return order


def _tell(order: Order, as_json: bool) -> None:
    if as_json:
        print_json(view(order))
    else:
        _describe(order)
    raise typer.Exit(EXIT_ERROR if order.state == "failed" else 0)


def _describe(order: Order) -> None:
    """Two lines: what it is, and how it is named."""
    when = "" if order.effective_at is None else f", từ | from {tell_time(order.effective_at)}"
    faults = f", {order.faults} bị bỏ hoặc vướng | left out or in the way" if order.faults else ""
    what = f"{order.act}, {order.results} kết quả | results, {order.decision_number}, {order.author}"
    out.print(f"{order.state}: {what}{when}{faults}", highlight=False, markup=False)
    out.print(f"  {order.order_id} {order.order_hash.hex()}", highlight=False)


def _convert(value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InvalidInput(to_form_problem(str(error), "options")) from None


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise typer.BadParameter("the hash is 64 hexadecimal digits") from None
