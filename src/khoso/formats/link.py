"""The text of a QR code: a link to the official page whose fragment is the signed credential.

    https://kho.example.vn/v#1<digits>

The fragment never reaches a server when the link is opened (RFC 3986, 3.5). The first digit is the format version.
"""

from . import digits
from .malformed import Malformed

FORMAT_VERSION = "1"
MAX_TEXT = 2_400
"""Longest text looked at: the longest origin accepted, the path and the digits of `digits.MAX_BYTES` bytes."""


class NotAnOfficialCode(ValueError):
    """The text is not a link of this city: another origin, another path, or no link at all."""


def prefix(origin: str) -> str:
    """What every official code begins with, for `origin` such as `https://kho.example.vn`."""
    return f"{origin}/v#"


def compose(origin: str, signed: bytes) -> str:
    """The text of the QR code for a signed credential."""
    return prefix(origin) + FORMAT_VERSION + digits.encode(signed)


def parse(text: str, origin: str) -> bytes:
    """The signed credential in `text`.

    The beginning must equal the configured one to the byte: look-alike hosts, other ports, user info, a trailing dot
    or mixed case raise NotAnOfficialCode. A bad fragment behind the right beginning raises Malformed.
    """
    official = prefix(origin)
    if not text.startswith(official):
        raise NotAnOfficialCode
    return parse_fragment(text[len(official) :])


def parse_fragment(fragment: str) -> bytes:
    """The signed credential in what stands behind the `#`. Raises Malformed."""
    if len(fragment) > MAX_TEXT:
        raise Malformed("too_long")
    if not fragment.startswith(FORMAT_VERSION):
        raise Malformed("format_version")
    return digits.decode(fragment[1:])
