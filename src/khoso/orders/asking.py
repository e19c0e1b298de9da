"""An order on its way in: the three ways to ask for one, made into the same."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from khoso.errors import InputProblem, InvalidInput
from khoso.orders.files import read_lines
from khoso.orders.model import Decision, FileRequest, Order, Orderer, OrderRequest, Query, StatusAct, Wanted
from khoso.orders.resolving import Resolved, wanted_of
from khoso.orders.rules import hash_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for what, under which idempotency key."""

    decision: Decision
    by: Orderer
    idempotency_key: str | None = None
    request_hash: bytes = b""
    wanted: Sequence[Wanted] = ()
    query: Query | None = None
    expected_count: int | None = None
    only_valid: bool = False


def ask_for_one(result_code: str, act: StatusAct, by: Orderer) -> Asked:
    """An act on one result. Raises InvalidInput if it names a newer result and should not, or the other way round."""
    if (act.act == "supersede") != (act.superseded_by is not None):
        message = (
            "nhập mã kết quả mới khi thay thế, và chỉ khi đó"
            " | name the newer result's code when superseding, and only then"
        )
        raise InvalidInput(InputProblem("superseded_by", "successor", message))
    wanted = Wanted("act" if act.superseded_by is None else "superseded_by", result_code, act.superseded_by)
    return Asked(decision=act, by=by, wanted=[wanted])


def ask(request: OrderRequest, by: Orderer, idempotency_key: str) -> Asked:
    """What a request names or describes. Raises InvalidInput as `wanted_of`, and for a count without a query."""
    if (request.query is not None) != (request.expected_count is not None):
        message = (
            "gửi số lượng của bản xem trước cùng với query, và chỉ khi đó"
            " | give the count of the preview with a query, and only then"
        )
        raise InvalidInput(InputProblem("expected_count", "required", message))
    return Asked(
        decision=request,
        by=by,
        idempotency_key=idempotency_key,
        request_hash=_hash(by.agency_code, request),
        wanted=wanted_of(request) or (),
        query=request.query,
        expected_count=request.expected_count,
    )


def ask_by_file(request: FileRequest, content: bytes, by: Orderer, idempotency_key: str) -> Asked:
    """What a file names. Raises InvalidInput as `read_lines`."""
    return Asked(
        decision=request,
        by=by,
        idempotency_key=idempotency_key,
        request_hash=_hash(by.agency_code, request, hashlib.sha256(content).hexdigest()),
        wanted=read_lines(content, request.act),
        only_valid=request.only_valid,
    )


def _hash(*request: Any) -> bytes:
    return hashlib.sha256(msgspec.json.encode(request, order="sorted")).digest()


def make_order(asked: Asked, resolved: Resolved, now: datetime) -> Order:
    """The order of exactly these results."""
    decision, order_id = asked.decision, uuid4()
    effective_at = None if decision.effective_at is None else decision.effective_at.astimezone(UTC)
    decided = msgspec.structs.replace(decision, effective_at=effective_at)
    return Order(
        order_id=order_id,
        agency_code=asked.by.agency_code,
        author=asked.by.author,
        idempotency_key=asked.idempotency_key,
        request_hash=asked.request_hash,
        act=decision.act,
        reason_code=decision.reason_code,
        decision_number=decision.decision_number,
        effective_at=effective_at,
        due_at=effective_at or now,
        results=len(resolved.chosen),
        type_codes=resolved.type_codes,
        order_hash=hash_order(order_id, asked.by.agency_code, asked.by.author, decided, resolved.chosen),
        needs_approval=resolved.needs_approval,
        state="awaiting_approval" if resolved.needs_approval else "scheduled",
        ordered_at=now,
        faults=len(resolved.faults),
    )
