"""Every golden vector gets its verdict; together they show every reason there is."""

import re
from itertools import chain
from pathlib import Path

import pytest

from golden import generate, vectors
from khoso import formats
from khoso.formats.verdict import Outcome

FORMATS = Path(formats.__file__).parent
NAMES = vectors.names()

ONLY_WITH_A_RECORD = {Outcome.REVOKED}
"""A status list cannot tell a revoked paper from one never issued; a server's record can."""

NOT_OF_A_CODE = re.compile(
    r"status_list_(?!expired)|status_token|lookup_|honest_set(?!_missing)|trust_list$|type_list|type_definition|bundle"
)
"""Malformed documents and typed codes are not reasons for the verdict on a scanned code."""


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_is_the_expected_one(name: str) -> None:
    vector = vectors.read(name)
    verdict = vector.judge()
    assert (verdict.outcome, verdict.step, verdict.reason) == vector.expected


def test_they_are_generated_to_the_byte() -> None:
    stored = {name: (vectors.FOLDER / name / "vector.json").read_text("utf-8") for name in NAMES}
    assert dict(generate.texts()) == stored


def test_no_two_have_one_name() -> None:
    names = [name for name, _ in generate.texts()]
    assert len(set(names)) == len(names) == len(NAMES)


def test_there_is_one_for_every_outcome_and_reason() -> None:
    expected = [vectors.read(name).expected for name in NAMES]
    assert {outcome for outcome, _, _ in expected} == set(Outcome) - ONLY_WITH_A_RECORD
    assert {reason for _, _, reason in expected} == _reasons()


def _reasons() -> set[str]:
    """Every reason in the sources."""
    verdict = (FORMATS / "verdict.py").read_text("utf-8")
    given = re.findall(r'Outcome\.[A-Z_]+, (?:\d+, )?"([a-z_]+)"', verdict) + re.findall(r'return "([a-z_]+)"', verdict)
    sources = [path.read_text("utf-8") for path in FORMATS.glob("*.py")]
    malformed = set(chain.from_iterable(re.findall(r'Malformed\("([a-z_]+)"', source) for source in sources))
    claims = re.findall(r'(?:_text|_number|_time|_require_map)\([^"\n]*"([a-z_]+)"', "".join(sources))
    reasons = {*given, *malformed, *(f"claim_{name}" for name in claims)}
    return {reason for reason in reasons if not NOT_OF_A_CODE.match(reason)}
