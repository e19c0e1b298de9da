"""Every route that the application has, asked by every role for its own, for others' and for what is not there."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from desk import AGENCY, OTHER_AGENCY, Desk, read
from grounds import Clock, open_client
from http_routes import Route, is_absent, routes
from identity.programs import Key
from khoso.app import create_app
from khoso.config import Config
from khoso.embedded import EmbeddedPostgres
from khoso.pages.assets import assets
from khoso.wiring import open_services
from pooling import CONNECTIONS, PGBOUNCER, make_pooler
from rights.expected import ANONYMOUS, CITIZEN, EXPECTED, ROLES, STAFF, SYSTEM, SYSTEM_SCOPES, Json, Line, expected
from samples import house_permit

STRANGER = {"kind": "person", "id": "048078999002", "name": "Người Lạ Hoàn Toàn"}
ABSENT: dict[str, Json] = {
    "result": {"result_code": f"{AGENCY}-261120-999999-KQ1"},
    "order": {"order_id": str(uuid4()), "order_hash": "0" * 64},
    "import": {"import_id": str(uuid4())},
    "agency": {"agency_code": "H17.99.99"},
    "assignment": {"assignment_id": str(uuid4())},
    "draft": {"draft_id": str(uuid4()), "draft_hash": "0" * 64},
    "delegation": {"delegation_id": str(uuid4())},
    "hold": {"hold_id": str(uuid4())},
    "report": {"report_id": str(uuid4())},
    "client": {"client_id": "absent", "kid": "absent"},
    "asset": {"name": "absent.js"},
    "type": {"type_code": "KQ.H17.999999", "version": 1},
    "list": {"list_id": 99},
}
"""What nobody has, by kind."""


EVERYBODYS: dict[str, Json] = {
    "asset": {"name": assets()["khoso.css"].hashed_name},
    "type": {"type_code": "KQ.H17.000001", "version": 1},
    "list": {"list_id": 0},
}
"""What is nobody's in particular."""


class Question(NamedTuple):
    route: Route
    line: Line
    role: str
    whose: str

    def __str__(self) -> str:
        return f"{self.route.name} asked by {self.role} for {self.whose}"


