"""Times of requests, told together, are in the metrics as if each had been told by itself."""

import pytest
from prometheus_client import REGISTRY

from khoso.observing import REQUEST_TIMES

TIMES = (0.0, 0.001, 0.0011, 0.3, 5.0, 5.1, 60.0)
WITHIN = {"0.001": 2, "0.002": 3, "0.2": 3, "0.5": 4, "5.0": 5, "+Inf": 7}


def sample(name: str, route: str, **more: str) -> float | None:
    labels = {"route": route, "method": "GET", "status": "200", **more}
    return REGISTRY.get_sample_value(f"khoso_request_seconds_{name}", labels)


@pytest.mark.parametrize("together", [1, 2, len(TIMES)])
def test_every_time_is_counted_once_and_in_its_bucket(together: int) -> None:
    route = f"/told-{together}-together"
    for number, seconds in enumerate(TIMES, start=1):
        REQUEST_TIMES.note(route, "GET", 200, seconds)
        if number % together == 0:
            REQUEST_TIMES.tell()
    REQUEST_TIMES.tell()
    assert {le: sample("bucket", route, le=le) for le in WITHIN} == WITHIN
    assert sample("count", route) == len(TIMES)
    assert sample("sum", route) == pytest.approx(sum(TIMES))
