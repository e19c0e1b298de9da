"""Every room asks the one decision: what is below, what was succeeded, and to which types a token is limited."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from catalogue.test_routes import DRAFT
from desk import AGENCY, OTHER_AGENCY, Desk, Json, problem, read
from grounds import Clock
from khoso.caller import Caller
from khoso.config import Config
from samples import house_permit

CITY, HOUSE, TRUCK = "H17", "KQ.H17.000001", "KQ.H17.000003"
OTHER = {"kind": "person", "id": "048078999002", "name": "Lê Văn Tám"}


@pytest.fixture
def desk(client: httpx.AsyncClient, key_dir: Any, clock: Clock, config: Config) -> Desk:
    return Desk(client, key_dir, clock, config.database_owner_url)


def limited(desk: Desk, scope: str, type_code: str, agency: str = AGENCY, subject: str = "officer-7") -> dict[str, str]:
    """Somebody whose scope is good for one type."""
    types = {scope: frozenset({type_code})}
    return desk.token_of(Caller(subject=subject, scopes=frozenset({scope}), types=types, agency_code=agency))


async def issue(desk: Desk, headers: dict[str, str]) -> httpx.Response:
    key = {"idempotency-key": "one"}
    return await desk.client.post("/api/v1/credentials", json=house_permit(), headers=headers | key)


async def show(desk: Desk, result_code: str, headers: dict[str, str]) -> httpx.Response:
    return await desk.client.get(f"/api/v1/credentials/{result_code}", headers=headers)


async def test_one_issues_the_types_that_one_may(desk: Desk) -> None:
    problem(await issue(desk, limited(desk, "credentials:issue", TRUCK)), 403, "not_permitted")
    problem(await issue(desk, desk.token("credentials:issue", agency="H17.99")), 403, "not_permitted")
    read(await issue(desk, limited(desk, "credentials:issue", HOUSE)), 201)


async def test_one_drafts_the_types_that_one_may(desk: Desk) -> None:
    trucks = limited(desk, "credentials:issue", TRUCK) | {"idempotency-key": "one"}
    problem(await desk.client.post("/api/v1/drafts", json=house_permit(), headers=trucks), 403, "not_permitted")
    houses = limited(desk, "credentials:issue", HOUSE) | {"idempotency-key": "one"}
    draft = read(await desk.client.post("/api/v1/drafts", json=house_permit(), headers=houses), 201)
    path = f"/api/v1/drafts/{draft['draft_id']}"
    problem(await desk.client.put(path, json=house_permit(), headers=trucks), 403, "not_permitted")


async def test_one_issues_in_the_name_of_ones_own_agency(desk: Desk) -> None:
    """Whoever acts for the city is not the ward: the city itself has no right to issue this type."""
    problem(await issue(desk, desk.token("credentials:issue", agency=CITY)), 403, "not_authorised_to_issue")


async def test_files_are_imported_of_the_types_that_one_may(desk: Desk) -> None:
    async def ask(path: str, headers: dict[str, str], **more: Any) -> httpx.Response:
        method = "POST" if more else "GET"
        return await desk.client.request(method, f"/api/v1/imports{path}", headers=headers, **more)

    trucks = limited(desk, "credentials:issue", TRUCK)
    houses = limited(desk, "credentials:issue", HOUSE)
    file = {"content": b"dossier_code\n"}
    kind = {"idempotency-key": "one", "content-type": "text/csv"}
    problem(await ask(f"?type_code={HOUSE}", trucks | kind, **file), 403, "not_permitted")
    problem(await ask(f"/template?type_code={HOUSE}", trucks), 403, "not_permitted")
    assert (await ask(f"/template?type_code={HOUSE}", houses)).status_code == 200
    job = read(await ask(f"?type_code={HOUSE}", houses | kind, **file), 202)
    for path in ("", "/errors", "/results"):
        assert (await ask(f"/{job['import_id']}{path}", houses)).status_code == 200
        problem(await ask(f"/{job['import_id']}{path}", trucks), 404, "not_found")
        above = desk.token("credentials:issue", agency=CITY)
        problem(await ask(f"/{job['import_id']}{path}", above), 404, "not_found")


async def test_what_is_below_is_read_and_what_is_beside_is_not_there(desk: Desk) -> None:
    result_code = (await desk.issue())["result_code"]
    read(await show(desk, result_code, desk.token("credentials:read", agency=CITY)), 200)
    read(await show(desk, result_code, limited(desk, "credentials:read", HOUSE)), 200)
    others_vault = await desk.vault_of((await desk.issue(holder=OTHER))["result_code"])
    for outside in (
        desk.token("credentials:read", agency=OTHER_AGENCY),
        limited(desk, "credentials:read", TRUCK),
        desk.token("vault:read", agency=AGENCY, vault=others_vault),  # his own vault is all that it opens
    ):
        problem(await show(desk, result_code, outside), 404, "not_found")
    problem(await show(desk, result_code, desk.token("credentials:read", agency="H17.99")), 403, "not_permitted")


async def test_who_acts_is_told_to_those_above_the_agency_too(desk: Desk) -> None:
    result_code = (await desk.issue())["result_code"]
    await desk.act(result_code, "suspend")
    above = desk.token("credentials:read", agency=CITY)
    told = read(await desk.client.get(f"/api/v1/credentials/{result_code}/acts", headers=above), 200)
    assert [act["author"] for act in told["items"]] == ["officer-7"]


async def test_the_successor_answers_for_what_an_agency_has_issued(desk: Desk) -> None:
    result_code = (await desk.issue())["result_code"]
    admin = desk.token("agencies:write", agency=CITY)
    day = (desk.clock() + timedelta(days=1)).date().isoformat()
    path = f"/api/v1/agencies/{AGENCY}"
    read(await desk.client.patch(path, json={"valid_until": day}, headers=admin), 200)
    body = {"successor_code": OTHER_AGENCY, "since": day}
    read(await desk.client.post(f"{path}/successors", json=body, headers=admin), 200)
    successor = desk.token("credentials:read", agency=OTHER_AGENCY)
    problem(await show(desk, result_code, successor), 404, "not_found")
    problem(await desk.try_act(result_code, "revoke", agency=OTHER_AGENCY), 404, "not_found")
    desk.clock.forward(timedelta(days=1))
    successor = desk.token("credentials:read", agency=OTHER_AGENCY)
    read(await show(desk, result_code, successor), 200)
    problem(await desk.try_act(result_code, "revoke"), 404, "not_found")  # for the old one nobody acts
    read(await desk.try_act(result_code, "revoke", agency=OTHER_AGENCY), 204)
    assert read(await show(desk, result_code, successor), 200)["status"] == "revoked"


async def test_those_above_do_not_change_a_status_themselves(desk: Desk) -> None:
    result_code = (await desk.issue())["result_code"]
    problem(await desk.try_act(result_code, "revoke", agency=CITY), 404, "not_found")


async def waiting_order(desk: Desk) -> Json:
    """An order that asks for a second person."""
    result_code = (await desk.issue())["result_code"]
    await desk.act(result_code, "revoke")
    order: Json = read(await desk.try_act(result_code, "restore"), 202)
    return order


async def test_an_order_is_approved_by_those_above_and_of_its_types(desk: Desk) -> None:
    order = await waiting_order(desk)
    path = f"/api/v1/status-orders/{order['order_id']}"
    trucks = limited(desk, "credentials:approve", TRUCK, CITY, "chief")
    beside = desk.token("credentials:approve", agency=OTHER_AGENCY, subject="chief")
    body = {"order_hash": order["order_hash"]}
    for outside in (trucks, beside):
        problem(await desk.client.get(path, headers=outside), 404, "not_found")
        problem(await desk.client.post(f"{path}/approval", json=body, headers=outside), 404, "not_found")
        assert read(await desk.client.get("/api/v1/status-orders", headers=outside), 200)["items"] == []
    houses = limited(desk, "credentials:approve", HOUSE, CITY, "chief")
    listed = read(await desk.client.get("/api/v1/status-orders", headers=houses), 200)["items"]
    assert order["order_id"] in [one["order_id"] for one in listed]
    approved = read(await desk.client.post(f"{path}/approval", json=body, headers=houses), 200)
    assert (approved["state"], approved["approver"]) == ("carried_out", "chief")


async def test_what_one_may_approve_one_may_cancel(desk: Desk) -> None:
    order = await waiting_order(desk)
    path, body = f"/api/v1/status-orders/{order['order_id']}/cancellation", {"reason": "nhầm"}
    colleague = limited(desk, "credentials:change-status", HOUSE, subject="officer-8")
    problem(await desk.client.post(path, json=body, headers=colleague), 403, "not_permitted")
    chief = limited(desk, "credentials:approve", HOUSE, CITY, "chief")
    assert read(await desk.client.post(path, json=body, headers=chief), 200)["cancelled_by"] == "chief"


async def test_orders_find_results_of_the_types_that_one_may(desk: Desk) -> None:
    result_code = (await desk.issue())["result_code"]
    path = "/api/v1/status-orders/preview"
    trucks, houses = (limited(desk, "credentials:change-status", one) for one in (TRUCK, HOUSE))
    named = {"act": "revoke", "results": [result_code]}
    problem(await desk.client.post(path, json=named, headers=trucks), 422, "invalid_input")
    assert read(await desk.client.post(path, json=named, headers=houses), 200)["count"] == 1
    by_query = {"act": "revoke", "query": {"issued_by": "officer-7"}}
    assert read(await desk.client.post(path, json=by_query, headers=trucks), 200)["count"] == 0
    assert read(await desk.client.post(path, json=by_query, headers=houses), 200)["count"] == 1


async def test_a_type_is_published_by_whom_its_agency_is_below(desk: Desk) -> None:
    async def publish(headers: dict[str, str], **changes: Any) -> httpx.Response:
        return await desk.client.post("/api/v1/result-types", json=DRAFT | changes, headers=headers)

    problem(await publish(desk.token("catalogue:write", agency=AGENCY)), 403, "not_permitted")
    city = desk.token("catalogue:write", agency=CITY)
    problem(await publish(city, code="KQ.G15.000031"), 403, "not_permitted")
    problem(await publish(limited(desk, "catalogue:write", HOUSE, CITY)), 403, "not_permitted")
    read(await publish(city), 201)
    read(await publish(city, code=f"KQ.{AGENCY}.000001"), 201)
