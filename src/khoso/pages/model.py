"""What the pages show that no other room already has a struct for."""

import msgspec

from khoso.formats.verdict import Outcome
from khoso.text import Words


class PrintedField(msgspec.Struct, frozen=True):
    """One line of a paper as it is printed."""

    label: Words
    shown: Words
    altered: bool = False
    """The print says something else than the code: the forgery that only the comparison finds."""


class PaperToScan(msgspec.Struct, frozen=True, kw_only=True):
    """One paper of the demonstration, ready to be printed and scanned."""

    slug: str
    """Unique on its sheet; the anchor of the paper."""
    title: Words
    """Name of the result type."""
    agency: Words
    result_code: str
    fields: tuple[PrintedField, ...]
    """Everything the paper prints, validity included, in its order."""
    qr_svg: str | None = None
    """An SVG element made by `rendering.qr`, put into the page unescaped; None if the paper has no code."""
    code: str | None = None
    """The text of the QR: the link that a camera opens."""
    lookup_code: str | None = None
    """Printed under the QR; None if nothing was ever recorded."""
    story: Words
    """What it is about, for whoever tries the scanner."""
    done: Words
    """What was done to it, by its agency or by somebody else."""
    expect: Outcome
    expect_reason: str
    """What the answer to a scan must be, on line."""
