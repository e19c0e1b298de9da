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
DOCUMENTS = vectors.document_names()
CODE_MODULES = ("cbor", "claims", "cose", "digits", "link")
"""Where a scanned code can be found malformed."""
DOCUMENT_MODULES = ("documents", "trust_list", "type_list", "status_token", "lists")

ONLY_WITH_A_RECORD = {Outcome.REVOKED}
"""A status list cannot tell a revoked paper from one never issued; a server's record can."""


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_is_the_expected_one(name: str) -> None:
    vector = vectors.read(name)
    verdict = vector.judge()
    assert (verdict.outcome, verdict.step, verdict.reason) == vector.expected


def test_they_are_generated_to_the_byte() -> None:
    paths = vectors.FOLDER.glob("*/*.json")
    stored = {str(path.relative_to(vectors.FOLDER)): path.read_text("utf-8") for path in paths}
    assert dict(generate.texts()) == stored


def test_no_two_have_one_name() -> None:
    names = [name for name, _ in generate.texts()]
    assert len(set(names)) == len(names) == len(NAMES) + len(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_taken_or_refused_as_expected(name: str) -> None:
    vector = vectors.read_document(name)
    assert vector.offer() == vector.refused


def test_there_is_one_document_for_every_refusal() -> None:
    sources = "".join((FORMATS / f"{name}.py").read_text("utf-8") for name in DOCUMENT_MODULES)
    reasons = set(re.findall(r'(?:Malformed|NotBelieved)\("([a-z_]+)"', sources))
    assert reasons <= {vectors.read_document(name).refused for name in DOCUMENTS}


def test_there_is_one_for_every_outcome_and_reason() -> None:
    expected = [vectors.read(name).expected for name in NAMES]
    assert {outcome for outcome, _, _ in expected} == set(Outcome) - ONLY_WITH_A_RECORD
    assert {reason for _, _, reason in expected} == _reasons()


def _reasons() -> set[str]:
    """Every reason in the sources."""
    verdict = (FORMATS / "verdict.py").read_text("utf-8")
    given = re.findall(r'Outcome\.[A-Z_]+, (?:\d+, )?"([a-z_]+)"', verdict) + re.findall(r'return "([a-z_]+)"', verdict)
    sources = [(FORMATS / f"{name}.py").read_text("utf-8") for name in CODE_MODULES]
    malformed = set(chain.from_iterable(re.findall(r'Malformed\("([a-z_]+)"', source) for source in sources))
    claims = re.findall(r'^ +"([a-z_]+)": ', (FORMATS / "claims.py").read_text("utf-8"), re.MULTILINE)
    return {*given, *malformed, *(f"claim_{name}" for name in claims)}
