"""Scans that a phone made without a network: recorded once, under the inspector's name, if the paper is genuine."""

from datetime import timedelta
from uuid import uuid4

import pytest

from desk import Desk, Json, problem, read
from forging import resign

SCANS = "/api/v1/scans"


def scan(desk: Desk, text: str, ago: timedelta = timedelta(hours=2), **changes: object) -> Json:
    made = {
        "scan_id": str(uuid4()),
        "code": text,
        "scanned_at": (desk.clock() - ago).isoformat(),
        "outcome": "in_force",
        "reason": "all_checks_passed",
    }
    return made | changes


def inspector(desk: Desk, subject: str = "inspector-3") -> dict[str, str]:
    return desk.token("inspect", agency="H17.15", subject=subject)


async def hand_over(desk: Desk, *scans: Json) -> Json:
    answer: Json = read(await desk.client.post(SCANS, json={"scans": scans}, headers=inspector(desk)), 200)
    return answer


async def recorded(desk: Desk) -> list[tuple[object, ...]]:
    rows = await desk.rows("SELECT scan_id, result_code, scanned_at, inspector, agency_code, outcome FROM scan")
    return [tuple(row) for row in rows]


async def test_a_scan_is_recorded_once_however_often_it_is_handed_over(desk: Desk) -> None:
    issued = await desk.issue()
    made = scan(desk, issued["code"])
    for _ in range(3):
        assert await hand_over(desk, made, made) == {"taken": [made["scan_id"]], "refused": []}
    [(scan_id, result_code, scanned_at, who, agency_code, outcome)] = await recorded(desk)
    assert (str(scan_id), result_code) == (made["scan_id"], issued["result_code"])
    assert scanned_at == desk.clock() - timedelta(hours=2)
    assert (who, agency_code, outcome) == ("inspector-3", "H17.15", "in_force")


@pytest.mark.parametrize(("ago", "reason"), [(timedelta(days=31), "too_old"), (timedelta(minutes=-6), "in_the_future")])
async def test_a_scan_of_an_impossible_time_is_refused(desk: Desk, ago: timedelta, reason: str) -> None:
    made = scan(desk, (await desk.issue())["code"], ago)
    assert await hand_over(desk, made) == {
        "taken": [],
        "refused": [{"scan_id": made["scan_id"], "reason": reason}],
    }
    assert await recorded(desk) == []


async def test_only_a_genuine_paper_has_a_holder_to_tell(desk: Desk) -> None:
    good = scan(desk, (await desk.issue())["code"])
    bad = [scan(desk, "https://example.com/"), scan(desk, good["code"][:-1] + str(9 - int(good["code"][-1])))]
    answer = await hand_over(desk, good, *bad)
    assert answer["taken"] == [good["scan_id"]]
    assert {one["reason"] for one in answer["refused"]} == {"no_genuine_paper"}
    assert len(await recorded(desk)) == 1


async def test_a_paper_with_other_content_than_was_recorded_is_nobody_s(desk: Desk) -> None:
    issued = await desk.issue()
    made = scan(desk, await resign(issued["code"], desk.key_dir, evidence_level=2))
    assert (await hand_over(desk, made))["taken"] == [made["scan_id"]]
    assert await recorded(desk) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "fine"},
        {"reason": "DROP TABLE"},
        {"scan_id": "1"},
        {"scanned_at": "2026-11-23T08:00:00"},
        {"code": "9" * 2_501},
        {"inspector": "somebody else"},
    ],
)
async def test_what_is_no_scan_is_refused_whole(desk: Desk, changes: Json) -> None:
    good, bad = scan(desk, (await desk.issue())["code"]), scan(desk, "x", **changes)
    answer = await desk.client.post(SCANS, json={"scans": [good, bad]}, headers=inspector(desk))
    problem(answer, 422, "invalid_input")
    assert await recorded(desk) == []


@pytest.mark.parametrize("count", [0, 101])
async def test_a_batch_is_of_one_to_a_hundred(desk: Desk, count: int) -> None:
    scans = [scan(desk, "x") for _ in range(count)]
    problem(await desk.client.post(SCANS, json={"scans": scans}, headers=inspector(desk)), 422, "invalid_input")


async def test_a_hundred_of_the_longest_codes_fit(desk: Desk) -> None:
    scans = [scan(desk, "9" * 2_500) for _ in range(100)]
    assert len((await hand_over(desk, *scans))["refused"]) == 100


async def test_only_inspectors_hand_over(desk: Desk) -> None:
    body = {"scans": [scan(desk, "x")]}
    problem(await desk.client.post(SCANS, json=body), 401, "not_authenticated")
    problem(await desk.client.post(SCANS, json=body, headers=desk.officer("credentials:issue")), 403, "not_permitted")
