"""The form of a code for paper that looks its best: rounded modules around the city's emblem, made by qrcode.

The emblem hides modules, so this form needs error correction level H and a larger symbol. A text that would
need more than version 20 at H is drawn plainly at M instead, and the answer says so. docs/performance.md
compares what cameras make of both.
"""

import io
from importlib.resources import files
from typing import Literal

import msgspec
from PIL import Image
from qrcode import QRCode
from qrcode.constants import ERROR_CORRECT_H
from qrcode.image.styledpil import StyledPilImage
from qrcode.image.styles.moduledrawers.pil import RoundedModuleDrawer
from qrcode.util import QRData

from khoso.rendering.qr import MASK, QUIET_ZONE_MODULES, qr_png, qr_version, split_segments, stream_bits

VERSION_MAX_WITH_EMBLEM = 20
MODULE_PX = 12  # a 0.5 mm module at 600 dpi; qrcode rounds modules of an even number of pixels only
EMBLEM_SHARE = 0.2  # of the picture's side: a disc over 3 to 4 % of the symbol, where H restores up to 30 %
_BITS_WITH_EMBLEM = 8 * 385  # the data of version 20 at level H, ISO/IEC 18004:2015 table 7


class PrintForm(msgspec.Struct, frozen=True):
    """A picture to print, which of the two forms it is, and the version of its symbol."""

    png: bytes
    form: Literal["emblem", "plain"]
    version: int


def print_form(text: str) -> PrintForm:
    """The emblem form where it fits, else the plain one; `InvalidInput` and `CodeTooLong` as for `qr_png`."""
    head, digits = split_segments(text)
    if stream_bits(head, digits, VERSION_MAX_WITH_EMBLEM) > _BITS_WITH_EMBLEM:
        return PrintForm(qr_png(text, module_px=MODULE_PX), "plain", qr_version(text))
    symbol = _symbol_at_h(head, digits)
    return PrintForm(_draw_with_emblem(symbol), "emblem", symbol.version)


def _symbol_at_h(head: str, digits: str) -> QRCode:
    symbol = QRCode(
        error_correction=ERROR_CORRECT_H,
        box_size=MODULE_PX,
        border=QUIET_ZONE_MODULES,
        mask_pattern=MASK,
        image_factory=StyledPilImage,
    )
    for segment in filter(None, (head, digits)):
        symbol.add_data(QRData(segment))
    symbol.make(fit=True)
    return symbol


def _draw_with_emblem(symbol: QRCode) -> bytes:
    picture = symbol.make_image(
        module_drawer=RoundedModuleDrawer(),
        embedded_image=_emblem(),
        embedded_image_ratio=EMBLEM_SHARE,
    )
    png = io.BytesIO()
    picture.save(png)
    return png.getvalue()


def _emblem() -> Image.Image:
    """The mark of `data/emblem.svg`, rendered once at 480 pixels because Pillow reads no SVG."""
    data = files("khoso.rendering").joinpath("data/emblem.png").read_bytes()
    return Image.open(io.BytesIO(data)).convert("RGBA")
