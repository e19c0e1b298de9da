"""A full audit stops issuing, never verifying: nothing is half done, nothing is lost, and it heals by itself."""

import asyncio

import asyncpg
import pytest

from desk import Desk, problem
from samples import house_permit

WRITTEN = [
    "credential",
    "result_code",
    "status_entry",
    "outbox",
    "idempotency_key",
    "dossier_result",
    "status_act",
    "audit",
]

FULL = """
CREATE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON audit EXECUTE FUNCTION disk_is_full()
"""

SINKS = {
    "disk full": (FULL, "DROP TRIGGER full_disk ON audit"),
    "right withdrawn": ("REVOKE INSERT ON audit FROM khoso_app", "GRANT INSERT ON audit TO khoso_app"),
    "heads barred": (
        "REVOKE UPDATE (length) ON audit_head FROM khoso_app",
        "GRANT UPDATE (length) ON audit_head TO khoso_app",
    ),
}


@pytest.mark.parametrize("sink", SINKS)
async def test_a_full_audit_stops_issuing_and_never_verifying(desk: Desk, sink: str) -> None:
    fill, heal = SINKS[sink]
    issued, other = await desk.issue(), await desk.issue()
    before = await counts(desk)
    await as_owner(desk, fill)

    refused = await asyncio.gather(
        *(desk.try_issue(house_permit(500 + n), f"waiting-{n}") for n in range(5)),
        desk.try_act(issued["result_code"], "revoke"),
    )
    for answer in refused:
        problem(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "5"
    assert await counts(desk) == before
    for code in (issued, other):
        assert (await desk.verify(code=code["code"]))["colour"] == "green"
        assert (await desk.verify(lookup_code=code["lookup_code"]))["colour"] == "green"

    await as_owner(desk, heal)
    for n in range(5):
        assert (await desk.try_issue(house_permit(500 + n), f"waiting-{n}")).status_code == 201
    await desk.act(issued["result_code"], "revoke")
    async with asyncio.timeout(30):
        while (await desk.verify(code=issued["code"]))["outcome"] != "revoked":  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def counts(desk: Desk) -> list[int]:
    """How many rows there are of everything that issuing and acts write."""
    query = " UNION ALL ".join(f"SELECT {n}, count(*) FROM {table}" for n, table in enumerate(WRITTEN))
    return [row["count"] for row in await desk.rows(f"{query} ORDER BY 1")]


async def as_owner(desk: Desk, statements: str) -> None:
    conn = await asyncpg.connect(desk.owner_dsn)
    await conn.execute(statements)
    await conn.close()
