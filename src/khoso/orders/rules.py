"""Which act leads from which status to which, what a decision has to say, and the hash that an approval is bound to."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from khoso.errors import InputProblem
from khoso.formats.status_list import Status
from khoso.inputs import find_text_faults
from khoso.orders.model import STATUS_NAMES, Act, Chosen, Decision, Fault, Order

FURTHEST = timedelta(days=730)
"""How far ahead an order may take effect."""

BECOMES: Mapping[Act, Status] = {
    "revoke": Status.INVALID,
    "suspend": Status.SUSPENDED,
    "restore": Status.VALID,
    "supersede": Status.SUPERSEDED,
}
ALLOWED_FROM: Mapping[Act, frozenset[int]] = {
    "revoke": frozenset({Status.VALID, Status.SUSPENDED}),
    "suspend": frozenset({Status.VALID}),
    "restore": frozenset({Status.SUSPENDED}),
    "supersede": frozenset({Status.VALID, Status.SUSPENDED}),
}
"""Whoever acts alone. Two persons may restore what was revoked; superseded is the end."""

_MESSAGES: Mapping[str, str] = {
    "missing": "nhập mã kết quả | give a result code",
    "repeated": "mỗi kết quả chỉ nêu một lần: bỏ dòng trùng | name each result once",
    "unknown": "cơ quan không cấp kết quả nào có mã này: kiểm tra lại mã | the agency issued no result with this code",
    "successor_missing": "nhập mã của kết quả mới thay thế | name the newer result's code",
    "successor_unknown": "cơ quan không cấp kết quả mới nào có mã này: kiểm tra lại mã"
    " | the agency issued no newer result with this code",
    "itself": "kết quả không thể thay thế chính nó: nhập mã của kết quả mới | a result cannot take its own place",
    "successor_changes": "kết quả mới không được nằm trong các kết quả mà quyết định này thay đổi"
    " | name as the newer one a result that this order leaves as it is",
    "other_holder": "chọn kết quả của cùng một chủ sở hữu | name a result of the same holder",
    "needs_approval": "huỷ việc thu hồi cần hai người: hãy lập lại quyết định"
    " | a revocation is annulled by two persons: order it anew",
    "altered": "dữ liệu đã ghi khác quyết định: báo người vận hành hệ thống"
    " | what is recorded is not what was ordered: tell whoever runs this system",
}


def is_annulment(act: Act, status: int) -> bool:
    """Whether the act takes back a revocation, which nobody does alone."""
    return act == "restore" and status == Status.INVALID


def find_refusal(act: Act, status: int, successor: int | None, *, approved: bool) -> str | None:
    """Why the act cannot be done to a result of that status, as the code of a fault; None if it can.

    `successor` is the status of the newer result, if there is one.
    """
    if is_annulment(act, status):
        return None if approved else "needs_approval"
    if status not in ALLOWED_FROM[act]:
        return f"is_{STATUS_NAMES[status]}"
    if successor not in (None, Status.VALID):
        return f"successor_is_{STATUS_NAMES[successor]}"
    return None


def is_about_status(fault: Fault) -> bool:
    """Whether a fault is one of the moment: the result is there, and its status is in the way."""
    return fault.code not in _MESSAGES or fault.code == "needs_approval"


def explain(fault: Fault) -> InputProblem:
    """The fault as an answer tells it."""
    message = _MESSAGES.get(
        fault.code,
        "tình trạng hiện tại của kết quả không cho phép việc này; nếu là một trong nhiều kết quả, hãy bỏ nó ra"
        " | the result's present status does not allow this; if it is one of many, leave it out",
    )
    return InputProblem(fault.wanted.field, fault.code, message)


def check(decision: Decision, now: datetime) -> list[InputProblem]:
    """Everything that is wrong with what a decision says."""
    problems = [
        *find_text_faults("reason_code", decision.reason_code),
        *find_text_faults("decision_number", decision.decision_number),
    ]
    if decision.effective_at is not None:
        problems += _check_time(decision.effective_at, now)
    return problems


def _check_time(effective_at: datetime, now: datetime) -> list[InputProblem]:
    if effective_at.tzinfo is None:
        return [
            InputProblem(
                "effective_at",
                "offset",
                "nhập thời điểm kèm múi giờ, Z hoặc +07:00 | give the time with its offset, Z or +07:00",
            )
        ]
    if effective_at < now:
        return [
            InputProblem(
                "effective_at",
                "past",
                "quyết định không có hiệu lực trở về trước: bỏ trống để thực hiện ngay"
                " | no decision reaches back: leave it out to act at once",
            )
        ]
    if effective_at > now + FURTHEST:
        return [
            InputProblem(
                "effective_at",
                "too_far",
                f"chọn thời điểm trong vòng {FURTHEST.days} ngày tới | at most {FURTHEST.days} days ahead",
            )
        ]
    return []


def hash_order(
    order_id: UUID, agency_code: str, author: str, decision: Decision | Order, chosen: Iterable[Chosen]
) -> bytes:
    """SHA-256 over the whole order, result by result in the order of their codes (docs/status-acts.md)."""
    head = (
        order_id,
        agency_code,
        author,
        decision.act,
        decision.reason_code,
        decision.decision_number,
        decision.effective_at,
    )
    digest = hashlib.sha256(msgspec.json.encode(head))
    for one in chosen:
        digest.update(f"\n{one.result_code}\t{one.superseded_by or ''}".encode())
    return digest.digest()