@dataclass
class World:
    """One city in which everybody has something."""

    desk: Desk
    scopes: dict[str, tuple[str, ...]]
    """Of each role."""
    vault_id: UUID
    stranger: str
    """The result code of another citizen's paper, from another agency."""
    definition: Json
    kept: dict[tuple[str, str], Json] = field(default_factory=dict)
    _serials: Iterator[int] = field(default_factory=lambda: count(5000))

    def headers(self, role: str, agency: str = AGENCY) -> dict[str, str]:
        """The token of somebody who has just this role."""
        if role == ANONYMOUS:
            return {}
        who = {"vault": self.vault_id} if role == CITIZEN else {"agency": agency}
        return self.desk.token(*self.scopes[role], subject=f"{role} of {agency}".replace(" ", "-"), **who)

    def request(self, agency: str = AGENCY) -> Json:
        changes = {"holder": STRANGER} if agency != AGENCY else {}
        return house_permit(next(self._serials), **changes)

    async def find(self, question: Question) -> Json:
        """What is asked for: a new one where asking changes it."""
        shared = {"definition": self.definition, "request": self.request(), "serial": next(self._serials)}
        shared["jwk"] = Key().jwk
        kind, whose = question.line.about, question.whose
        if not kind or whose == "absent":
            return shared | ABSENT.get(kind, {})
        key = (kind, whose)
        if key not in self.kept or question.route.method not in ("GET", "HEAD"):
            self.kept[key] = await self.make(kind, AGENCY if whose == "own" else OTHER_AGENCY)
        return shared | self.kept[key]

    async def make(self, kind: str, agency: str) -> Json:
        if kind in EVERYBODYS:
            return EVERYBODYS[kind]
        made: Json = await getattr(self, f"_make_{kind}")(agency)
        return made

    async def _make_result(self, agency: str) -> Json:
        made: Json = read(await self.desk.try_issue(self.request(agency), f"{next(self._serials)}", agency), 201)
        return made

    async def _make_order(self, agency: str) -> Json:
        """One that awaits approval: a revocation is to be undone."""
        result = await self._make_result(agency)
        officer = self.headers("officer", agency)
        body = {"reason_code": "R1", "decision_number": "1/QĐ", "results": [result["result_code"]]}
        for act in ("revoke", "restore"):
            headers = officer | {"idempotency-key": f"{next(self._serials)}"}
            answer = await self.desk.client.post("/api/v1/status-orders", json=body | {"act": act}, headers=headers)
        made: Json = read(answer, 202)
        assert made["state"] == "awaiting_approval"
        return made

    async def _make_agency(self, agency: str) -> Json:
        return {"agency_code": agency}

    async def _make_assignment(self, agency: str) -> Json:
        body = {"subject": f"person:{next(self._serials)}", "role": "inspector", "agency_code": agency}
        headers = self.headers("agency_admin", agency)
        made: Json = read(await self.desk.client.post("/api/v1/assignments", json=body, headers=headers), 201)
        return made

    async def _make_draft(self, agency: str) -> Json:
        headers = self.headers("officer", agency) | {"idempotency-key": f"{next(self._serials)}"}
        made: Json = read(
            await self.desk.client.post("/api/v1/drafts", json=self.request(agency), headers=headers), 201
        )
        return made

    async def _make_delegation(self, agency: str) -> Json:
        [made] = await self.desk.rows(
            """
            INSERT INTO delegation (delegation_id, agency_code, delegator, delegate, made_at, valid_until)
            VALUES (gen_random_uuid(), $1, 'somebody', 'another', $2::timestamptz, $2::timestamptz + interval '1 day')
            RETURNING delegation_id::text
            """,
            agency,
            self.desk.clock(),
        )
        return dict(made)

    async def _make_report(self, agency: str) -> Json:
        [made] = await self.desk.rows(
            """
            INSERT INTO mismatch_report (report_id, reported_at, reporter, reporter_agency, finding, note, code, photo)
            VALUES (gen_random_uuid(), $1, 'somebody', $2, 'other', '', 'nothing', 'x')
            RETURNING report_id::text
            """,
            self.desk.clock(),
            agency,
        )
        return dict(made)

    async def _make_hold(self, agency: str) -> Json:
        [made] = await self.desk.rows(
            """
            INSERT INTO issuing_hold (hold_id, subject, agency_code, held_at, papers, allowed)
            VALUES (gen_random_uuid(), $1, $2, $3, 9, 8)
            RETURNING hold_id::text
            """,
            f"held-{next(self._serials)}",
            agency,
            self.desk.clock(),
        )
        return dict(made)

    async def _make_client(self, agency: str) -> Json:
        """A system with a key."""
        headers, clients = self.headers("agency_admin", agency), "/api/v1/clients"
        body = {"kind": "system", "name": "One-stop software", "agency_code": agency}
        made: Json = read(await self.desk.client.post(clients, json=body, headers=headers), 201)
        path = f"{clients}/{made['client_id']}/keys"
        key = read(await self.desk.client.post(path, json={"jwk": Key().jwk}, headers=headers), 201)
        return made | {"kid": key["kid"]}

    async def _make_import(self, agency: str) -> Json:
        headers = self.headers("officer", agency) | {"content-type": "text/csv"}
        headers["idempotency-key"] = f"{next(self._serials)}"
        params = {"type_code": "KQ.H17.000001"}
        answer = await self.desk.client.post("/api/v1/imports", params=params, content=b"a\n1\n", headers=headers)
        made: Json = read(answer, 202)
        return made

    async def ask(self, question: Question, target: Json) -> httpx.Response:
        sent: Json = {} if question.line.send is None else question.line.send(target)
        key = {"idempotency-key": f"{next(self._serials)}"}
        headers = self.headers(question.role) | key | sent.pop("headers", {})
        pattern = question.route.name.partition(" ")[2]
        path = re.sub(r"\{(\w+)\}", lambda place: str(target.get(place[1], "absent")), pattern)
        return await self.desk.client.request(question.route.method, path, headers=headers, **sent)


