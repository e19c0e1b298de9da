"""Many drafts in one act, rights that are lent for a time, and who may not use them."""

from datetime import timedelta

import pytest

from desk import OTHER_AGENCY, problem, read
from drafts.conftest import APPROVER, AUTHOR, DELEGATIONS, DEPUTY, PERMIT, Office
from grounds import Clock
from khoso.caller import Caller
from khoso.errors import InvalidInput
from samples import house_permit

OFFICER = {"scope": "credentials:issue"}
"""The deputy's own scope: he may not approve by himself."""


async def test_what_can_be_is_issued_and_the_rest_says_why(office: Office) -> None:
    good = [await office.file() for _ in range(3)]
    own = await office.file(author=APPROVER)
    revised = await office.file(house_permit(90))
    read(await office.try_revise(revised, house_permit(91)), 200)
    gone = await office.file()
    read(await office.try_withdraw(gone), 200)
    absent = good[0] | {"draft_id": "00000000-0000-0000-0000-000000000000"}
    asked = [good[0], own, good[1], revised, gone, absent, good[2]]
    answer = read(await office.try_approve_all(asked), 200)
    assert answer["issued"] == 3
    told = [(one["result_code"] is not None, (one["problem"] or {}).get("code")) for one in answer["items"]]
    assert told == [
        (True, None),
        (False, "second_person_needed"),
        (True, None),
        (False, "not_as_expected"),
        (False, "draft_ended"),
        (False, "not_found"),
        (True, None),
    ]
    assert [one["draft_id"] for one in answer["items"]] == [one["draft_id"] for one in asked]
    assert read(await office.try_approve_all(asked), 200) == answer, "asked again, it answers the same"
    assert len(await office.desk.rows("SELECT 1 FROM credential")) == 3


async def test_a_list_is_of_some_drafts_each_once(office: Office) -> None:
    draft = await office.file()
    assert problem(await office.try_approve_all([draft, draft]), 422, "invalid_input") == [("items", "repeated")]
    problem(await office.try_approve_all([]), 422, "invalid_input")
    problem(await office.try_approve_all([draft] * 1_001), 422, "invalid_input")
    assert read(await office.try_approve_all([draft], OTHER_AGENCY, agency=OTHER_AGENCY), 200)["issued"] == 0


async def test_a_deputy_approves_on_behalf_of_who_asked_him(office: Office) -> None:
    await office.appoint(APPROVER)
    draft = await office.file()
    problem(await office.try_approve(draft, DEPUTY, **OFFICER), 404, "not_found")
    delegation = await office.delegate()
    assert (delegation["delegator"], delegation["delegate"], delegation["type_codes"]) == (APPROVER, DEPUTY, None)
    issued = await office.approve(draft, DEPUTY, **OFFICER)
    assert (issued["approver"], issued["on_behalf_of"]) == (DEPUTY, APPROVER)
    reader = office.token("x", "credentials:read")
    path = f"/api/v1/credentials/{issued['result_code']}/acts"
    told = read(await office.desk.client.get(path, headers=reader), 200)["issue"]
    assert (told["issued_by"], told["drafted_by"], told["on_behalf_of"]) == (DEPUTY, AUTHOR, APPROVER)
    [row] = await office.desk.rows("SELECT actor, subject FROM audit WHERE act = 'approve_draft'")
    assert row["actor"] == DEPUTY
    assert row["subject"].endswith(f" for {APPROVER}")
    rejected = read(await office.try_reject(await office.file(), approver=DEPUTY, **OFFICER), 200)
    assert rejected["on_behalf_of"] == APPROVER


async def test_a_delegation_is_no_way_around_the_author(office: Office) -> None:
    """Neither for the deputy's own draft, nor for the draft of who lent him his right."""
    await office.appoint(APPROVER)
    await office.delegate()
    problem(await office.try_approve(await office.file(author=DEPUTY), DEPUTY, **OFFICER), 403, "second_person_needed")
    problem(await office.try_approve(await office.file(author=APPROVER), DEPUTY, **OFFICER), 404, "not_found")


