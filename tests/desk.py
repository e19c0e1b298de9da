"""Whoever comes to the counter: the acts of officers, citizens and inspectors over HTTP, to string together."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from bilingual import is_bilingual
from grounds import Clock, Worker
from khoso.caller import Caller
from samples import house_permit
from tokens import bearer, bearer_of

AGENCY = "H17.05.12"
OTHER_AGENCY = "H17.05.13"
ISSUERS = {"KQ.H17.000001": AGENCY, "KQ.H17.000003": "H17.11"}
"""Who issues what, where a test does not say otherwise."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Desk:
    """One way into one application, with everybody's tokens."""

    client: httpx.AsyncClient
    key_dir: Path
    clock: Clock
    owner_dsn: str
    _serials: Iterator[int] = field(default_factory=lambda: count(1))

    def token(self, *scopes: str, **who: Any) -> dict[str, str]:
        """The header of a caller with these scopes."""
        return bearer(self.key_dir, self.clock(), *scopes, **who)

    def token_of(self, caller: Caller) -> dict[str, str]:
        """The header of exactly that caller."""
        return bearer_of(self.key_dir, self.clock(), caller)

    def officer(self, scope: str, agency: str = AGENCY) -> dict[str, str]:
        return self.token(scope, agency=agency, subject="officer-7")

    async def try_issue(self, request: Json, key: str | None = None, agency: str | None = None) -> httpx.Response:
        """Ask for a result, under a key of its own unless one is given."""
        headers = self.officer("credentials:issue", agency or ISSUERS.get(request["type_code"], AGENCY))
        headers["idempotency-key"] = f"own-{next(self._serials)}" if key is None else key
        return await self.client.post("/api/v1/credentials", json=request, headers=headers)

    async def issue(self, request: Json | None = None, **changes: Any) -> Json:
        """Issue a result that must succeed: a house permit in a dossier of its own unless one is given."""
        asked = house_permit(next(self._serials), **changes) if request is None else request
        issued: Json = read(await self.try_issue(asked), 201)
        return issued

    async def try_act(self, result_code: str, act: str, agency: str = AGENCY, **more: Any) -> httpx.Response:
        body = {"act": act, "reason_code": "R1", "decision_number": "77/QĐ"} | more
        headers = self.officer("credentials:change-status", agency)
        return await self.client.post(f"/api/v1/credentials/{result_code}/acts", json=body, headers=headers)

    async def act(self, result_code: str, act: str, **more: Any) -> None:
        read(await self.try_act(result_code, act, **more), 204)
        await self.learn()

    async def learn(self) -> None:
        """What has changed is known where this way leads, as it is to every worker within a second."""
        if isinstance(self.client, Worker):
            await self.client.learn()

    async def try_verify(self, headers: dict[str, str] | None = None, /, **how: str) -> httpx.Response:
        """`how` is `code` or `lookup_code`."""
        return await self.client.post("/api/v1/verify", json=how, headers=headers)

    async def verify(self, headers: dict[str, str] | None = None, /, **how: str) -> Json:
        """The verdict, which there must be."""
        verdict: Json = read(await self.try_verify(headers, **how), 200)
        return verdict

    async def vault_of(self, result_code: str) -> UUID:
        rows = await self.rows("SELECT vault_id FROM result_code WHERE result_code = $1", result_code)
        found: UUID = rows[0]["vault_id"]
        return found

    async def citizen(self, result_code: str) -> dict[str, str]:
        """The token of the citizen whose result it is."""
        return self.token("vault:read", vault=await self.vault_of(result_code), subject="citizen")

    async def rows(self, sql: str, *args: object) -> list[asyncpg.Record]:
        """What the owner of the schema sees."""
        conn = await asyncpg.connect(self.owner_dsn)
        try:
            found: list[asyncpg.Record] = await conn.fetch(sql, *args)
            return found
        finally:
            await conn.close()


def read(answer: httpx.Response, status: int) -> Any:
    """The content of an answer that must have this status."""
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def problem(answer: httpx.Response, status: int, code: str) -> list[tuple[str, str]]:
    """The fields and codes of what is wrong, of an answer that must be these problem details (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["code"], told["status"]) == (code, status), told
    assert told["type"] == f"urn:khoso:problem:{code}"
    problems = told.get("problems", [])
    assert all(map(is_bilingual, [told["title"], *(one["message"] for one in problems)])), told
    return [(one["field"], one["code"]) for one in problems]