@asynccontextmanager
async def living(config: Config, clock: Clock, key_dir: Path) -> AsyncIterator[World]:
    """The city, with its lists published before the application starts."""
    async with open_services(config, clock, verifying=False) as services:
        definition = msgspec.to_builtins(services.catalogue.snapshot.latest["KQ.H17.000001"])
        async with open_client(config, clock) as client:
            desk = Desk(client, key_dir, clock, config.database_owner_url)
            own = await desk.issue(house_permit(1))
            stranger = read(await desk.try_issue(house_permit(77, holder=STRANGER), "theirs", OTHER_AGENCY), 201)
            scopes = {
                row["role"]: tuple(row["scopes"])
                for row in await desk.rows("SELECT role, array_agg(scope) AS scopes FROM role_scope GROUP BY role")
            }
            vault_id = await desk.vault_of(own["result_code"])
        await services.publisher.publish()
    assert scopes.keys() == set(STAFF)
    scopes |= {CITIZEN: ("vault:read",), SYSTEM: SYSTEM_SCOPES}
    async with open_client(config, clock) as client:
        yield World(
            Desk(client, key_dir, clock, config.database_owner_url),
            scopes,
            vault_id,
            stranger["result_code"],
            definition,
        )


@pytest.fixture
def table(config: Config, clock: Clock) -> list[Route]:
    return [route for route in routes(create_app(config, clock)) if not is_absent(route)]


def test_the_table_has_every_route_and_no_other(table: list[Route]) -> None:
    """Whoever adds a route says in tests/rights/expected.py who is answered what."""
    assert EXPECTED.keys() == {route.name for route in table}


def questions(table: list[Route]) -> Iterator[tuple[Question, ...]]:
    """Those about another's object and those about an absent one belong together."""
    for route in table:
        line = EXPECTED[route.name]
        for role in ROLES:
            yield (Question(route, line, role, "own"),)
            if line.about:
                yield tuple(Question(route, line, role, whose) for whose in ("foreign", "absent"))


async def test_everybody_is_answered_what_the_table_says(
    table: list[Route], config: Config, clock: Clock, key_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    async with living(config, clock, key_dir) as world:
        wrong = [fault for together in questions(table) for fault in await _faults(world, together)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed (apt-get install pgbouncer)")
async def test_everybody_is_answered_the_same_through_a_pooler(
    server: EmbeddedPostgres,
    table: list[Route],
    config: Config,
    clock: Clock,
    key_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All roles at once on few connections, so that each comes after somebody else's transaction."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    waiting = iter(random.Random(20261126).sample(everything := list(questions(table)), len(everything)))
    wrong: list[str] = []

    async def ask_on() -> None:
        for together in waiting:
            wrong.extend(await _faults(world, together))

    pooler = await make_pooler(server)
    with pooler.running():
        async with living(pooler.before(config), clock, key_dir) as world, asyncio.TaskGroup() as askers:
            for _ in range(4 * CONNECTIONS):
                askers.create_task(ask_on())
    assert not wrong, "\n".join(wrong)


async def _faults(world: World, together: tuple[Question, ...]) -> list[str]:
    answers, wrong = [], []
    for question in together:
        if question.whose == "foreign" and question.line.about in EVERYBODYS:
            continue
        answer = await world.ask(question, await world.find(question))
        answers.append(answer)
        awaited = expected(question.line, question.role, question.whose)
        if answer.status_code != awaited:
            wrong.append(f"{question}: {answer.status_code} and not {awaited}: {answer.text[:200]!r}")
        if world.stranger in answer.text or STRANGER["name"] in answer.text:
            wrong.append(f"{question}: tells of a stranger's paper: {answer.text[:200]!r}")
    if len({_words(answer) for answer in answers}) > 1:
        wrong.append(f"{together[0]}: is told apart from absent: {[answer.text[:200] for answer in answers]}")
    return wrong


def _words(answer: httpx.Response) -> str:
    """What an answer says, but for the codes that were asked for."""
    return re.sub(r"H17[0-9.]*-\d{6}-\d{6}-KQ1|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "…", answer.text)
