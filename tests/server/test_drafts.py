"""A server that is killed while it approves a list: each draft is issued once or still waits; nothing told is lost."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from desk import AGENCY
from drafts.conftest import ask_for_two
from invariants import check_everything
from khoso.config import Config
from khoso.drafts.model import Draft
from khoso.issuance.model import IssueRequest
from khoso.wiring import open_services
from samples import house_permit
from servers import Server, serving
from tokens import bearer

DRAFTS = 200
A_LIST = 40
ALONE = ("--no-with-worker", "--workers", "1")
PATIENCE = (0.05, 0.15)
"""Seconds from the asking to the killing."""


async def file_drafts(config: Config) -> list[Draft]:
    async with open_services(config, verifying=False) as services:
        await ask_for_two(services)
        requests = [msgspec.convert(house_permit(number), IssueRequest) for number in range(DRAFTS)]
        return [
            await services.drafts.file(request, AGENCY, "an", f"draft-{number}")
            for number, request in enumerate(requests)
        ]


async def approve(server: Server, drafts: list[Draft], token: dict[str, str]) -> dict[str, str]:
    """What was told to be issued, by draft; nothing if no answer came."""
    seen = [{"draft_id": str(one.draft_id), "draft_hash": one.draft_hash.hex()} for one in drafts]
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        try:
            answer = await client.post("/api/v1/drafts/approvals", json={"items": seen}, headers=token)
        except httpx.TransportError:
            return {}
    if answer.status_code == 503:
        return {}
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    assert all(item["problem"] is None for item in items), items
    return {item["draft_id"]: item["result_code"] for item in items}


async def test_a_killed_approval_is_whole_or_nothing(durable_config: Config, key_dir: Path, tmp_path: Path) -> None:
    drafts = await file_drafts(durable_config)
    lists = [drafts[first : first + A_LIST] for first in range(0, DRAFTS, A_LIST)]
    token = bearer(key_dir, datetime.now(UTC), "credentials:approve", agency=AGENCY, subject="binh")
    told: dict[str, str] = {}
    with serving(durable_config, tmp_path / "log", *ALONE) as server:
        for patience in PATIENCE:
            asked = [asyncio.create_task(approve(server, one, token)) for one in lists]
            await asyncio.sleep(patience)
            server.kill_all()
            for one in await asyncio.gather(*asked):
                assert all(told.setdefault(draft_id, code) == code for draft_id, code in one.items())
            await asyncio.to_thread(server.start, *ALONE)
        for part in lists:
            answered = await approve(server, part, token)
            assert len(answered) == A_LIST
            assert all(told.setdefault(draft_id, code) == code for draft_id, code in answered.items())
    assert len(set(told.values())) == DRAFTS
    await check_everything(durable_config.database_owner_url)
