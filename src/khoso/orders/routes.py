"""Status orders over HTTP."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg, FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT

from khoso.caller import Caller, Hierarchy, Purview, purview_of
from khoso.errors import InputProblem, InvalidInput
from khoso.http import LAST_POSITION
from khoso.inputs import check_idempotency_key
from khoso.orders.book import MAX_PAGE, OrderBook
from khoso.orders.model import (
    MAX_FILE_BYTES,
    Act,
    FaultPage,
    FileRequest,
    Order,
    Orderer,
    OrderRequest,
    Preview,
    PreviewRequest,
    ResultPage,
    State,
    StatusAct,
)
from khoso.orders.service import Orders
from khoso.orders.view import OrderList, OrderView, view
from khoso.problems import Problem

_APPROVE = "credentials:approve"
_ORDER = {"scope": "credentials:change-status"}
_REVOKE = {"step_up": "revoke"}
_READ = {"scope": ("credentials:change-status", _APPROVE)}
_FILES = ("text/csv", "text/plain")

_DECISION = {"reason_code": "issued_wrongly", "decision_number": "12/QĐ-UBND"}
_CODES = ["H17.05.12-261120-000001-KQ1", "H17.05.12-261120-000002-KQ1"]
_QUERY = {"issued_by": "officer-7", "issued_from": "2026-11-01T00:00:00+07:00"}
_ORDERS = {
    "results by their codes": {"act": "revoke", **_DECISION, "results": _CODES},
    "everything by one officer": {"act": "revoke", **_DECISION, "query": _QUERY, "expected_count": 1203},
    "from a day on": {"act": "suspend", **_DECISION, "effective_at": "2026-12-01T00:00:00+07:00", "results": _CODES},
    "old ones and their successors": {"act": "supersede", **_DECISION, "replacements": {_CODES[0]: _CODES[1]}},
}
_EXAMPLES = [Example(summary=name, value=one) for name, one in _ORDERS.items()]

IdempotencyKey = Annotated[
    str, HeaderParameter(name="Idempotency-Key", description="One per order; repeated, it answers the same order")
]
_LOCATION = ResponseHeader(name="Location", documentation_only=True, description="Where the order is followed")
_CONFLICT = ResponseSpec(Problem, description="What is asked does not fit what there is now: look again")
_WAITS = ResponseSpec(OrderView, description="It waits: for another officer, for its time, or for the worker")


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is approved: exactly the order that has this hash."""

    order_hash: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Cancellation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an order is not to be carried out."""

    reason: str


@post(
    "/api/v1/credentials/{result_code:str}/acts",
    opt=_ORDER | _REVOKE,
    status_code=HTTP_202_ACCEPTED,
    responses={
        HTTP_204_NO_CONTENT: ResponseSpec(None, description="Carried out"),
        409: ResponseSpec(Problem, description="The present status does not allow it"),
    },
    response_headers=[_LOCATION],
    tags=["status orders"],
    summary="Revoke, suspend, restore or supersede one result",
    description="The short form of an order: 204 if it is carried out at once, 202 if it waits.",
)
async def act_on_result(
    result_code: FromPath[str],
    data: JSONBody[StatusAct],
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    orders: NamedDependency[Orders],
) -> Response[OrderView | None]:
    order = await orders.act(result_code, data, _orderer(caller, purview))
    if order.state == "carried_out":
        return Response(None, status_code=HTTP_204_NO_CONTENT)
    return _answer(order, HTTP_202_ACCEPTED)


@post(
    "/api/v1/status-orders",
    opt=_ORDER | _REVOKE,
    status_code=HTTP_201_CREATED,
    responses={202: _WAITS, 409: _CONFLICT},
    response_headers=[_LOCATION],
    tags=["status orders"],
    summary="Revoke, suspend, restore or supersede results, all of them or none",
    description="201 if it is carried out. 202 if it waits: for an approval, for its time, or, above 1,000 results, "
    "for the worker; then follow it at its Location.",
)
async def place_order(
    data: Annotated[OrderRequest, BodyKwarg(examples=_EXAMPLES)],
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    orders: NamedDependency[Orders],
    idempotency_key: IdempotencyKey,
) -> Response[OrderView | None]:
    return _placed(await orders.place(data, _orderer(caller, purview), check_idempotency_key(idempotency_key)))


@post(
    "/api/v1/status-orders/file",
    opt={**_ORDER, **_REVOKE, "body": _FILES},
    status_code=HTTP_201_CREATED,
    request_max_body_size=MAX_FILE_BYTES,
    responses={202: _WAITS, 409: _CONFLICT},
    response_headers=[_LOCATION],
    tags=["status orders"],
    summary="The same for a file of result codes",
    description="The body is text/csv or text/plain, at most 8 MB: one result code a line, or CSV with the column "
    "`result_code`, and `superseded_by` when superseding. A wrong line is told by its number, and nothing is ordered.",
)
async def place_order_by_file(
    request: Request[Any, Any, Any],
    act: FromQuery[Act],
    reason_code: FromQuery[str],
    decision_number: FromQuery[str],
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    orders: NamedDependency[Orders],
    idempotency_key: IdempotencyKey,
    effective_at: FromQuery[datetime | None] = None,
    only_valid: Annotated[bool, QueryParameter(description="Leave wrong lines out: else nothing is ordered")] = False,
) -> Response[OrderView | None]:
    if request.content_type[0] not in _FILES:
        raise InvalidInput(
            InputProblem("Content-Type", "unknown_format", f"gửi tệp văn bản hoặc CSV | one of {', '.join(_FILES)}")
        )
    asked = FileRequest(
        act=act,
        reason_code=reason_code,
        decision_number=decision_number,
        effective_at=effective_at,
        only_valid=only_valid,
    )
    key, content = check_idempotency_key(idempotency_key), await request.body()
    return _placed(await orders.place_file(asked, content, _orderer(caller, purview), key))


@post(
    "/api/v1/status-orders/preview",
    opt=_ORDER,
    status_code=HTTP_200_OK,
    responses={409: _CONFLICT},
    tags=["status orders"],
    summary="What an order would do now: how many results, a few of them, and whether a second person is needed",
)
async def preview_order(
    data: Annotated[
        PreviewRequest, BodyKwarg(examples=[Example(summary="query", value={"act": "revoke", "query": _QUERY})])
    ],
    purview: NamedDependency[Purview],
    orders: NamedDependency[Orders],
) -> Preview:
    return await orders.preview(data, purview)


@get(
    "/api/v1/status-orders",
    opt=_READ,
    tags=["status orders"],
    summary="The orders in one's purview, newest first",
)
async def list_orders(
    purview: NamedDependency[Purview],
    order_book: NamedDependency[OrderBook],
    only: Annotated[State | None, QueryParameter(name="state")] = None,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
) -> OrderList:
    page = await order_book.list_orders(purview, only, cursor, limit)
    return OrderList([view(order) for order in page.items], page.next_cursor)


@get("/api/v1/status-orders/{order_id:uuid}", opt=_READ, tags=["status orders"], summary="How far an order has come")
async def show_order(
    order_id: FromPath[UUID], purview: NamedDependency[Purview], order_book: NamedDependency[OrderBook]
) -> OrderView:
    return view(await order_book.get_order(order_id, purview))


@get(
    "/api/v1/status-orders/{order_id:uuid}/results",
    opt=_READ,
    tags=["status orders"],
    summary="Exactly what is ordered: every result, by its code",
)
async def list_order_results(
    order_id: FromPath[UUID],
    purview: NamedDependency[Purview],
    order_book: NamedDependency[OrderBook],
    cursor: Annotated[int, QueryParameter(ge=0, le=LAST_POSITION)] = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)] = 100,
) -> ResultPage:
    return await order_book.list_results(order_id, purview, cursor, limit)


@get(
    "/api/v1/status-orders/{order_id:uuid}/faults",
    opt=_READ,
    tags=["status orders"],
    summary="Which lines were left out of the file, or which results were in the way, and why",
)
async def list_order_faults(
    order_id: FromPath[UUID],
    purview: NamedDependency[Purview],
    order_book: NamedDependency[OrderBook],
    cursor: Annotated[int, QueryParameter(ge=0, le=LAST_POSITION)] = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)] = 100,
) -> FaultPage:
    return await order_book.list_faults(order_id, purview, cursor, limit)


@post(
    "/api/v1/status-orders/{order_id:uuid}/approval",
    opt={"scope": _APPROVE, "step_up": "approve"},
    status_code=HTTP_200_OK,
    responses={409: _CONFLICT},
    tags=["status orders"],
    summary="Approve another officer's order, exactly as it was seen",
)
async def approve_order(
    order_id: FromPath[UUID],
    data: JSONBody[Approval],
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    orders: NamedDependency[Orders],
) -> OrderView:
    order_hash = bytes.fromhex(data.order_hash)
    return view(await orders.approve(order_id, order_hash, purview, caller.subject))


@post(
    "/api/v1/status-orders/{order_id:uuid}/cancellation",
    opt=_READ,
    status_code=HTTP_200_OK,
    responses={409: _CONFLICT},
    tags=["status orders"],
    summary="Cancel an order that was not carried out yet",
)
async def cancel_order(
    order_id: FromPath[UUID],
    data: JSONBody[Cancellation],
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    hierarchy: NamedDependency[Hierarchy],
    orders: NamedDependency[Orders],
) -> OrderView:
    approving = purview_of(caller, hierarchy, _APPROVE)
    order = await orders.cancel(order_id, data.reason, purview, caller.subject, approving)
    return view(order)


def _orderer(caller: Caller, purview: Purview) -> Orderer:
    return Orderer(caller.acting_agency, caller.subject, purview)


def _placed(order: Order) -> Response[OrderView | None]:
    return _answer(order, HTTP_201_CREATED if order.state == "carried_out" else HTTP_202_ACCEPTED)


def _answer(order: Order, status: int) -> Response[OrderView | None]:
    return Response(view(order), status_code=status, headers={"location": f"/api/v1/status-orders/{order.order_id}"})


HANDLERS = [
    act_on_result,
    place_order,
    place_order_by_file,
    preview_order,
    list_orders,
    show_order,
    list_order_results,
    list_order_faults,
    approve_order,
    cancel_order,
]
