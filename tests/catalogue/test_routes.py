from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler

from khoso import http, problems
from khoso.caller import Caller, purview_of
from khoso.catalogue import danang, routes
from khoso.catalogue.service import Catalogue

CLERK = Caller(subject="clerk", scopes=frozenset({"catalogue:write"}), agency_code="H17")
DRAFT: dict[str, Any] = {
    "code": "KQ.H17.000042",
    "version": 1,
    "procedure_code": "1.004888",
    "name_vi": "Giấy phép tập kết vật liệu",
    "name_en": "Pavement storage permit",
    "subject_kind": "premises",
    "comparison_field": "address",
    "glance": ["address"],
    "fields": [
        {
            "number": 1,
            "name": "address",
            "kind": "text",
            "label_vi": "Địa điểm",
            "label_en": "Place",
            "max_length": 40,
        }
    ],
}


def let_in(connection: "ASGIConnection[Any, Any, Any, Any]", handler: BaseRouteHandler) -> None:
    """Everybody is the clerk where a scope is asked."""
    if not handler.opt.get("public"):
        assert handler.opt["scope"] in CLERK.scopes
        connection.scope["state"]["caller"] = CLERK


@pytest.fixture
def app(catalogue: Catalogue) -> Litestar:
    return Litestar(
        routes.HANDLERS,
        guards=[let_in],
        dependencies={
            "catalogue": Provide(lambda: catalogue, sync_to_thread=False),
            "caller": Provide(http.provide_caller, sync_to_thread=False),
            "purview": Provide(lambda: purview_of(CLERK, catalogue.hierarchy, "catalogue:write"), sync_to_thread=False),
        },
        exception_handlers=problems.HANDLERS,
    )


@pytest.fixture
async def client(app: Litestar, catalogue: Catalogue) -> AsyncIterator[httpx.AsyncClient]:
    await catalogue.load(danang.load(), "clerk")
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # narrower scope types than httpx names
    async with httpx.AsyncClient(transport=transport, base_url="http://kho.test") as client:
        yield client


