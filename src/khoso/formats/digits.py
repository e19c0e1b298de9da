"""Bytes as decimal digits, for the numeric mode of a QR code (ISO/IEC 18004, 7.4.3).

The bytes are one big-endian integer, zero-padded to `width(n)` digits, so the number of digits says how many bytes
there are: 99.7 % dense, and no character that a URL or a camera could change.
"""

from functools import cache

from .malformed import Malformed

MAX_BYTES = 768
"""Longest payload: more than a version 25 symbol holds at error correction M."""


@cache
def width(byte_count: int) -> int:
    """Digits that hold any `byte_count` bytes: ceil(8·n·log10 2), computed exactly."""
    return len(str((1 << 8 * byte_count) - 1))


_BYTES_OF_WIDTH = {width(n): n for n in range(1, MAX_BYTES + 1)}


def encode(data: bytes) -> str:
    """The digits of 1 to 768 bytes."""
    if not 0 < len(data) <= MAX_BYTES:
        raise ValueError(f"{len(data)} bytes; a code holds 1 to {MAX_BYTES}")
    return str(int.from_bytes(data)).zfill(width(len(data)))


def decode(digits: str) -> bytes:
    """The bytes of `digits`. Raises Malformed for other characters, a length that is no width, or an overflow."""
    byte_count = _BYTES_OF_WIDTH.get(len(digits))  # caps the length before the integer is built
    if byte_count is None:
        raise Malformed("digits_length")
    # Bytes know only ASCII digits, and look for them three times faster than text does.
    if not (digits.isascii() and digits.encode("ascii").isdigit()):
        raise Malformed("digits_character")
    try:
        return int(digits).to_bytes(byte_count)
    except OverflowError:
        raise Malformed("digits_overflow") from None
