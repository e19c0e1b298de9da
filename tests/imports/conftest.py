from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest

from desk import Desk, read
from grounds import Clock
from khoso.config import Config
from khoso.imports.running import run_import
from khoso.wiring import Services
from sheets import AGENCY, TYPE_CODE

MEDIA_TYPES = {
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class BulkDesk:
    """An agency's system that uploads files, and the worker that carries them out when it is told to."""

    desk: Desk
    services: Services
    clock: Clock

    def headers(self, agency: str | None = AGENCY, **more: str) -> dict[str, str]:
        return self.desk.token("credentials:issue", agency=agency, subject="system-9") | more

    async def upload(
        self, content: Any, file_format: str = "csv", key: str = "k", agency: str = AGENCY, **query: str
    ) -> httpx.Response:
        headers = self.headers(agency) | {"content-type": MEDIA_TYPES.get(file_format, file_format)}
        headers["idempotency-key"] = key
        params = {"type_code": TYPE_CODE} | query
        return await self.desk.client.post("/api/v1/imports", content=content, headers=headers, params=params)

    async def get(self, path: str, agency: str = AGENCY, **query: Any) -> httpx.Response:
        return await self.desk.client.get(path, headers=self.headers(agency), params=query)

    async def work(self, location: str, chunk_rows: int = 10, stopping: Callable[[], bool] = lambda: False) -> Any:
        """Carry the import out and show how it stands."""
        import_id = UUID(location.rsplit("/", 1)[1])
        await run_import(self.services.pool, self.services.bulk, import_id, self.clock, chunk_rows, stopping)
        return read(await self.get(location), 200)

    async def work_chunks(self, location: str, chunks: int) -> Any:
        """Carry so many chunks of five rows out, and then stop: of a file that is checked whole, the check's first."""
        return await self.work(location, chunk_rows=5, stopping=partial(next, iter([False] * chunks), True))

    async def bring(self, content: Any, file_format: str = "csv", **query: str) -> tuple[str, Any]:
        """Upload and carry out: where it is, and how it stands."""
        answer = await self.upload(content, file_format, **query)
        read(answer, 202)
        location = answer.headers["location"]
        return location, await self.work(location)

    async def faults(self, location: str) -> list[tuple[int, str, str]]:
        page = read(await self.get(f"{location}/errors", limit=1_000), 200)
        assert page["next_cursor"] is None
        return [(one["row_number"], one["column_name"], one["code"]) for one in page["items"]]


@pytest.fixture
def bulk(desk: Desk, services: Services, clock: Clock) -> BulkDesk:
    return BulkDesk(desk, services, clock)


@pytest.fixture
def desk(client: httpx.AsyncClient, key_dir: Any, clock: Clock, config: Config) -> Desk:
    return Desk(client, key_dir, clock, config.database_owner_url)
