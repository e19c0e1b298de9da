"""Malformed input by the million: every parser says so, at once, and keeps no memory; no code of it is ever green.

    python -m bench.fuzz [inputs for each parser] [--seed 1]

Inputs are valid ones, damaged: bits turned, pieces cut out, doubled, moved or replaced; or made of nothing but chance:
digits, frames, signed CBOR, texts of up to a million characters. The same seed makes the same inputs.
"""

import random
import resource
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, AnyStr, NamedTuple

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec

from khoso.catalogue import danang
from khoso.formats import (
    bundle,
    cbor,
    cose,
    digits,
    honest_set,
    link,
    lookup,
    status_list,
    status_token,
    trust_list,
)
from khoso.formats import claims as claims_format
from khoso.formats.claims import Claims, StatusRef
from khoso.formats.documents import NotBelieved
from khoso.formats.malformed import Malformed
from khoso.formats.status_list import Status
from khoso.formats.trust import KeyState, Trust, TrustedAgency, TrustedKey
from khoso.formats.verdict import Outcome, StatusAnswer, verify

INPUTS = 1_000_000
LIMIT_MS = 100
LIMIT_GROWTH_KB = 50 * 1024
WARM_UP = 10_000
ORIGIN = "https://kho.example.vn"
NOW = 1_795_000_000
GREEN = frozenset({Outcome.IN_FORCE, Outcome.EXPIRES_SOON})
AGENCY, TYPE, RESULT = "H17.05.12", "KQ.H17.000001", "H17.05.12-261123-000001-KQ1"


class AllValid:
    """A status source in which everything stands."""

    def find_status(self, ref: StatusRef) -> StatusAnswer | None:
        """Valid, as of now."""
        return StatusAnswer(Status.VALID, NOW)


class Believed(AssertionError):
    """A code that nobody issued came out green."""


class Target(NamedTuple):
    """One parser with the damaged inputs it is given."""

    name: str
    parse: Callable[[], object]
    """Takes the next input and raises Malformed or returns."""


def main() -> int:
    parser = ArgumentParser(description="Damaged and random inputs for every parser.")
    parser.add_argument("inputs", nargs="?", type=int, default=INPUTS, help=f"for each parser; {INPUTS:,} if not given")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    return max([_attack(target, given.inputs) for target in _targets(random.Random(given.seed))])


def _attack(target: Target, inputs: int) -> int:
    """Print what one parser did; 1 if it broke a promise. Any other exception ends the run with its trace."""
    refused, slowest_ms, warm_up = 0, 0.0, min(WARM_UP, inputs)
    before = _memory_kb()
    for number in range(warm_up + inputs):
        if number == warm_up:
            before = _memory_kb()
        started = time.thread_time()  # of this thread alone: what else the machine does is not the parser's fault
        try:
            target.parse()
        except (Malformed, NotBelieved):
            refused += 1
        slowest_ms = max(slowest_ms, (time.thread_time() - started) * 1000)
    growth_kb = _memory_kb() - before
    kept = slowest_ms <= LIMIT_MS and growth_kb <= LIMIT_GROWTH_KB
    print(
        f"{target.name:28} {inputs:,} inputs, {refused / (warm_up + inputs):6.1%} refused by Malformed, "
        f"slowest {slowest_ms:.1f} ms, memory +{growth_kb / 1024:.1f} MB{'' if kept else '   BROKEN'}",
        flush=True,
    )
    return 0 if kept else 1


