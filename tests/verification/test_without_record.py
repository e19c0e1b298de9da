"""A database that went away just after a paper was issued, or long after one was withdrawn."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from desk import AGENCY
from grounds import ORIGIN, Clock
from khoso import db, wiring
from khoso.config import Config
from khoso.formats import link
from khoso.formats.verdict import Outcome
from khoso.issuance.model import IssueRequest
from khoso.issuance.service import issuing
from khoso.orders.model import Orderer, StatusAct
from khoso.wiring import Services, open_services
from samples import house_permit

REVOKE = StatusAct(act="revoke", reason_code="R1", decision_number="77/QĐ")


@pytest.fixture(autouse=True)
def memory_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "follow", lambda *_: asyncio.sleep(3600))


async def test_a_paper_that_was_prepared_before_the_memory_and_committed_after_is_not_called_forged(
    services: Services, config: Config, clock: Clock
) -> None:
    prepared = services.issuer.prepare(msgspec.convert(house_permit(), IssueRequest), AGENCY)
    clock.forward(timedelta(seconds=20))
    async with open_services(config, clock) as other:
        async with db.transaction(services.pool, issuing([AGENCY])) as conn:
            [issued] = await services.issuer.issue_in(conn, [prepared], "import")
        await other.pool.close()
        checked = await other.verifier.verify_code(link.compose(ORIGIN, issued.signed), None)
    assert (checked.verdict.outcome, checked.verdict.reason) == (Outcome.CANNOT_TELL, "database_away")


async def test_a_paper_older_than_the_memory_stays_red(services: Services, config: Config, clock: Clock) -> None:
    issued = await services.issuer.issue(msgspec.convert(house_permit(), IssueRequest), AGENCY, "clerk", "one")
    await services.orders.act(issued.result_code, REVOKE, Orderer.of(AGENCY, "clerk"))
    clock.forward(timedelta(minutes=2))
    async with open_services(config, clock) as other:
        await other.pool.close()
        checked = await other.verifier.verify_code(issued.code, None)
    assert (checked.verdict.outcome, checked.verdict.reason) == (Outcome.NOT_ISSUED, "revoked_or_never_issued")
