"""From the draft to the paper: what is refused, what an approval is bound to, and how a draft ends."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from desk import AGENCY, OTHER_AGENCY, problem, read
from drafts.conftest import APPROVER, AUTHOR, DEPUTY, DRAFTS, PERMIT, Office, ask_for_two
from grounds import Clock
from khoso.caller import Caller
from khoso.config import Config
from khoso.drafts.hashing import read_request
from khoso.drafts.model import Seen
from khoso.errors import NotAsExpected
from samples import house_permit, truck_permit
from waiting import until_somebody_waits

BASIS: dict[str, Any] = {"legal_basis": "Luật Xây dựng 50/2014/QH13, điều 89", "decision_number": "12/QĐ-UBND"}


async def test_a_paper_that_takes_two_persons_is_not_issued_by_one(office: Office) -> None:
    problem(await office.desk.try_issue(house_permit()), 403, "draft_needed")
    assert not await office.desk.rows("SELECT 1 FROM credential")


async def test_what_another_person_approves_is_issued(office: Office) -> None:
    answer = await office.try_file(house_permit())
    draft = read(answer, 201)
    assert answer.headers["location"] == f"{DRAFTS}/{draft['draft_id']}"
    assert (draft["state"], draft["author"], draft["result_code"]) == ("awaiting_approval", AUTHOR, None)
    assert not await office.desk.rows("SELECT 1 FROM credential")
    issued = await office.approve(draft)
    assert (issued["state"], issued["approver"], issued["on_behalf_of"]) == ("issued", APPROVER, None)
    assert issued == await office.show(draft)
    reader = office.token("an", "credentials:read")
    path = f"/api/v1/credentials/{issued['result_code']}"
    paper = read(await office.desk.client.get(path, headers=reader), 200)
    assert (await office.desk.verify(code=paper["code"]))["outcome"] == "in_force"
    told = read(await office.desk.client.get(f"{path}/acts", headers=reader), 200)["issue"]
    assert (told["issued_by"], told["drafted_by"]) == (APPROVER, AUTHOR)
    assert told["dossier_code"] == house_permit()["dossier_code"]
    citizen = await office.desk.citizen(issued["result_code"])
    seen = read(await office.desk.client.get(f"{path}/acts", headers=citizen), 200)["issue"]
    assert "issued_by" not in seen, "the names of officers are the agency's"


async def test_approving_again_changes_nothing_and_nobody_else_approves_it_twice(office: Office) -> None:
    draft = await office.file()
    assert await office.approve(draft) == await office.approve(draft)
    problem(await office.try_approve(draft, DEPUTY), 409, "draft_ended")
    problem(await office.try_withdraw(draft), 409, "draft_ended")
    problem(await office.try_reject(draft), 409, "draft_ended")


async def test_nobody_approves_what_he_drafted(office: Office) -> None:
    draft = await office.file()
    problem(await office.try_approve(draft, AUTHOR), 403, "second_person_needed")
    problem(await office.try_reject(draft, approver=AUTHOR), 403, "second_person_needed")
    assert (await office.show(draft))["state"] == "awaiting_approval"


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("state = 'issued', approver = author, ended_by = author, result_code = 'x', ended_at = drafted_at", "person"),
        (
            "state = 'issued', approver = 'b', ended_by = 'b', on_behalf_of = author, result_code = 'x', "
            "ended_at = drafted_at",
            "behalf",
        ),
        ("state = 'issued', ended_by = 'b', ended_at = drafted_at", "issued_by_its_approver"),
        ("state = 'rejected', ended_by = author, end_reason = 'x', ended_at = drafted_at", "rejected_by_another"),
        ("state = 'withdrawn', ended_by = 'b', ended_at = drafted_at", "withdrawn_by_its_author"),
    ],
)
async def test_the_database_itself_refuses_one_person(office: Office, change: str, constraint: str) -> None:
    await office.file()
    with pytest.raises(asyncpg.CheckViolationError) as violation:
        await office.desk.rows(f"UPDATE draft SET {change}")
    assert violation.value.constraint_name is not None
    assert constraint in violation.value.constraint_name


async def test_only_what_was_seen_is_approved(office: Office) -> None:
    draft = await office.file(house_permit(1))
    revised = read(await office.try_revise(draft, house_permit(2)), 200)
    assert (revised["revision"], revised["request"]["dossier_code"]) == (2, house_permit(2)["dossier_code"])
    assert problem(await office.try_approve(draft), 409, "not_as_expected") == [("draft_hash", "differs")]
    assert problem(await office.try_reject(draft), 409, "not_as_expected") == [("draft_hash", "differs")]
    back = read(await office.try_revise(draft, house_permit(1)), 200)
    problem(await office.try_approve(draft), 409, "not_as_expected")
    assert (await office.approve(back))["result_code"] == f"{house_permit(1)['dossier_code']}-KQ1"
    problem(await office.try_revise(draft, house_permit(3)), 409, "draft_ended")


async def test_the_same_again_is_no_revision(office: Office) -> None:
    draft = await office.file(house_permit(1))
    assert read(await office.try_revise(draft, house_permit(1)), 200) == draft
    assert (await office.approve(draft))["state"] == "issued"


async def test_a_draft_stays_its_authors_and_of_its_type(office: Office) -> None:
    draft = await office.file()
    problem(await office.try_revise(draft, house_permit(2), author=DEPUTY), 403, "not_permitted")
    problem(await office.try_withdraw(draft, author=DEPUTY), 403, "not_permitted")
    business = {
        "type_code": "KQ.H17.000008",
        "fields": {
            "address": "135/27 Núi Thành",
            "business_name": "Cà phê Vườn Thanh Hương",
            "main_line": "drinks",
            "tax_code": "048181999036",
            "owner": "Nguyễn Thị Thanh Hương",
            "business_lines": ["Dịch vụ phục vụ đồ uống"],
        },
    }
    refused = problem(await office.try_revise(draft, house_permit(2) | business), 422, "invalid_input")
    assert refused == [("type_code", "other_type")]


async def test_a_new_version_of_the_type_voids_what_was_seen(office: Office) -> None:
    draft = await office.file(house_permit(1))
    await ask_for_two(office.services)
    seen = Seen(draft["draft_id"], bytes.fromhex(draft["draft_hash"]))
    drafts = office.services.drafts
    approver = Caller(subject=APPROVER, scopes=frozenset({"credentials:approve"}), agency_code=AGENCY)
    asked = seen._replace(draft_id=UUID(draft["draft_id"]))
    with pytest.raises(NotAsExpected) as refused:
        await drafts.approve(asked, approver)
    assert [one.code for one in refused.value.problems] == ["type_changed"]
    author = {"agency_code": AGENCY, "author": AUTHOR}
    standing = await office.services.draft_book.get_draft(asked.draft_id, approver)
    revised = await drafts.revise(asked.draft_id, read_request(standing), **author)
    assert (revised.revision, revised.type_version) == (2, standing.type_version + 1)
    issued = await drafts.approve(Seen(revised.draft_id, revised.draft_hash), approver)
    assert issued.state == "issued"


async def test_a_draft_is_checked_when_it_is_filed_and_when_it_is_approved(office: Office, clock: Clock) -> None:
    wrong = house_permit(fields={**house_permit()["fields"], "floors": "many"})
    assert problem(await office.try_file(wrong), 422, "invalid_input") == [("fields.floors", "not_integer")]
    problem(await office.try_file(truck_permit()), 403, "not_authorised_to_issue")
    today = await office.file(house_permit(2, valid_from="2026-11-23"))
    clock.forward(timedelta(days=1))
    assert problem(await office.try_approve(today), 422, "invalid_input") == [("valid_from", "out_of_range")]
    assert (await office.show(today))["state"] == "awaiting_approval"


async def test_filing_again_with_the_same_key_answers_the_same_draft(office: Office) -> None:
    first, *others = await asyncio.gather(*(office.try_file(house_permit(1), "one-key") for _ in range(8)))
    assert {one.json()["draft_id"] for one in others} == {first.json()["draft_id"]}
    problem(await office.try_file(house_permit(2), "one-key"), 422, "idempotency_key_reused")
    await office.file(house_permit(2), key="one-key", author=DEPUTY)
    assert problem(await office.try_file(key="k" * 101), 422, "invalid_input") == [("Idempotency-Key", "length")]


async def test_the_same_draft_filed_at_once_is_one(office: Office, config: Config) -> None:
    owner = await asyncpg.connect(config.database_owner_url)
    async with owner.transaction():  # all have looked for the key, and found nothing, before one writes
        await owner.execute("LOCK TABLE draft IN SHARE MODE")
        asked = [house_permit(serial) for serial in (1, 1, 2)]
        filing = [asyncio.create_task(office.try_file(request, "one-key")) for request in asked]
        await until_somebody_waits(config.database_owner_url, len(filing))
    answers = await asyncio.gather(*filing)
    await owner.close()
    filed = [answer.json()["draft_id"] for answer in answers if answer.status_code == 201]
    assert len(await office.desk.rows("SELECT 1 FROM draft")) == len(set(filed)) == 1
    for answer in answers:
        if answer.status_code != 201:
            problem(answer, 422, "idempotency_key_reused")


async def test_a_key_is_good_for_one_agency(office: Office) -> None:
    """Whoever acts for two agencies asks for another draft."""
    await office.file(house_permit(1), key="one-key")
    answers = [office.try_file(house_permit(serial), "one-key", agency=OTHER_AGENCY) for serial in (1, 2)]
    for answer in await asyncio.gather(*answers):
        problem(answer, 422, "idempotency_key_reused")
    agencies = (AGENCY, OTHER_AGENCY) * 4
    racing = [office.try_file(house_permit(1), "raced-key", agency=agency) for agency in agencies]
    statuses = [answer.status_code for answer in await asyncio.gather(*racing)]
    assert sorted(statuses) == [201] * 4 + [422] * 4


async def test_withdrawing_and_rejecting(office: Office) -> None:
    first, second = await office.file(), await office.file()
    withdrawn = read(await office.try_withdraw(first), 200)
    assert (withdrawn["state"], withdrawn["ended_by"]) == ("withdrawn", AUTHOR)
    assert read(await office.try_withdraw(first), 200) == withdrawn
    problem(await office.try_approve(first), 409, "draft_ended")
    assert problem(await office.try_reject(second, " "), 422, "invalid_input") == [("reason", "empty_or_padded")]
    rejected = read(await office.try_reject(second), 200)
    assert (rejected["state"], rejected["ended_by"], rejected["end_reason"]) == ("rejected", APPROVER, "thiếu chữ ký")
    assert read(await office.try_reject(second), 200) == rejected
    problem(await office.try_reject(second, "khác"), 409, "draft_ended")
    problem(await office.try_withdraw(second), 409, "draft_ended")


async def test_what_nobody_approves_lapses(office: Office, clock: Clock) -> None:
    old = await office.file()
    clock.forward(timedelta(days=20))
    kept = await office.file()
    clock.forward(timedelta(days=10))
    problem(await office.try_approve(old), 409, "draft_ended")
    await asyncio.gather(office.services.drafts.lapse(), office.services.drafts.lapse())
    assert (await office.show(old))["state"] == "lapsed"
    assert (await office.approve(kept))["state"] == "issued"


async def test_what_is_out_of_reach_is_not_there(office: Office) -> None:
    draft = await office.file()
    absent = draft | {"draft_id": str(uuid4())}
    for one in (draft, absent):
        problem(await office.try_approve(one, agency=OTHER_AGENCY), 404, "not_found")
        problem(await office.try_reject(one, agency=OTHER_AGENCY), 404, "not_found")
        problem(await office.try_withdraw(one, agency=OTHER_AGENCY), 404, "not_found")
        problem(await office.try_revise(one, house_permit(5), agency=OTHER_AGENCY), 404, "not_found")
        shown = await office.ask("GET", f"{DRAFTS}/{one['draft_id']}", APPROVER, agency=OTHER_AGENCY)
        problem(shown, 404, "not_found")
    issuer = await office.try_approve(draft, DEPUTY, scope="credentials:issue")
    problem(issuer, 404, "not_found")
    assert read(await office.ask("GET", DRAFTS, APPROVER, agency=OTHER_AGENCY), 200)["items"] == []


async def test_drafts_are_listed_newest_first_page_by_page(office: Office, clock: Clock) -> None:
    ids = []
    for _ in range(3):
        clock.forward(timedelta(seconds=1))
        ids.append((await office.file())["draft_id"])
    first = read(await office.ask("GET", DRAFTS, APPROVER, params={"limit": 2}), 200)
    rest = read(await office.ask("GET", DRAFTS, APPROVER, params={"limit": 2, "cursor": first["next_cursor"]}), 200)
    assert [one["draft_id"] for one in first["items"] + rest["items"]] == ids[::-1]
    assert rest["next_cursor"] is None
    above = await office.ask("GET", DRAFTS, APPROVER, agency="H17", params={"state": "awaiting_approval"})
    assert len(read(above, 200)["items"]) == 3, "the city sees its wards'"
    assert read(await office.ask("GET", DRAFTS, APPROVER, params={"state": "issued"}), 200)["items"] == []
    problem(await office.ask("GET", DRAFTS, APPROVER, params={"cursor": "x"}), 422, "invalid_input")


async def test_a_preview_is_a_specimen_and_needs_no_key(office: Office, config: Config) -> None:
    draft = await office.file(house_permit(1, dossier_code=None, **BASIS))
    preview = read(await office.ask("GET", f"{DRAFTS}/{draft['draft_id']}/preview", APPROVER), 200)
    assert preview["mark"] == {"vi": "MẪU", "en": "SPECIMEN"}
    assert (preview["decision_number"], preview["dossier_code"]) == (BASIS["decision_number"], None)
    shown = {one["label"]["en"]: one["shown"]["vi"] for one in preview["fields"]}
    assert house_permit()["fields"]["address"] in shown.values()
    assert "code" not in preview
    assert not await office.desk.rows("SELECT 1 FROM status_list")
    assert (await office.approve(draft))["result_code"] == "H17.05.12-261123-00001-KQ1"


async def test_fifty_approvals_at_once_are_one_paper(office: Office) -> None:
    draft = await office.file()
    approvals = [office.try_approve(draft, f"approver-{number % 5}") for number in range(50)]
    answers = await asyncio.gather(*approvals)
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses.count(200) == 10, "one approver, told ten times"
    assert set(statuses) == {200, 409}
    assert len({answer.json()["result_code"] for answer in answers if answer.status_code == 200}) == 1
    assert len(await office.desk.rows("SELECT 1 FROM credential")) == 1


async def test_a_draft_of_a_type_that_needs_none_is_good_too(office: Office) -> None:
    draft = await office.file(truck_permit(), agency="H17.11")
    issued = await office.approve(draft, agency="H17.11")
    assert issued["result_code"] == "H17.11-261121-000001-KQ1"


async def test_what_somebody_drafted_is_found_with_what_he_issued(office: Office) -> None:
    issued = await office.approve(await office.file())
    for subject in (AUTHOR, APPROVER):
        asked: Any = {"act": "revoke", "query": {"issued_by": subject}}
        preview = await office.ask(
            "POST", "/api/v1/status-orders/preview", "chief", "credentials:change-status", json=asked
        )
        assert [one["result_code"] for one in read(preview, 200)["sample"]] == [issued["result_code"]]


async def test_an_import_of_such_a_type_is_refused(office: Office) -> None:
    headers = office.token(AUTHOR, "credentials:issue") | {"idempotency-key": "file", "content-type": "text/csv"}
    answer = await office.desk.client.post(
        "/api/v1/imports", params={"type_code": PERMIT}, content=b"dossier_code\n1\n", headers=headers
    )
    problem(answer, 403, "draft_needed")