def _memory_kb() -> int:
    """The most this process has ever held; on Linux in KB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _targets(chance: random.Random) -> Iterator[Target]:
    key = ec.generate_private_key(ec.SECP256R1())
    kid = cose.key_id(key.public_key())
    fields: dict[int, int | str | list[int] | list[str]] = {1: "K48/12 Nguyễn Thị Minh Khai", 3: "215/32", 4: 4, 5: 156}
    payload = claims_format.encode(Claims(AGENCY, NOW - 86_400, RESULT, TYPE, 1, StatusRef(0, 7), fields))
    signed = cose.assemble(kid, payload, cose.sign(key, cose.to_be_signed(kid, payload)))
    statuses = status_list.compress(status_list.StatusList())
    trust = _trust(kid, key.public_key())
    types = {(one.code, one.version): one for one in danang.load().types}

    good = link.compose(ORIGIN, signed)

    def judge(text: str, *, may_be_green: bool = False) -> None:
        outcome = verify(text, ORIGIN, trust, types, AllValid(), NOW).outcome
        if outcome in GREEN and text != good and not may_be_green:
            raise Believed(text)
        if outcome is Outcome.MALFORMED:
            raise Malformed("verdict")

    def sign(payload: bytes) -> str:
        return link.compose(ORIGIN, cose.assemble(kid, payload, cose.sign(key, cose.to_be_signed(kid, payload))))

    def frame() -> bytes:
        """Random bytes, with a good beginning, a good end, both or neither."""
        middle = chance.randbytes(chance.randint(1, 600))
        return signed[: chance.choice((0, 3, 8, 16, 17))] + middle + chance.choice((b"", signed[-66:], signed[-64:]))

    yield Target("digits", lambda: digits.decode(_damage(chance, digits.encode(signed))))
    yield Target("CBOR", lambda: cbor.loads(_damage(chance, payload)))
    yield Target("claims", lambda: claims_format.decode(_damage(chance, payload)))
    yield Target("COSE frame", lambda: cose.parse(_damage(chance, signed)))
    yield Target("status list", lambda: status_list.decompress(_damage(chance, statuses)))
    for name, decode, document in _documents():
        yield Target(name, partial(_decode_damaged, chance, decode, document))
    yield Target("look-up code", lambda: lookup.parse(_damage(chance, lookup.compose(RESULT, "7K2MZ"))))
    yield Target("whole code", lambda: judge(_damage(chance, good)))
    # The holder of a good key may change a letter of a name, and the paper is as good as before.
    yield Target("claims signed by a good key", lambda: judge(sign(_damage(chance, payload)), may_be_green=True))
    yield Target("random digits", lambda: judge(f"{ORIGIN}/v#1{_digits(chance)}"))
    yield Target("random frames", lambda: judge(link.compose(ORIGIN, frame())))
    yield Target("random CBOR by a good key", lambda: judge(sign(_cbor(chance)[:600])))
    yield Target("random texts", lambda: judge(_text(chance)))


def _documents() -> Iterator[tuple[str, Callable[[bytes], object], bytes]]:
    """What a publisher or the root signs, without the signature, for nothing damaged gets past that."""
    trust = _trust(bytes(8), ec.generate_private_key(ec.SECP256R1()).public_key())
    statuses = status_list.compress(status_list.StatusList())
    token = status_token.StatusToken(ORIGIN, 7, 1, NOW, NOW + 86_400, 300, statuses)
    papers = honest_set.encode({0: honest_set.encode_list((index, bytes(32)) for index in range(100))})
    whole = bundle.encode(bundle.Bundle(b"trust", b"types", (b"status",), (papers,)))
    yield "trust list", lambda data: trust_list.decode(data, ORIGIN), trust_list.encode(trust, ORIGIN)
    yield "status list token", lambda data: status_token.decode(data, ORIGIN), status_token.encode(token)
    yield "honest set", honest_set.decode, papers
    yield "bundle", bundle.decode, whole


def _decode_damaged(chance: random.Random, decode: Callable[[bytes], object], document: bytes) -> None:
    decode(_damage(chance, document))


def _trust(kid: bytes, key: ec.EllipticCurvePublicKey) -> Trust:
    agency = TrustedAgency(AGENCY, "UBND phường Hải Châu", "Hai Chau Ward", frozenset({TYPE}))
    return Trust(NOW, NOW + 86_400, {kid: TrustedKey(kid, key, AGENCY, KeyState.ACTIVE, 0)}, {AGENCY: agency})


def _damage(chance: random.Random, good: AnyStr) -> AnyStr:
    """`good` with one to three damages."""
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(good) + 1)
        end = min(len(good), start + chance.choice((0, 1, 1, 1, 2, 8, 64)))
        piece = good[start:end]
        other = _noise(chance, good, len(piece) or 1)
        good = good[:start] + chance.choice((good[:0], other, other, other, piece + piece, piece[::-1])) + good[end:]
    return good


def _digits(chance: random.Random) -> str:
    """As many digits as some number of bytes needs, or nearly."""
    count = digits.width(chance.randint(1, digits.MAX_BYTES)) + chance.choice((0, 0, 0, -1, 1))
    return f"{chance.randrange(10 ** chance.choice((count, count, count // 2))):0{count}}"


def _cbor(chance: random.Random) -> bytes:
    """Any value with the members of a credential's claims at their places now and then, or heads of any kind."""
    if chance.random() < 0.3:
        return b"".join(
            bytes((chance.randrange(256),)) + chance.randbytes(chance.choice((0, 0, 1, 2, 8))) for _ in range(20)
        )
    return cbor2.dumps(_value(chance, 4), canonical=chance.random() < 0.8)


def _value(chance: random.Random, depth: int) -> Any:
    kind = chance.randrange(12 if depth else 8)
    if kind < 8:
        leaves = (
            AGENCY,
            TYPE,
            chance.getrandbits(chance.choice((3, 8, 63, 70))),
            -1,
            True,
            None,
            1.5,
            chance.randbytes(32),
        )
        return leaves[kind]
    members = [_value(chance, depth - 1) for _ in range(chance.randint(0, 6))]
    if kind == 8:
        return members
    if kind == 9:
        return cbor2.CBORTag(chance.choice((0, 1, 2, 4, 28, 29, 30, 61, 258, 4711)), members)
    keys = (1, 4, 5, 6, -65537) if kind == 10 else (1, 2, 3, 4, 7, chance.randrange(12), "iss")
    return dict(zip(keys, members, strict=False))


def _text(chance: random.Random) -> str:
    """Now and then of a million characters."""
    length = 1_000_000 if chance.random() < 0.001 else chance.randint(0, 3_000)
    character = chance.choice(("0", "1", "9", "a", " ", "\u0661", "Đ", "\U0001f600", "\ud800"))
    return chance.choice(("", f"{ORIGIN}/v#", f"{ORIGIN}/v#1", ORIGIN[:-1], "http://")) + character * length


def _noise(chance: random.Random, like: AnyStr, length: int) -> AnyStr:
    if isinstance(like, bytes):
        return chance.randbytes(length)
    return "".join(chance.choices("0123456789ABCXYZ -.#%/éđ\u0000\u200b\u0661\U0001f600", k=length))


if __name__ == "__main__":
    sys.exit(main())
