"""The permutation that hands out status indexes: every one once, and none that tells of another."""

from itertools import pairwise
from statistics import mean

import pytest

from khoso.formats.status_list import SIZE
from khoso.issuance.indexes import index_at

SEEDS = [bytes(32), bytes(range(32)), b"\xff" * 32]


@pytest.mark.parametrize("seed", SEEDS, ids=["zeros", "rising", "ones"])
def test_every_index_is_handed_out_exactly_once(seed: bytes) -> None:
    assert sorted(index_at(seed, position) for position in range(SIZE)) == list(range(SIZE))


def test_seeds_make_lists_that_have_nothing_in_common() -> None:
    first, second = ([index_at(seed, position) for position in range(4096)] for seed in SEEDS[:2])
    assert sum(one == other for one, other in zip(first, second, strict=True)) < 8
    assert len(set(first) & set(second)) == pytest.approx(4096 * 4096 / SIZE, abs=50)


def test_the_first_papers_lie_all_over_the_list() -> None:
    """As drawn lots would: in sixteen equal parts of the list about as many, and neighbours far apart."""
    indexes = [index_at(SEEDS[1], position) for position in range(4096)]
    parts = [0] * 16
    for index in indexes:
        parts[index * 16 // SIZE] += 1
    chi_squared = sum((part - 256) ** 2 / 256 for part in parts)
    assert chi_squared < 37.7, "15 degrees of freedom, one in a thousand"
    steps = [abs(one - other) for one, other in pairwise(indexes)]
    assert mean(steps) == pytest.approx(SIZE / 3, rel=0.05)
    assert sum(one & 1 for one in indexes) == pytest.approx(2048, abs=110)
