"""The verifier in TypeScript says what the one in Python says: in the same words, and of the same damaged codes."""

import json
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, NamedTuple

import msgspec

from golden import vectors
from golden.city import claims, code, dumps, signed
from khoso.formats.trust import Trust
from khoso.formats.verdict import TypeCatalogue, Verdict
from khoso.verification.model import Checked
from khoso.verification.view import View
from web import generate_wording
from web.typescript import judge

GOOD = vectors.read("good-paper")
EACH = 700
NUMBERS = [0, -1, 2**53 + 1, 2**63 - 1, 2**63, 1.0]
OTHERS: list[Any] = [None, True, "", "ễ", b"", b"x" * 32, [], [1, 2], [1, "a"], {}, {1: {}}]


def test_the_words_are_those_of_the_server() -> None:
    assert generate_wording.TARGET.read_text("utf-8") == generate_wording.text(), "python tests/web/generate_wording.py"


def test_every_golden_vector_is_shown_alike() -> None:
    views = judge({"vector": name} for name in vectors.names())
    for name, view in zip(vectors.names(), views, strict=True):
        vector = vectors.read(name)
        assert view == _shown(vector.judge(), vector.trust, vector.types, vector.now), name


def test_damaged_codes_get_one_verdict() -> None:
    kinds = (_changed_texts, _changed_frames, _changed_payloads, _changed_claims)
    codes = list(chain.from_iterable(islice(kind(random.Random(20261123)), EACH) for kind in kinds))
    views = judge({"vector": "good-paper", "code": text} for text in codes)
    said = {(view["outcome"], view["step"]) for view in views}
    assert len(said) > 6
    for text, view in zip(codes, views, strict=True):
        verdict = GOOD._replace(code=text).judge()
        assert (view["outcome"], view["step"]) == (verdict.outcome, verdict.step), text
        if verdict.outcome != "malformed":  # of several faults each may name another one first
            assert view == _shown(verdict, GOOD.trust, GOOD.types, GOOD.now), text


class _Catalogue(NamedTuple):
    trust: Trust
    types: TypeCatalogue
    successors: Mapping[str, tuple[str, ...]] = {}


def _shown(verdict: Verdict, trust: Trust, types: TypeCatalogue, now: int) -> Any:
    checked = Checked(verdict, datetime.fromtimestamp(now, UTC))
    return json.loads(msgspec.json.encode(View().present(checked, _Catalogue(trust, types))), parse_int=float)


def _changed_texts(chance: random.Random) -> Iterator[str]:
    while True:
        at = chance.randrange(len(GOOD.code))
        yield GOOD.code[:at] + chance.choice(["", *"0123456789#/ ", "٣", "𝟘"]) + GOOD.code[at + chance.randrange(3) :]


def _changed_frames(chance: random.Random) -> Iterator[str]:
    good = signed(dumps(claims()))
    while True:
        yield code(_damaged(good, chance))


def _changed_payloads(chance: random.Random) -> Iterator[str]:
    good = dumps(claims())
    while True:
        yield code(signed(_damaged(good, chance)))


def _changed_claims(chance: random.Random) -> Iterator[str]:
    names = [*(f"r{number}" for number in range(10)), *(f"f{number}" for number in range(10))]
    while True:
        top = {chance.choice([1, 4, 5, 6, 7]): _value(chance)} if chance.random() < 0.3 else {}
        yield code(signed(dumps(claims(top, **{chance.choice(names): _value(chance)}))))


def _value(chance: random.Random) -> Any:
    return chance.choice([*NUMBERS, *OTHERS, chance.randrange(-(2**40), 2**40), chance.randrange(4_000_000)])


def _damaged(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    match chance.randrange(4):
        case 0:
            return data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]
        case 1:
            return data[:at] + chance.randbytes(chance.randrange(1, 4)) + data[at:]
        case 2:
            return data[:at] + data[at + chance.randrange(1, 4) :] or data
        case _:
            return data[:at] + chance.randbytes(1) + data[at + 1 :]