async def test_a_delegation_ends_with_its_time_with_the_right_and_when_ended(office: Office, clock: Clock) -> None:
    await office.appoint(APPROVER)
    drafts = [await office.file() for _ in range(4)]
    delegation = await office.delegate(valid_until=(clock() + timedelta(days=2)).isoformat())
    await office.approve(drafts[0], DEPUTY, **OFFICER)
    await office.dismiss(APPROVER)
    problem(await office.try_approve(drafts[1], DEPUTY, **OFFICER), 404, "not_found")
    await office.appoint(APPROVER)
    await office.approve(drafts[1], DEPUTY, **OFFICER)
    path = f"{DELEGATIONS}/{delegation['delegation_id']}/end"
    problem(await office.ask("POST", path, "somebody", agency=OTHER_AGENCY), 404, "not_found")
    problem(await office.ask("POST", f"{DELEGATIONS}/{drafts[0]['draft_id']}/end", APPROVER), 404, "not_found")
    ended = read(await office.ask("POST", path, APPROVER), 200)
    assert (ended["ended_by"], ended["delegate"]) == (APPROVER, DEPUTY)
    assert read(await office.ask("POST", path, "chief"), 200) == ended
    problem(await office.try_approve(drafts[2], DEPUTY, **OFFICER), 404, "not_found")
    await office.delegate(valid_until=(clock() + timedelta(days=2)).isoformat())
    clock.forward(timedelta(days=2))
    problem(await office.try_approve(drafts[3], DEPUTY, **OFFICER), 404, "not_found")
    acts = await office.desk.rows("SELECT act FROM audit WHERE act LIKE '%delegat%' ORDER BY chain, sequence")
    assert sorted(row["act"] for row in acts) == ["delegate", "delegate", "end_delegation"]


async def test_a_delegation_may_be_of_some_types_only(office: Office) -> None:
    await office.appoint(APPROVER)
    problem(await office.try_delegate(type_codes=["KQ.H17.000004"], delegate=APPROVER), 422, "invalid_input")
    await office.delegate(type_codes=["KQ.H17.000004"])
    draft = await office.file()
    problem(await office.try_approve(draft, DEPUTY, **OFFICER), 404, "not_found")
    await office.delegate(type_codes=[PERMIT])
    assert (await office.approve(draft, DEPUTY, **OFFICER))["on_behalf_of"] == APPROVER


async def test_nobody_lends_what_he_has_not(office: Office) -> None:
    problem(await office.try_delegate(), 403, "not_permitted")
    await office.appoint(APPROVER, type_code=PERMIT)
    problem(await office.try_delegate(type_codes=["KQ.H17.000004"]), 403, "not_permitted")
    await office.delegate()
    problem(await office.try_delegate(DEPUTY, "dũng"), 422, "invalid_input")
    problem(await office.try_delegate(DEPUTY, "dung"), 403, "not_permitted")


@pytest.mark.parametrize("until", ["2026-11-23T08:00:00Z", "2027-02-24T00:00:00Z"])
async def test_a_delegation_ends_within_a_quarter(office: Office, until: str) -> None:
    await office.appoint(APPROVER)
    assert problem(await office.try_delegate(valid_until=until), 422, "invalid_input") == [
        ("valid_until", "out_of_range")
    ]


async def test_delegations_are_seen_by_the_agency_and_by_both_persons(office: Office, clock: Clock) -> None:
    await office.appoint(APPROVER)
    for _ in range(3):
        clock.forward(timedelta(seconds=1))
        await office.delegate()
    first = read(await office.ask("GET", DELEGATIONS, "chief", params={"limit": 2}), 200)
    rest = await office.ask("GET", DELEGATIONS, "chief", params={"limit": 2, "cursor": first["next_cursor"]})
    assert (len(first["items"]), len(read(rest, 200)["items"])) == (2, 1)
    own = read(await office.ask("GET", DELEGATIONS, DEPUTY, scope="credentials:issue", agency=OTHER_AGENCY), 200)
    assert len(own["items"]) == 3
    assert read(await office.ask("GET", DELEGATIONS, "x", agency=OTHER_AGENCY), 200)["items"] == []


async def test_an_act_about_no_draft_is_none(office: Office) -> None:
    assert problem(await office.try_approve_all([]), 422, "invalid_input") == [("items", "form")]
    with pytest.raises(InvalidInput):
        await office.services.drafts.approve_all(
            [], Caller(subject=APPROVER, scopes=frozenset({"credentials:approve"}))
        )
