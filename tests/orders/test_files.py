"""Files of result codes: one a line or CSV, and what is wrong with which line."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk import problem, read
from khoso.errors import InvalidInput
from khoso.orders import files
from khoso.orders.files import read_lines
from khoso.orders.model import MAX_FILE_BYTES, Act, Wanted
from orders.conftest import ORDERS, Board

REVOKED = 1
ACTS: tuple[Act, ...] = get_args(Act)


def codes(content: str) -> list[tuple[int | None, str]]:
    return [(wanted.line_number, wanted.result_code) for wanted in read_lines(content.encode(), "revoke")]


@pytest.mark.parametrize(
    "content",
    ["A\nB\n", "A\r\nB", "\ufeffA\nB\n", "A,ghi chú\nB,\n", "A;x\nB;y\n", '"A"\n B \n'],
)
def test_one_code_a_line(content: str) -> None:
    assert codes(content) == [(1, "A"), (2, "B")]


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_heading_names_the_columns_in_any_order(separator: str) -> None:
    lines = [["name", "superseded_by", "result_code"], ["x", "C", "A"], [], ["y", "D", "B"], ["z"]]
    content = "\n".join(separator.join(line) for line in lines).encode()
    assert read_lines(content, "supersede") == [
        Wanted("line 2", "A", "C", 2),
        Wanted("line 4", "B", "D", 4),
        Wanted("line 5", "", "", 5),
    ]
    assert [wanted.superseded_by for wanted in read_lines(content, "revoke")] == [None] * 3


def test_without_a_heading_the_newer_result_stands_second() -> None:
    assert read_lines(b"A,C\nB\n", "supersede") == [Wanted("line 1", "A", "C", 1), Wanted("line 2", "B", "", 2)]


def test_a_heading_without_the_newer_results_names_none() -> None:
    assert read_lines(b"result_code\nA\n", "supersede") == [Wanted("line 2", "A", "", 2)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\n ,\n", "empty"),
        (b"result_code\n", "empty"),
        (b"\xff\xfe", "encoding"),
        (b'"' + b"A" * 200_000, "csv"),
        (b"A\n" * 4, "too_many"),
    ],
)
def test_what_is_no_such_file_is_refused(content: bytes, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_RESULTS", 3)
    with pytest.raises(InvalidInput) as refused:
        read_lines(content, "revoke")
    assert [(one.field, one.code) for one in refused.value.problems] == [("body", code)]


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()), st.sampled_from(ACTS))
def test_whatever_bytes_come_they_are_read_or_refused(content: bytes, act: Act) -> None:
    try:
        wanted = read_lines(content, act)
    except InvalidInput:
        return
    assert all(one.line_number and one.field == f"line {one.line_number}" for one in wanted)


async def test_a_wrong_line_stops_the_file_and_is_told_by_its_number(board: Board) -> None:
    good = await board.issue(3)
    await board.place(results=good[2:])
    content = "\n".join(["result_code", good[0], "H17.05.12-261120-999999-KQ1", good[1], good[0], good[2]]).encode()
    told = problem(await board.try_upload(content), 422, "invalid_input")
    assert told == [("line 3", "unknown"), ("line 5", "repeated"), ("line 6", "is_revoked")]
    assert await board.statuses(good) == [0, 0, REVOKED]
    order = read(await board.try_upload(content, only_valid=True), 201)
    assert (order["results"], order["faults"]) == (2, 3)
    assert await board.statuses(good) == [REVOKED] * 3
    assert (await board.get(f"/{order['order_id']}/faults"))["items"][0] == {
        "position": 0,
        "line_number": 3,
        "result_code": "H17.05.12-261120-999999-KQ1",
        "code": "unknown",
    }


async def test_a_file_that_is_only_held_up_by_the_moment_is_a_conflict(board: Board) -> None:
    codes = await board.issue()
    await board.place(results=codes)
    content = codes[0].encode()
    problem(await board.try_upload(content), 409, "status_change_refused")
    none_left = problem(await board.try_upload(content, only_valid=True), 422, "invalid_input")
    assert none_left == [("results", "none")]


async def test_a_file_for_later_is_followed(board: Board) -> None:
    codes = await board.issue(2)
    content = "\n".join(codes).encode()
    later = {"effective_at": "2026-11-24T00:00:00Z", "reason_code": "investigation"}
    order = read(await board.try_upload(content, "suspend", **later), 202)
    assert (order["state"], order["effective_at"], order["results"]) == ("scheduled", later["effective_at"], 2)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"effective_at": "2026-11-24T00:00:00"}, "effective_at"),
        ({"act": "burn"}, "act"),
        ({"reason_code": ""}, "reason_code"),
    ]
    for asked, field in wrong:
        told = problem(await board.try_upload(content, **({"act": "suspend"} | asked)), 422, "invalid_input")
        assert [one for one, _ in told] == [field]


async def test_what_is_no_list_or_too_long_is_refused(board: Board) -> None:
    asked = {"act": "revoke", "reason_code": "R1", "decision_number": "1/QĐ"}
    headers = board.officer() | {"idempotency-key": "one"}
    for media_type, content, status, code in (
        ("application/json", b"[]", 422, "invalid_input"),
        ("text/plain", b"", 422, "invalid_input"),
        ("text/plain", b"A" * (MAX_FILE_BYTES + 1), 413, "body_too_large"),
    ):
        answer = await board.desk.client.post(
            f"{ORDERS}/file", params=asked, content=content, headers=headers | {"content-type": media_type}
        )
        problem(answer, status, code)
