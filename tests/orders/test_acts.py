"""Every act from every status: what becomes of a result, or that it is refused."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import product
from typing import Any, get_args

import msgspec
import pytest

from desk import AGENCY, OTHER_AGENCY
from grounds import Clock
from invariants import check_everything
from khoso.caller import everything_of
from khoso.config import Config
from khoso.errors import InvalidInput, NotFound, StatusChangeRefused
from khoso.issuance.model import IssueRequest
from khoso.orders.model import Act, Orderer, StatusAct
from khoso.vault.model import Reader
from khoso.wiring import Services
from samples import house_permit

ACTS: tuple[Act, ...] = get_args(Act)
WAY_TO: dict[str, tuple[Act, ...]] = {
    "valid": (),
    "suspended": ("suspend",),
    "revoked": ("revoke",),
    "superseded": ("supersede",),
}
BECOMES: dict[tuple[str, Act], str] = {
    ("valid", "revoke"): "revoked",
    ("valid", "suspend"): "suspended",
    ("valid", "supersede"): "superseded",
    ("suspended", "revoke"): "revoked",
    ("suspended", "restore"): "valid",
    ("suspended", "supersede"): "superseded",
}
"""By one person; what is revoked is restored by two."""


@pytest.fixture
async def services(services: Services, config: Config) -> AsyncIterator[Services]:
    yield services
    await check_everything(config.database_owner_url)


class Office:
    def __init__(self, services: Services, clock: Clock) -> None:
        self.services = services
        self.clock = clock
        self.issued = 0

    async def issue(self) -> str:
        self.issued += 1
        request = msgspec.convert(house_permit(self.issued), IssueRequest)
        return (await self.services.issuer.issue(request, AGENCY, "clerk", str(self.issued))).result_code

    async def act(self, result_code: str, act: Act, agency: str = AGENCY, **changes: Any) -> None:
        self.clock.forward(timedelta(seconds=1))
        asked: dict[str, Any] = {"act": act, "reason_code": "R1", "decision_number": "1/QĐ"} | changes
        await self.services.orders.act(result_code, StatusAct(**asked), Orderer.of(agency, "clerk"))

    async def status(self, result_code: str) -> str:
        return (await self.services.vaults.get_result(result_code, Reader(None, everything_of(AGENCY)))).status


@pytest.fixture
def office(services: Services, clock: Clock) -> Office:
    return Office(services, clock)


def successor_of(act: Act, newer: str) -> dict[str, Any]:
    return {"superseded_by": newer} if act == "supersede" else {}


async def test_every_act_from_every_status(office: Office) -> None:
    newer = await office.issue()
    for (status, way), act in product(WAY_TO.items(), ACTS):
        result_code = await office.issue()
        for step in way:
            await office.act(result_code, step, **successor_of(step, newer))
        if (status, act) in BECOMES:
            await office.act(result_code, act, **successor_of(act, newer))
        elif (status, act) == ("revoked", "restore"):
            await office.act(result_code, act)
        else:
            with pytest.raises(StatusChangeRefused):
                await office.act(result_code, act, **successor_of(act, newer))
        assert await office.status(result_code) == BECOMES.get((status, act), status), (status, act)


async def test_an_act_says_who_decided_and_why(office: Office) -> None:
    code, newer = await office.issue(), await office.issue()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"act": "revoke", "reason_code": ""}, "reason_code"),
        ({"act": "revoke", "decision_number": "1\u202e/QĐ"}, "decision_number"),
        ({"act": "revoke", "decision_number": "9" * 201}, "decision_number"),
        ({"act": "revoke", "superseded_by": newer}, "superseded_by"),
        ({"act": "supersede"}, "superseded_by"),
        ({"act": "supersede", "superseded_by": code}, "superseded_by"),
    ]
    for changes, field in wrong:
        with pytest.raises(InvalidInput) as refused:
            await office.act(code, **changes)
        assert [problem.field for problem in refused.value.problems] == [field]
    assert await office.status(code) == "valid"


async def test_only_the_issuer_acts_and_only_on_what_there_is(office: Office) -> None:
    code, newer = await office.issue(), await office.issue()
    absent: list[tuple[str, str, dict[str, Any]]] = [
        (code, OTHER_AGENCY, {"act": "revoke"}),
        (f"{code}9", AGENCY, {"act": "revoke"}),
    ]
    for result_code, agency, changes in absent:
        with pytest.raises(NotFound):
            await office.act(result_code, agency=agency, **changes)
    for absent_newer in (f"{newer}9", "\0"):
        with pytest.raises(InvalidInput):
            await office.act(code, "supersede", superseded_by=absent_newer)
    assert await office.status(code) == "valid"
