"""The description of the API tells the truth: whatever is sent to any route in it, the answer is one that it names.

All routes are taken from the description, so a new one is in here by being described. Requests come from it too, right
ones and wrong ones, by several callers, about things that are there and things that are not.
"""

import asyncio
import os
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
import requests
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi import checks

import invariants
from desk import AGENCY, Desk
from grounds import ORIGIN, Clock, open_client
from khoso.caller import SCOPES
from khoso.config import Config
from khoso.issuance.model import IssueRequest
from khoso.wiring import open_services
from samples import house_permit

EXAMPLES = int(os.environ.get("KHOSO_TEST_REQUESTS", "4"))
"""Requests for each route, of right ones and of wrong ones each; `make fuzz` sends more, and others every time."""
AnyCase = Case[Any]
IN_SUITE = "KHOSO_TEST_REQUESTS" not in os.environ

Headers = dict[str, str]


@dataclass(frozen=True)
class Place:
    """A city to ask, and who may ask it."""

    portal: BlockingPortal
    client: httpx.AsyncClient
    callers: dict[str, Headers]
    known: dict[str, list[Any]]
    """Values of path and query parameters behind which there is something."""

    def ask(self, case: AnyCase, caller: str) -> httpx.Response:
        """Send a request as it was made, but for the token."""
        sent = case.as_transport_kwargs(base_url=ORIGIN)
        sent["headers"] = {k: v for k, v in sent["headers"].items() if k.lower() != "authorization"}
        prepared = requests.Request(**{k: v for k, v in sent.items() if k in _OF_A_REQUEST}).prepare()
        headers: Any = {**prepared.headers, **self.callers[caller]}
        request = httpx.Request(
            cast(str, prepared.method), cast(str, prepared.url), headers=headers, content=_bytes(prepared.body)
        )
        return self.portal.call(self.client.send, request)


_OF_A_REQUEST = {"method", "url", "headers", "params", "data", "json", "files", "cookies"}


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


@pytest.fixture
def place(config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Place]:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_client(config, clock)) as client,
    ):
        desk = Desk(client, config.keys_dir, clock, config.database_owner_url)
        portal.call(publish, config, clock, client)
        yield Place(portal, client, *portal.call(furnish, desk))
        portal.call(invariants.check_everything, config.database_owner_url)


async def publish(config: Config, clock: Clock, client: httpx.AsyncClient) -> None:
    """Everything there is to download, as the worker would."""
    async with open_services(config, clock, verifying=False) as services:
        await services.issuer.issue(msgspec.convert(house_permit(999_999), IssueRequest), AGENCY, "an", "first")
        await services.publisher.publish()
    while (await client.get("/lists/bundle")).status_code != 200:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.05)


async def furnish(desk: Desk) -> tuple[dict[str, Headers], dict[str, list[Any]]]:
    """Results, orders and imports to be asked about, and those who ask."""
    issued = [await desk.issue() for _ in range(3)]
    code = issued[0]["result_code"]
    vault = await desk.vault_of(code)
    await desk.act(issued[1]["result_code"], "suspend")
    headers = {"idempotency-key": "file", "content-type": "text/csv"} | desk.officer("credentials:issue")
    answer = await desk.client.post("/api/v1/imports?type_code=KQ.H17.000001", content=b"a\n1\n", headers=headers)
    everything = [scope for scope in SCOPES if scope != "vault:read"]
    callers = {
        "nobody": {},
        "officer": desk.token(*everything, agency=AGENCY, subject="officer-7"),
        "approver": desk.token(*everything, agency=AGENCY, subject="officer-8"),
        "citizen": desk.token("vault:read", vault=vault, subject="citizen"),
        "stranger": desk.token("metrics:read", subject="stranger"),
        "forger": {"authorization": "Bearer e30.e30.e30"},
    }
    orders = [row["order_id"] for row in await desk.rows("SELECT order_id FROM status_order")]
    known = {
        "result_code": [one["result_code"] for one in issued],
        "order_id": [str(order_id) for order_id in orders],
        "import_id": [answer.json()["import_id"]],
        "type_code": ["KQ.H17.000001"],
        "version": [1],
    }
    return callers, known


CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.mark.timeout(600)
def test_every_answer_is_one_that_the_description_names(place: Place) -> None:
    answer = place.portal.call(place.client.get, "/openapi.json")
    schema = schemathesis.openapi.from_dict(answer.json())
    answered: Counter[str] = Counter()
    untrue: dict[str, str] = {}
    for found in schema.get_all_operations():
        operation = cast(Any, found).ok()
        for mode in modes(operation):
            try:
                ask_much(place, operation, mode, answered)
            except Unsatisfiable:
                continue  # nothing is wrong for it
            except Exception as wrong:  # noqa: BLE001 - told below; the next route is asked too
                untrue[f"{operation.label} {mode.value}"] = "".join(traceback.format_exception_only(wrong))
    assert not untrue, "\n\n".join(f"{label}: {wrong}" for label, wrong in untrue.items())
    assert {"2", "4"} <= answered.keys(), answered


def modes(operation: Any) -> list[GenerationMode]:
    """Wrong requests too, where there can be any: whatever stands in a path is a right one, perhaps about nothing."""
    can_be_wrong = operation.body or operation.query or operation.headers
    return list(GenerationMode) if can_be_wrong else [GenerationMode.POSITIVE]


def ask_much(place: Place, operation: Any, mode: GenerationMode, answered: Counter[str]) -> None:
    """Many requests of one kind, each answered as the description says, and none by a fault of ours."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=IN_SUITE,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=requests_for(operation, mode, place.known), caller=st.sampled_from(sorted(place.callers)))
    def ask(case: AnyCase, caller: str) -> None:
        answer = place.ask(case, caller)
        answered[str(answer.status_code)[0]] += 1
        sent = f"{answer.request.method} {answer.request.url} {answer.request.content[:500]!r}"
        told = f"{caller}: {sent}: {answer.status_code} {answer.text[:500]}"
        assert answer.status_code not in (500, 503), told
        case.validate_response(answer, checks=CHECKS)

    ask()


def requests_for(operation: Any, mode: GenerationMode, known: dict[str, list[Any]]) -> st.SearchStrategy[AnyCase]:
    """Requests with anything in them, and, where the description allows, about what is there, with the largest numbers
    that it allows, and in the words of its examples.
    """
    examples = [one["value"] for one in _examples(operation) if "value" in one]
    there = {name: st.sampled_from(values) for name, values in _values(operation, known)}
    return st.builds(
        _about,
        operation.as_strategy(generation_mode=mode),
        st.fixed_dictionaries({}, optional=there),
        st.sampled_from(examples) if examples else st.none(),
        st.integers(0, 3),
    )


def _values(operation: Any, known: dict[str, list[Any]]) -> Iterator[tuple[tuple[str, str], list[Any]]]:
    """What may be put where: place and name of a parameter, and values for it."""
    for parameter in operation.definition.raw.get("parameters", ()):
        name, limit = parameter["name"], parameter["schema"].get("maximum", 2**70)
        if name in known:
            yield (parameter["in"], name), known[name]
        elif parameter["schema"].get("type") == "integer":
            yield (parameter["in"], name), [int(limit)]


def _about(case: AnyCase, there: dict[tuple[str, str], Any], example: Any, how: int) -> AnyCase:
    """A quarter as it is; a quarter about what is there; half of them so, and with an example as the body."""
    if how > 0:
        places = {"path": case.path_parameters, "query": case.query}
        for (place, name), value in there.items():
            places[place][name] = value
    if how > 1 and example is not None:
        case.body = example
        case.headers["Idempotency-Key"] = f"key-{how}"
    return case


def _examples(operation: Any) -> list[dict[str, Any]]:
    content = operation.definition.raw.get("requestBody", {}).get("content", {}).get("application/json", {})
    return list(content.get("examples", {}).values())
