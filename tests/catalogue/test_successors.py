"""Who answers for an agency that is no more."""

from datetime import date
from itertools import pairwise

import pytest

from khoso.catalogue.model import Successor
from khoso.errors import InvalidInput
from khoso.wiring import Services

SINCE = date(2026, 7, 1)


@pytest.mark.parametrize("path", [("H17.05.12", "H17.05.12"), ("H17.05.12", "H17.05.13", "H17.05.12")])
async def test_agencies_do_not_follow_one_another_in_a_circle(services: Services, path: tuple[str, ...]) -> None:
    before = services.catalogue.snapshot
    circle = [Successor(agency_code=one, successor_code=following, since=SINCE) for one, following in pairwise(path)]
    with pytest.raises(InvalidInput) as refusal:
        await services.catalogue.upsert_agencies([], circle, "test")
    assert [problem.code for problem in refusal.value.problems] == ["circle"]
    await services.catalogue.refresh()
    assert services.catalogue.snapshot.successors == before.successors
