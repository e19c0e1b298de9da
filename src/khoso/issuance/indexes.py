"""Random status indexes without a draw: the n-th index of a list is a keyed permutation of n.

Whoever sees an index learns neither how many papers the list holds nor when this one was issued, and no index is ever
drawn twice. A Feistel network on 17 bits (8 and 9), rounds keyed by the list's secret seed.
"""

import hashlib
from functools import lru_cache

ROUNDS = 6
_LOW_BITS = 9
_LOW = (1 << _LOW_BITS) - 1
_HIGH = (1 << 17 - _LOW_BITS) - 1


def index_at(seed: bytes, position: int) -> int:
    """The index handed out at `position`; both are from 0 to 2^17 - 1."""
    high, low = position >> _LOW_BITS, position & _LOW
    for round_number in range(0, ROUNDS, 2):
        high ^= _mix(seed, round_number, low) & _HIGH
        low ^= _mix(seed, round_number + 1, high) & _LOW
    return high << _LOW_BITS | low


@lru_cache(maxsize=1 << 14)  # four open lists ask for 2,304 each: three rounds of 512 halves, three of 256
def _mix(seed: bytes, round_number: int, half: int) -> int:
    return int.from_bytes(
        hashlib.blake2b(bytes((round_number, half >> 8, half & 0xFF)), key=seed, digest_size=2).digest()
    )
