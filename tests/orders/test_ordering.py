"""Orders over HTTP: all results of one are changed, or none, and what is wrong is told result by result."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from desk import OTHER_AGENCY, problem, read
from khoso.orders import resolving
from orders.conftest import AUTHOR, ORDERS, Board
from samples import house_permit

VALID, REVOKED, SUSPENDED, SUPERSEDED = range(4)
STRANGER = {"kind": "person", "id": "049069999003", "name": "Huỳnh Ngọc Tường"}


async def test_results_that_are_ordered_together_are_changed_together(board: Board) -> None:
    issued = [await board.desk.issue() for _ in range(3)]
    codes = [one["result_code"] for one in issued]
    order = await board.place(results=codes[:2])
    assert (order["state"], order["results"], order["author"]) == ("carried_out", 2, AUTHOR)
    assert order["reason"]["vi"] == "Cấp không đúng quy định"
    assert await board.statuses(codes) == [REVOKED, REVOKED, VALID]
    verdict = await board.desk.verify(code=issued[0]["code"])
    assert (verdict["outcome"], verdict["reason"]) == ("revoked", "revoke")
    assert verdict["withdrawal"]["decision_number"] == "12/QĐ-UBND"
    assert await board.show(order) == order
    assert (await board.get(f"/{order['order_id']}/results"))["items"] == [
        {"position": place, "result_code": code, "superseded_by": None} for place, code in enumerate(sorted(codes[:2]))
    ]


async def test_where_the_order_is_followed_is_told(board: Board) -> None:
    answer = await board.try_place(results=await board.issue())
    assert (await board.get(answer.headers["location"].removeprefix(ORDERS))) == answer.json()


async def test_one_result_whose_status_does_not_allow_it_stops_all(board: Board) -> None:
    codes = await board.issue(3)
    await board.place(results=codes[1:2])
    answer = await board.try_place("suspend", results=codes)
    assert problem(answer, 409, "status_change_refused") == [("results[1]", "is_revoked")]
    assert await board.statuses(codes) == [VALID, REVOKED, VALID]
    assert len((await board.get())["items"]) == 1, "nothing was ordered"


async def test_every_result_that_is_none_is_told(board: Board) -> None:
    [code] = await board.issue()
    answer = await board.desk.try_issue(house_permit(1, dossier_code="H17.05.13-261120-000001"), agency=OTHER_AGENCY)
    foreign = read(answer, 201)["result_code"]
    wrong = [code, foreign, code, "", "\0", "9" * 101]
    told = problem(await board.try_place(results=wrong), 422, "invalid_input")
    assert told == [
        ("results[1]", "unknown"),
        ("results[2]", "repeated"),
        ("results[3]", "missing"),
        ("results[4]", "unknown"),
        ("results[5]", "unknown"),
    ]
    assert await board.statuses([code, foreign]) == [VALID, VALID]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "results"),
        ({"results": ["a"], "query": {"issued_by": "b"}, "expected_count": 1}, "results"),
        ({"replacements": {"a": "b"}}, "replacements"),
        ({"act": "supersede", "results": ["a"]}, "results"),
        ({"act": "supersede", "query": {"issued_by": "b"}, "expected_count": 1}, "query"),
        ({"query": {"issued_by": "b"}}, "expected_count"),
        ({"results": ["a"], "expected_count": 1}, "expected_count"),
        ({"query": {}, "expected_count": 1}, "query"),
        ({"query": {"issued_by": "b", "status": "revoked"}, "expected_count": 1}, "query.status"),
        ({"query": {"issued_by": "nobody"}, "expected_count": 0}, "results"),
        ({"results": ["a"], "reason_code": ""}, "reason_code"),
        ({"results": ["a"], "decision_number": " 1"}, "decision_number"),
        ({"results": ["a"], "effective_at": "2026-11-23T07:59:59Z"}, "effective_at"),
        ({"results": ["a"], "effective_at": "2028-11-23T08:00:00Z"}, "effective_at"),
    ],
)
async def test_an_order_that_says_too_little_or_too_much(board: Board, asked: dict[str, Any], field: str) -> None:
    assert [one for one, _ in problem(await board.try_place(**asked), 422, "invalid_input")] == [field]


@pytest.mark.parametrize("wrong", [{"results": []}, {"results": ["a"] * 1001}, {"effective_at": "2026-12-01T00:00:00"}])
async def test_what_does_not_fit_the_form_is_refused(board: Board, wrong: dict[str, Any]) -> None:
    problem(await board.try_place(**({"results": ["a"]} | wrong)), 422, "invalid_input")


async def test_old_results_point_to_those_that_take_their_places(board: Board) -> None:
    old_1, old_2, newer = [await board.desk.issue() for _ in range(3)]
    code = newer["result_code"]
    order = await board.place("supersede", replacements={old_1["result_code"]: code, old_2["result_code"]: code})
    assert order["state"] == "carried_out"
    verdict = await board.desk.verify(code=old_2["code"])
    assert (verdict["outcome"], verdict["withdrawal"]["superseded_by"]) == ("superseded", code)


async def test_what_cannot_take_a_place_is_told(board: Board) -> None:
    codes = await board.issue(5)
    [strangers] = await board.issue(holder=STRANGER)
    wrong = {
        codes[0]: codes[0],
        codes[1]: strangers,
        codes[2]: f"{codes[0]}9",
        codes[3]: codes[0],
        codes[4]: "",
    }
    told = problem(await board.try_place("supersede", replacements=wrong), 422, "invalid_input")
    assert [code for _, code in told] == [
        "itself",
        "other_holder",
        "successor_unknown",
        "successor_changes",
        "successor_missing",
    ]
    await board.place(results=codes[:1])
    answer = await board.try_place("supersede", replacements={codes[1]: codes[0]})
    assert problem(answer, 409, "status_change_refused") == [(f"replacements.{codes[1]}", "successor_is_revoked")]


async def test_an_order_is_repeated_safely(board: Board) -> None:
    codes = await board.issue(2)
    later = board.in_minutes(5)
    first = read(await board.try_place(key="one", results=codes[:1], effective_at=later), 202)
    board.desk.clock.forward(timedelta(minutes=10))
    again = read(await board.try_place(key="one", results=codes[:1], effective_at=later), 202)
    assert again == first, "though its time has passed"
    problem(await board.try_place(key="one", results=codes, effective_at=later), 422, "idempotency_key_reused")
    problem(await board.try_place(key="9" * 101, results=codes), 422, "invalid_input")


async def test_a_key_is_good_for_one_agency(board: Board) -> None:
    await board.place(key="one", results=await board.issue())
    other = await board.desk.try_issue(house_permit(77, dossier_code="H17.05.13-261120-000077"), agency=OTHER_AGENCY)
    body = {"act": "revoke", "reason_code": "issued_wrongly", "decision_number": "12/QĐ-UBND"}
    asked = body | {"results": [read(other, 201)["result_code"]]}
    headers = board.officer(agency=OTHER_AGENCY) | {"idempotency-key": "one"}
    problem(await board.desk.client.post(ORDERS, json=asked, headers=headers), 422, "idempotency_key_reused")


async def test_the_same_order_at_once_is_one_and_every_answer_is_the_same(board: Board) -> None:
    codes = await board.issue()
    answers = await asyncio.gather(*(board.try_place("suspend", key="one", results=codes) for _ in range(20)))
    first, *others = [read(answer, 201) for answer in answers]
    assert first["state"] == "carried_out"
    assert others == [first] * 19, "though the result was suspended when they came to it"
    assert [order["order_id"] for order in (await board.get())["items"]] == [first["order_id"]]


async def test_of_two_orders_by_one_key_at_once_one_is_refused(board: Board) -> None:
    one, other = await board.issue(2)
    answers = await asyncio.gather(*(board.try_place("suspend", key="one", results=[code]) for code in (one, other)))
    placed, refused = sorted(answers, key=lambda answer: answer.status_code)
    assert read(placed, 201)["state"] == "carried_out"
    problem(refused, 422, "idempotency_key_reused")


async def test_everything_by_one_officer_since_a_time(board: Board) -> None:
    early, mine, others = await board.issue(), await board.issue(2), []
    clock = board.desk.clock
    await board.place("suspend", results=mine[1:])
    clock.forward(timedelta(hours=1))
    since = clock().isoformat()
    late = await board.issue(2)
    headers = board.desk.token("credentials:issue", agency="H17.05.12", subject="officer-9")
    for serial in (801, 802):
        answer = await board.desk.client.post(
            "/api/v1/credentials", json=house_permit(serial), headers=headers | {"idempotency-key": f"o-{serial}"}
        )
        others.append(read(answer, 201)["result_code"])
    query: dict[str, Any] = {"issued_by": AUTHOR, "issued_from": since}
    preview = read(await board.try_preview(query=query), 200)
    assert (preview["count"], preview["needs_approval"]) == (2, False)
    assert [one["result_code"] for one in preview["sample"]] == sorted(late)
    assert await board.statuses(late) == [VALID, VALID], "nothing is changed by looking"
    answer = await board.try_place(query=query, expected_count=3)
    assert problem(answer, 409, "not_as_expected") == [("expected_count", "differs")]
    assert (await board.place(query=query, expected_count=2))["results"] == 2
    assert await board.statuses(early + mine + late + others) == [0, 0, 2, 1, 1, 0, 0]
    for which, found in (
        ({"issued_until": since, "issued_by": AUTHOR}, early + mine),
        ({"issued_from": since}, others),
        ({"type_code": "KQ.H17.000001"}, early + mine + others),
        ({"type_code": "KQ.H17.000003"}, []),
        ({"issued_by": AUTHOR, "status": "suspended"}, mine[1:]),
    ):
        preview = read(await board.try_preview(query=which), 200)
        assert [one["result_code"] for one in preview["sample"]] == sorted(found), which


@pytest.mark.parametrize(
    "which", [{"issued_from": "0001-01-01T00:00:00+07:00"}, {"issued_until": "9999-12-31T23:59:59-14:00"}]
)
async def test_a_query_of_no_time_that_anybody_means_is_refused(board: Board, which: dict[str, str]) -> None:
    refused = [(f"query.{name}", "out_of_range") for name in which]
    query = {"issued_by": AUTHOR} | which
    assert problem(await board.try_preview(query=query), 422, "invalid_input") == refused
    assert problem(await board.try_place(query=query, expected_count=1), 422, "invalid_input") == refused


async def test_a_query_that_finds_too_many_is_to_be_narrowed(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "MAX_RESULTS", 1)
    await board.issue(2)
    assert problem(await board.try_preview(query={"issued_by": AUTHOR}), 422, "invalid_input") == [
        ("query", "too_many")
    ]


async def test_a_preview_of_named_results_tells_what_an_order_would_be_told(board: Board) -> None:
    codes = await board.issue(2)
    await board.place(results=codes[:1])
    problem(await board.try_preview(results=codes), 409, "status_change_refused")
    annulment = read(await board.try_preview("restore", results=codes[:1]), 200)
    assert (annulment["count"], annulment["needs_approval"]) == (1, True)
    assert annulment["sample"] == [{"result_code": codes[0], "type_code": "KQ.H17.000001", "status": "revoked"}]
    query = {"issued_by": AUTHOR, "status": "revoked"}
    assert read(await board.try_preview("restore", query=query), 200) == annulment
    assert read(await board.try_preview("restore", query={"issued_by": AUTHOR}), 200)["count"] == 0


async def test_what_another_agency_ordered_is_not_there(board: Board) -> None:
    order = await board.order(results=await board.issue(), effective_at=board.in_minutes(5))
    path = f"/{order['order_id']}"
    absent = f"/{UUID(int=1)}"
    for one, agency in ((path, OTHER_AGENCY), (absent, "H17.05.12")):
        for part in ("", "/results", "/faults"):
            problem(await board.try_get(one + part, agency=agency), 404, "not_found")
    assert read(await board.try_get(agency=OTHER_AGENCY), 200)["items"] == []
    problem(await board.try_approve(order, agency=OTHER_AGENCY), 404, "not_found")
    problem(await board.try_cancel(order, agency=OTHER_AGENCY), 404, "not_found")
    nobody = board.desk.token("credentials:change-status", subject="nobody")
    assert read(await board.desk.client.get(ORDERS, headers=nobody), 200)["items"] == []


async def test_orders_are_listed_page_by_page_newest_first(board: Board) -> None:
    codes = await board.issue(3)
    placed = []
    for code in codes:
        placed.append(await board.place("suspend", results=[code]))
        board.desk.clock.forward(timedelta(seconds=1))
    first = await board.get(limit=2)
    assert first["items"] == [placed[2], placed[1]]
    rest = await board.get(cursor=first["next_cursor"])
    assert (rest["items"], rest["next_cursor"]) == (placed[:1], None)
    assert (await board.get(state="cancelled"))["items"] == []
    assert problem(await board.try_get(cursor="x"), 422, "invalid_input") == [("cursor", "cursor")]
    order = await board.place(results=codes)
    page = await board.get(f"/{order['order_id']}/results", limit=2)
    rest = await board.get(f"/{order['order_id']}/results", cursor=page["next_cursor"])
    assert [one["result_code"] for one in page["items"] + rest["items"]] == sorted(codes)
    assert rest["next_cursor"] is None


async def test_the_short_form_is_done_at_once_or_tells_its_order(board: Board) -> None:
    [code] = await board.issue()
    await board.desk.act(code, "revoke")
    waiting = await board.desk.try_act(code, "restore")
    order = read(waiting, 202)
    assert (order["state"], order["needs_approval"]) == ("awaiting_approval", True)
    assert await board.get(waiting.headers["location"].removeprefix(ORDERS)) == order
    assert await board.statuses([code]) == [REVOKED]


async def history(board: Board, code: str, headers: Any) -> Any:
    answer: httpx.Response = await board.desk.client.get(f"/api/v1/credentials/{code}/acts", headers=headers)
    return answer


async def test_holder_and_agency_see_the_history_and_only_the_agency_who_made_it(board: Board) -> None:
    [code] = await board.issue()
    order = await board.place("suspend", results=[code])
    seen = {
        "act": "suspend",
        "reason_code": "issued_wrongly",
        "reason": {"vi": "Cấp không đúng quy định", "en": "Issued against the rules"},
        "decision_number": "12/QĐ-UBND",
        "acted_at": "2026-11-23T08:00:00.000001Z",
        "effective_at": "2026-11-23T08:00:00.000001Z",
        "superseded_by": None,
    }
    citizen = await board.desk.citizen(code)
    assert read(await history(board, code, citizen), 200)["items"] == [seen]
    agency = board.desk.token("credentials:read", agency="H17.05.12")
    inside = {"order_id": order["order_id"], "author": AUTHOR}
    assert read(await history(board, code, agency), 200)["items"] == [seen | inside]
    other = board.desk.token("credentials:read", agency=OTHER_AGENCY)
    problem(await history(board, code, other), 404, "not_found")
