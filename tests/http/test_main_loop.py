"""Issue, keep, show, scan, verify: the product's main job over HTTP."""

from pathlib import Path

import httpx

from grounds import Clock
from samples import house_permit
from tokens import bearer

AGENCY = "H17.05.12"


async def test_issue_then_verify(client: httpx.AsyncClient, key_dir: Path, clock: Clock) -> None:
    officer = bearer(key_dir, clock(), "credentials:issue", agency=AGENCY)
    issued = await client.post("/api/v1/credentials", json=house_permit(), headers=officer | {"idempotency-key": "a"})
    assert issued.status_code == 201, issued.text
    verdict = await client.post("/api/v1/verify", json={"code": issued.json()["code"]})
    assert verdict.status_code == 200, verdict.text
    assert verdict.json()["outcome"] == "in_force", verdict.text
    print(verdict.text)
