"""A paper judged again because the record knew more: by then, other things may have changed too."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from desk import AGENCY
from grounds import Clock
from khoso import wiring
from khoso.caller import Caller
from khoso.config import Config
from khoso.formats.verdict import Outcome
from khoso.issuance.model import IssueRequest
from khoso.wiring import Services, open_services
from samples import house_permit


async def test_trust_that_ends_meanwhile_is_told(
    services: Services, config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "follow", lambda *_: asyncio.sleep(3600))
    async with open_services(config, clock) as other:
        issued = await services.issuer.issue(msgspec.convert(house_permit(), IssueRequest), AGENCY, "clerk", "one")
        refresh = other.statuses.refresh

        async def refresh_slowly() -> None:
            await refresh()
            clock.forward(timedelta(days=2))

        monkeypatch.setattr(other.statuses, "refresh", refresh_slowly)
        checked = await other.verifier.verify_code(
            issued.code, Caller(subject="inspector-1", scopes=frozenset({"inspect"}))
        )
    assert (checked.verdict.outcome, checked.verdict.reason) == (Outcome.CANNOT_TELL, "trust_list_expired")