async def test_everybody_reads_every_type_and_version(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/api/v1/result-types")).json()["items"]
    assert [item["code"] for item in listed] == [f"KQ.H17.{number:06}" for number in range(1, 9)]
    shown = (await client.get("/api/v1/result-types/KQ.H17.000003")).json()
    assert shown == listed[2]
    version = await client.get("/api/v1/result-types/KQ.H17.000003/versions/1")
    assert version.json() == shown["versions"][0]
    assert "immutable" in version.headers["cache-control"]


async def test_unknown_types_and_versions_are_not_found(client: httpx.AsyncClient) -> None:
    for path in ("KQ.H17.000999", "KQ.H17.000003/versions/2", "KQ.H17.000003/versions/0"):
        assert (await client.get(f"/api/v1/result-types/{path}")).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["result-types", "result-types/KQ.H17.000003", "result-types/KQ.H17.000003/versions/1", "agencies?limit=5"],
)
async def test_what_has_not_changed_is_not_sent_again(client: httpx.AsyncClient, path: str) -> None:
    first = await client.get(f"/api/v1/{path}")
    assert first.status_code == 200
    assert first.headers["cache-control"].startswith("public")
    again = await client.get(f"/api/v1/{path}", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_all_agencies_in_pages(client: httpx.AsyncClient) -> None:
    codes: list[str] = []
    cursor = ""
    while True:
        page = (await client.get("/api/v1/agencies", params={"cursor": cursor, "limit": 50})).json()
        codes += [item["agency"]["agency_code"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert codes == sorted(agency.agency_code for agency in danang.load().agencies)


async def test_a_former_agency_names_who_answers_now(client: httpx.AsyncClient) -> None:
    page = (await client.get("/api/v1/agencies", params={"cursor": "H17.08.99", "limit": 1})).json()
    (item,) = page["items"]
    assert item["agency"]["name_vi"] == "UBND quận Cẩm Lệ"
    assert item["agency"]["valid_until"] == "2025-07-01"
    assert item["successor_codes"] == ["H17.03.12", "H17.09.11", "H17.09.12"]
    assert page["next_cursor"] == "H17.09"


async def test_a_type_is_published_without_a_restart(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/result-types", json=DRAFT)
    assert (answer.status_code, answer.json()["latest"]) == (201, 1)
    assert (await client.get(f"/api/v1/result-types/{DRAFT['code']}")).json() == answer.json()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"fields": [{**DRAFT["fields"][0], "colour": "red"}]}, "fields.0.colour"),
        ({"comparison_field": "plate"}, "comparison_field"),
        ({"version": 2}, "version"),
    ],
)
async def test_a_faulty_definition_is_refused_by_name(
    client: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    answer = await client.post("/api/v1/result-types", json=DRAFT | change)
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["problems"]] == [field]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"expires_soon_days": 1 << 53}, "expires_soon_days"),
        ({"version": 1 << 53}, "version"),
        ({"fields": [{**DRAFT["fields"][0], "number": 1 << 53}]}, "fields.address"),
        ({"fields": [{**DRAFT["fields"][0], "keep_last": 1 << 53}]}, "fields.address"),
        ({"fields": [{**DRAFT["fields"][0], "unit": "m\0"}]}, "fields.address.unit"),
    ],
)
async def test_no_definition_that_a_verifier_could_not_read_is_taken(
    client: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    published = await client.post("/api/v1/result-types", json=DRAFT | change)
    measured = await client.post("/api/v1/result-types/size", json={"definition": DRAFT | change})
    for answer in (published, measured):
        assert answer.status_code == 422
        assert {problem["field"] for problem in answer.json()["problems"]} == {field}


async def test_one_person_takes_the_second_from_no_type(client: httpx.AsyncClient) -> None:
    watched = DRAFT | {"four_eyes": True}
    assert (await client.post("/api/v1/result-types", json=watched)).status_code == 201
    refused = await client.post("/api/v1/result-types", json=watched | {"version": 2, "four_eyes": False})
    assert refused.status_code == 422
    assert [(one["field"], one["code"]) for one in refused.json()["problems"]] == [("four_eyes", "weakened")]
    assert (await client.get(f"/api/v1/result-types/{DRAFT['code']}")).json()["latest"] == 1
    assert (await client.post("/api/v1/result-types", json=watched | {"version": 2})).status_code == 201


async def test_the_size_of_a_draft(client: httpx.AsyncClient) -> None:
    longest = (await client.post("/api/v1/result-types/size", json={"definition": DRAFT})).json()
    sample = {"definition": DRAFT, "values": {"address": "91 Lê Lợi"}}
    shorter = (await client.post("/api/v1/result-types/size", json=sample)).json()
    assert shorter["field_bytes"] == {"address": 1 + 1 + len("91 Lê Lợi".encode())}
    difference = longest["field_bytes"]["address"] - shorter["field_bytes"]["address"]
    assert 0 < difference == longest["payload_bytes"] - shorter["payload_bytes"]
    assert shorter["modules"] == 17 + 4 * shorter["version"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"definition": DRAFT | {"colour": "red"}}, "colour"),
        ({"definition": DRAFT | {"glance": ["plate"]}}, "glance.0"),
        ({"definition": DRAFT, "values": {"plate": "43C"}}, "values.plate"),
        ({"definition": DRAFT, "values": {"address": 3}}, "values.address"),
    ],
)
async def test_a_draft_that_cannot_be_measured(client: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    answer = await client.post("/api/v1/result-types/size", json=body)
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["problems"]] == [field]


async def test_no_code_is_large_enough(client: httpx.AsyncClient) -> None:
    huge = DRAFT | {"fields": [{**DRAFT["fields"][0], "max_length": 900}]}
    answer = await client.post("/api/v1/result-types/size", json={"definition": huge})
    assert (answer.status_code, answer.json()["code"]) == (422, "code_too_long")


async def test_the_documented_examples_are_accepted(app: Litestar, client: httpx.AsyncClient) -> None:
    schema = app.openapi_schema.to_schema()
    for path, status in [("/api/v1/result-types", 201), ("/api/v1/result-types/size", 200)]:
        content = schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        examples = content["schema"]["examples"]
        assert examples
        for example in examples:
            answer = await client.post(path, content=msgspec.json.encode(example))
            assert answer.status_code == status, answer.text
