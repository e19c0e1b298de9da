"""The newer result that a scan points to is one that stands, and the same holder's."""

from desk import Desk, problem

OTHER = {"kind": "person", "id": "049069999003", "name": "Huỳnh Ngọc Tường"}


async def test_another_holders_result_is_no_successor(desk: Desk) -> None:
    old, strangers = await desk.issue(), await desk.issue(holder=OTHER)
    answer = await desk.try_act(old["result_code"], "supersede", superseded_by=strangers["result_code"])
    assert problem(answer, 422, "invalid_input") == [("superseded_by", "other_holder")]
    assert (await desk.verify(code=old["code"]))["outcome"] == "in_force"


async def test_a_withdrawn_result_is_no_successor(desk: Desk) -> None:
    old, newer = await desk.issue(), await desk.issue()
    await desk.act(newer["result_code"], "revoke")
    answer = await desk.try_act(old["result_code"], "supersede", superseded_by=newer["result_code"])
    problem(answer, 409, "status_change_refused")
    assert (await desk.verify(code=old["code"]))["outcome"] == "in_force"


async def test_a_refusal_names_what_was_given(desk: Desk) -> None:
    code = (await desk.issue())["result_code"]
    await desk.act(code, "revoke")
    assert problem(await desk.try_act(code, "revoke"), 409, "status_change_refused") == [("act", "is_revoked")]
