"""A city in which house permits take two persons: officers who draft, approve, reject and delegate over HTTP."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from desk import AGENCY, Desk, Json, read
from grounds import Clock, open_client
from invariants import check_everything
from khoso.config import Config
from khoso.wiring import Services, open_services
from samples import house_permit

DRAFTS, DELEGATIONS = "/api/v1/drafts", "/api/v1/delegations"
PERMIT = "KQ.H17.000001"
AUTHOR, APPROVER, DEPUTY = "an", "binh", "chi"


@dataclass(frozen=True)
class Office:
    """Where papers are drafted and approved."""

    desk: Desk
    services: Services
    """Of another worker on the same database."""
    _serials: Iterator[int] = field(default_factory=lambda: count(1))

    def token(self, subject: str, scope: str, agency: str = AGENCY) -> dict[str, str]:
        return self.desk.token(scope, agency=agency, subject=subject)

    async def ask(
        self, method: str, path: str, subject: str, scope: str = "credentials:approve", **more: Any
    ) -> httpx.Response:
        headers = self.token(subject, scope, more.pop("agency", AGENCY)) | more.pop("headers", {})
        return await self.desk.client.request(method, path, headers=headers, **more)

    async def try_file(
        self, request: Json | None = None, key: str | None = None, author: str = AUTHOR, agency: str = AGENCY
    ) -> httpx.Response:
        serial = next(self._serials)
        headers = {"idempotency-key": key or f"draft-{serial}"}
        asked = house_permit(serial) if request is None else request
        return await self.ask("POST", DRAFTS, author, "credentials:issue", json=asked, headers=headers, agency=agency)

    async def file(self, request: Json | None = None, **more: Any) -> Json:
        draft: Json = read(await self.try_file(request, **more), 201)
        return draft

    async def try_revise(
        self, draft: Json, request: Json, author: str = AUTHOR, agency: str = AGENCY
    ) -> httpx.Response:
        path = f"{DRAFTS}/{draft['draft_id']}"
        return await self.ask("PUT", path, author, "credentials:issue", json=request, agency=agency)

    async def try_withdraw(self, draft: Json, author: str = AUTHOR, agency: str = AGENCY) -> httpx.Response:
        path = f"{DRAFTS}/{draft['draft_id']}/withdrawal"
        return await self.ask("POST", path, author, "credentials:issue", agency=agency)

    async def try_reject(
        self, draft: Json, reason: str = "thiếu chữ ký", approver: str = APPROVER, **who: Any
    ) -> httpx.Response:
        body = {"draft_hash": draft["draft_hash"], "reason": reason}
        return await self.ask("POST", f"{DRAFTS}/{draft['draft_id']}/rejection", approver, json=body, **who)

    async def try_approve(self, draft: Json, approver: str = APPROVER, **who: Any) -> httpx.Response:
        body = {"draft_hash": draft["draft_hash"]}
        return await self.ask("POST", f"{DRAFTS}/{draft['draft_id']}/approval", approver, json=body, **who)

    async def approve(self, draft: Json, approver: str = APPROVER, **who: Any) -> Json:
        issued: Json = read(await self.try_approve(draft, approver, **who), 200)
        return issued

    async def try_approve_all(self, drafts: list[Json], approver: str = APPROVER, **who: Any) -> httpx.Response:
        seen = [{"draft_id": one["draft_id"], "draft_hash": one["draft_hash"]} for one in drafts]
        return await self.ask("POST", f"{DRAFTS}/approvals", approver, json={"items": seen}, **who)

    async def show(self, draft: Json, **who: Any) -> Json:
        shown: Json = read(await self.ask("GET", f"{DRAFTS}/{draft['draft_id']}", APPROVER, **who), 200)
        return shown

    async def try_delegate(
        self, delegator: str = APPROVER, delegate: str = DEPUTY, valid_until: str = "2026-12-23T00:00:00Z", **more: Any
    ) -> httpx.Response:
        body = {"delegate": delegate, "valid_until": valid_until} | more
        return await self.ask("POST", DELEGATIONS, delegator, json=body)

    async def delegate(self, **more: Any) -> Json:
        delegation: Json = read(await self.try_delegate(**more), 201)
        return delegation

    async def appoint(self, subject: str, type_code: str | None = None, agency: str = AGENCY) -> None:
        """Make somebody an approver, as the owner of the schema may."""
        await self.desk.rows(
            """
            INSERT INTO assignment (assignment_id, subject, role, agency_code, type_code, valid_from, granted_by,
                                    granted_at)
            VALUES ($1, $2, 'approver', $3, $4, $5, 'city', $5)
            """,
            uuid4(),
            subject,
            agency,
            type_code,
            self.desk.clock(),
        )

    async def dismiss(self, subject: str) -> None:
        await self.desk.rows(
            "UPDATE assignment SET ended_at = $2, ended_by = 'city' WHERE subject = $1", subject, self.desk.clock()
        )


async def ask_for_two(services: Services, four_eyes: bool = True) -> None:
    """Publish the next version of the house permit."""
    permit = services.catalogue.snapshot.latest[PERMIT]
    await services.catalogue.publish_type(replace(permit, version=permit.version + 1, four_eyes=four_eyes), "test")
    await services.catalogue.refresh()


@pytest.fixture
async def office(config: Config, clock: Clock, key_dir: Path) -> AsyncIterator[Office]:
    """When the test is over, everything in the database must still be true."""
    async with open_services(config, clock, verifying=False) as services:
        await ask_for_two(services)
        async with open_client(config, clock) as client:
            yield Office(Desk(client, key_dir, clock, config.database_owner_url), services)
    await check_everything(config.database_owner_url)
