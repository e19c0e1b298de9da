"""Malformed input by the million: every parser says so, at once, and keeps no memory.

    python -m bench.fuzz [inputs for each parser]

Inputs are valid ones, damaged: bits turned, pieces cut out, doubled, moved or replaced. The same seed every time.
"""

import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import AnyStr, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

from khoso.catalogue import danang
from khoso.formats import cbor, cose, digits, link, lookup, status_list
from khoso.formats import claims as claims_format
from khoso.formats.claims import Claims, StatusRef
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
AGENCY, TYPE, RESULT = "H17.05.12", "KQ.H17.000001", "H17.05.12-261123-000001-KQ1"


class AllValid:
    """A status source in which everything stands."""

    def find_status(self, ref: StatusRef) -> StatusAnswer | None:
        """Valid, as of now."""
        return StatusAnswer(Status.VALID, NOW)


class Target(NamedTuple):
    """One parser with the damaged inputs it is given."""

    name: str
    parse: Callable[[], object]
    """Takes the next input and raises Malformed or returns."""


def main() -> int:
    inputs = int(sys.argv[1]) if len(sys.argv) > 1 else INPUTS
    return max([_attack(target, inputs) for target in _targets(random.Random(1))])


def _attack(target: Target, inputs: int) -> int:
    """Print what one parser did; 1 if it broke a promise. Any other exception ends the run with its trace."""
    refused, slowest_ms = 0, 0.0
    before = _memory_kb()
    for number in range(WARM_UP + inputs):
        if number == WARM_UP:
            before = _memory_kb()
        started = time.thread_time()  # of this thread alone: what else the machine does is not the parser's fault
        try:
            target.parse()
        except Malformed:
            refused += 1
        slowest_ms = max(slowest_ms, (time.thread_time() - started) * 1000)
    growth_kb = _memory_kb() - before
    kept = slowest_ms <= LIMIT_MS and growth_kb <= LIMIT_GROWTH_KB
    print(
        f"{target.name:28} {inputs:,} inputs, {refused / (WARM_UP + inputs):6.1%} refused by Malformed, "
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

    def judge(text: str) -> None:
        if verify(text, ORIGIN, trust, types, AllValid(), NOW).outcome is Outcome.MALFORMED:
            raise Malformed("verdict")

    def judge_signed(damaged: bytes) -> None:
        judge(link.compose(ORIGIN, cose.assemble(kid, damaged, cose.sign(key, cose.to_be_signed(kid, damaged)))))

    yield Target("digits", lambda: digits.decode(_damage(chance, digits.encode(signed))))
    yield Target("CBOR", lambda: cbor.loads(_damage(chance, payload)))
    yield Target("claims", lambda: claims_format.decode(_damage(chance, payload)))
    yield Target("COSE frame", lambda: cose.parse(_damage(chance, signed)))
    yield Target("status list", lambda: status_list.decompress(_damage(chance, statuses)))
    yield Target("look-up code", lambda: lookup.parse(_damage(chance, lookup.compose(RESULT, "7K2MZ"))))
    yield Target("whole code", lambda: judge(_damage(chance, link.compose(ORIGIN, signed))))
    yield Target("claims signed by a good key", lambda: judge_signed(_damage(chance, payload)))


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


def _noise(chance: random.Random, like: AnyStr, length: int) -> AnyStr:
    if isinstance(like, bytes):
        return chance.randbytes(length)
    return "".join(chance.choices("0123456789ABCXYZ -.#%/éđ\u0000\u200b\u0661\U0001f600", k=length))


if __name__ == "__main__":
    sys.exit(main())
