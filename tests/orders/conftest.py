"""Officers who order, approve and cancel over HTTP, and a worker on the same database."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import pytest

from desk import AGENCY, Desk, Json, read
from grounds import Clock
from khoso.config import Config
from khoso.orders.service import Orders
from khoso.wiring import open_services

ORDERS = "/api/v1/status-orders"
AUTHOR, APPROVER = "officer-7", "officer-8"


@dataclass(frozen=True)
class Board:
    """Where orders are placed, and what becomes of them."""

    desk: Desk
    worker: Orders
    _serials: Iterator[int] = field(default_factory=lambda: count(1))

    def officer(self, subject: str = AUTHOR, agency: str = AGENCY, scope: str = "credentials:change-status") -> Any:
        return self.desk.token(scope, agency=agency, subject=subject)

    async def issue(self, results: int = 1, **changes: Any) -> list[str]:
        return [(await self.desk.issue(**changes))["result_code"] for _ in range(results)]

    async def try_place(self, act: str = "revoke", key: str | None = None, **more: Any) -> httpx.Response:
        body = {"act": act, "reason_code": "issued_wrongly", "decision_number": "12/QĐ-UBND"} | more
        headers = self.officer() | {"idempotency-key": key or f"order-{next(self._serials)}"}
        return await self.desk.client.post(ORDERS, json=body, headers=headers)

    async def place(self, act: str = "revoke", **more: Any) -> Json:
        """An order that is carried out at once."""
        order: Json = read(await self.try_place(act, **more), 201)
        await self.desk.learn()
        return order

    async def order(self, act: str = "revoke", **more: Any) -> Json:
        """An order that waits."""
        order: Json = read(await self.try_place(act, **more), 202)
        return order

    def in_minutes(self, minutes: float) -> str:
        return (self.desk.clock() + timedelta(minutes=minutes)).isoformat()

    async def try_upload(self, content: bytes, act: str = "revoke", **more: Any) -> httpx.Response:
        asked = {"act": act, "reason_code": "issued_wrongly", "decision_number": "12/QĐ-UBND"} | more
        headers = {"idempotency-key": f"file-{next(self._serials)}", "content-type": "text/csv"} | self.officer()
        return await self.desk.client.post(f"{ORDERS}/file", params=asked, content=content, headers=headers)

    async def try_preview(self, act: str = "revoke", **which: Any) -> httpx.Response:
        return await self.desk.client.post(f"{ORDERS}/preview", json={"act": act} | which, headers=self.officer())

    async def try_get(self, path: str = "", agency: str = AGENCY, **search: Any) -> httpx.Response:
        return await self.desk.client.get(f"{ORDERS}{path}", params=search, headers=self.officer(agency=agency))

    async def get(self, path: str = "", **search: Any) -> Json:
        found: Json = read(await self.try_get(path, **search), 200)
        return found

    async def show(self, order: Json) -> Json:
        return await self.get(f"/{order['order_id']}")

    async def try_approve(self, order: Json, subject: str = APPROVER, agency: str = AGENCY) -> httpx.Response:
        headers = self.officer(subject, agency, "credentials:approve")
        path = f"{ORDERS}/{order['order_id']}/approval"
        return await self.desk.client.post(path, json={"order_hash": order["order_hash"]}, headers=headers)

    async def approve(self, order: Json) -> Json:
        approved: Json = read(await self.try_approve(order), 200)
        await self.desk.learn()
        return approved

    async def try_cancel(self, order: Json, reason: str = "nhầm số", **who: Any) -> httpx.Response:
        path = f"{ORDERS}/{order['order_id']}/cancellation"
        return await self.desk.client.post(path, json={"reason": reason}, headers=self.officer(**who))

    async def statuses(self, codes: list[str]) -> list[int]:
        rows = await self.desk.rows(
            """
            SELECT status FROM credential
              JOIN unnest($1::text[]) WITH ORDINALITY AS asked (result_code, place) USING (result_code)
             ORDER BY place
            """,
            codes,
        )
        return [row["status"] for row in rows]


@pytest.fixture
def desk(client: httpx.AsyncClient, key_dir: Any, clock: Clock, config: Config) -> Desk:
    return Desk(client, key_dir, clock, config.database_owner_url)


@pytest.fixture
async def board(desk: Desk, config: Config, clock: Clock) -> AsyncIterator[Board]:
    async with open_services(config, clock, verifying=False) as services:
        yield Board(desk, services.orders)
