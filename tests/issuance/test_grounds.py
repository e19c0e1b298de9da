"""No result without a ground: a dossier, or a legal basis with the number of a decision."""

from typing import Any

import httpx
import msgspec
import pytest

from desk import Desk, problem, read
from grounds import Clock
from khoso.config import Config
from khoso.issuance.grounds import find_ground_faults
from khoso.issue_request import IssueRequest
from samples import house_permit

BASIS: dict[str, Any] = {"legal_basis": "Luật Xây dựng 50/2014/QH13, điều 89", "decision_number": "12/QĐ-UBND"}


@pytest.fixture
def desk(client: httpx.AsyncClient, key_dir: Any, clock: Clock, config: Config) -> Desk:
    return Desk(client, key_dir, clock, config.database_owner_url)


@pytest.mark.parametrize(
    ("ground", "problems"),
    [
        ({"dossier_code": None}, [("dossier_code", "ground_missing")]),
        ({"dossier_code": None, "legal_basis": "Luật"}, [("decision_number", "required")]),
        ({"dossier_code": None, "decision_number": "12/QĐ"}, [("legal_basis", "required")]),
        ({"dossier_code": None} | BASIS | {"legal_basis": " "}, [("legal_basis", "empty_or_padded")]),
        ({"dossier_code": None} | BASIS | {"decision_number": "1" * 201}, [("decision_number", "too_long")]),
        (BASIS, [("legal_basis", "two_grounds"), ("decision_number", "two_grounds")]),
        ({"dossier_code": "H17.05.12-261120-00001"}, [("dossier_code", "dossier_code")]),
    ],
)
async def test_a_ground_is_named_whole_and_once(desk: Desk, ground: Any, problems: Any) -> None:
    assert problem(await desk.try_issue(house_permit(**ground)), 422, "invalid_input") == problems


async def test_results_without_a_dossier_have_numbers_of_their_own(desk: Desk) -> None:
    codes = [(await desk.issue(dossier_code=None, **BASIS))["result_code"] for _ in range(2)]
    assert codes == ["H17.05.12-261123-00001-KQ1", "H17.05.12-261123-00002-KQ1"]
    assert (await desk.issue(house_permit(1)))["result_code"] == "H17.05.12-261120-000001-KQ1"
    await desk.rows("UPDATE dossier_result SET results = 99999 WHERE dossier_code = 'H17.05.12-261123'")
    more = await desk.try_issue(house_permit(dossier_code=None, **BASIS))
    assert read(more, 201)["result_code"] == "H17.05.12-261123-00000-KQ2"
    await desk.rows("UPDATE dossier_result SET results = 3 WHERE dossier_code = 'H17.05.12-261123'")


async def test_the_ground_stays_with_the_result(desk: Desk) -> None:
    issued = await desk.issue(dossier_code=None, **BASIS)
    reader = desk.token("credentials:read", agency="H17.05.12")
    path = f"/api/v1/credentials/{issued['result_code']}"
    paper = read(await desk.client.get(path, headers=reader), 200)
    told = read(await desk.client.get(f"{path}/acts", headers=reader), 200)["issue"]
    for one in (paper, told):
        assert (one["dossier_code"], one["legal_basis"], one["decision_number"]) == (None, *BASIS.values())
    assert (await desk.verify(lookup_code=issued["lookup_code"]))["outcome"] == "in_force"
    [row] = await desk.rows("SELECT subject FROM audit WHERE act = 'ground'")
    assert row["subject"] == f"{issued['result_code']} {BASIS['legal_basis']}, {BASIS['decision_number']}"
    citizen = await desk.citizen(issued["result_code"])
    found = await desk.client.get("/api/v1/vault/results", params={"q": "12/qd"}, headers=citizen)
    assert len(read(found, 200)["items"]) == 1


def test_an_agency_whose_code_leaves_no_room_names_the_dossier() -> None:
    request = msgspec.convert(house_permit(dossier_code=None, **BASIS), IssueRequest)
    assert [one.field for one in find_ground_faults(request, "H17." + "9" * 31)] == ["dossier_code"]
