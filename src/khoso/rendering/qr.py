"""The QR code of a credential: drawn by segno, written leanly, and measured without being drawn.

The text is printable ASCII that may end in decimal digits, as `https://kho.danang.gov.vn/v#1…` does. It
becomes two segments, the head in byte mode and the digits in numeric mode (ISO/IEC 18004:2015 §7.4), at error
correction level M. Everything here raises `InvalidInput` for text that is empty or not printable ASCII, and
`CodeTooLong` when no version holds it.
"""

import io
import re
from typing import Any

import segno
from PIL import Image
from segno.consts import MODE_BYTE, MODE_NUMERIC

from khoso.errors import CodeTooLong, InputProblem, InvalidInput

QUIET_ZONE_MODULES = 4  # ISO/IEC 18004:2015 §6.3.8
MODULE_PX_MAX = 24  # a 0.5 mm module at 1200 dpi; bounds the picture of version 40 to 4440 pixels a side
TITLE = "Mã QR để kiểm tra giấy tờ"

# Any mask makes a valid symbol. Choosing the best of eight takes four fifths of the encoding time, and decoders
# do not read the winner any better: docs/performance.md has the comparison.
MASK = 3

# Data codewords at level M of versions 1 to 40, ISO/IEC 18004:2015 table 7.
_CODEWORDS = (
    *(16, 28, 44, 64, 86, 108, 124, 154, 182, 216, 254, 290, 334, 365, 415, 453, 507, 563, 627, 669),
    *(714, 782, 860, 914, 1000, 1062, 1128, 1193, 1267, 1373, 1455, 1541, 1631, 1725, 1812, 1914, 1992, 2102),
    *(2216, 2334),
)

_TO_BINARY = b"01" + bytes(254)
_TO_GREY = b"\xff\x00" + bytes(254)
_RUN = re.compile("1+|0+")
_STEPS = {mark * run: step.format(run) for mark, step in (("1", "h{}"), ("0", "m{} 0")) for run in range(1, 178)}


def qr_version(text: str) -> int:
    """The smallest version, 1 to 40, that holds the text: the one that is drawn."""
    head, digits = split_segments(text)
    for version, codewords in enumerate(_CODEWORDS, 1):
        if stream_bits(head, digits, version) <= 8 * codewords:
            return version
    raise CodeTooLong(f"{len(head)} characters and {len(digits)} digits")


def qr_modules(version: int) -> int:
    """Modules along one side of the symbol, without its quiet zone (ISO/IEC 18004:2015 §6.1)."""
    return 17 + 4 * version


def qr_svg(text: str) -> bytes:
    """An SVG document, one user unit to a module, quiet zone included, that takes the size of its place."""
    matrix = _draw(text).matrix
    side = len(matrix) + 2 * QUIET_ZONE_MODULES
    # Each row is a line through the middle of its modules: stroked where dark, moved along where light.
    path = "".join(
        f"M{QUIET_ZONE_MODULES} {y}.5" + "".join([_STEPS[run] for run in _RUN.findall(_binary(row))])
        for y, row in enumerate(matrix, QUIET_ZONE_MODULES)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img" '
        f'shape-rendering="crispEdges"><title>{TITLE}</title>'
        f'<rect width="{side}" height="{side}" fill="#fff"/><path stroke="#000" d="{path}"/></svg>'
    ).encode()


def qr_png(text: str, *, module_px: int) -> bytes:
    """A PNG of one bit to a pixel, quiet zone included; `InvalidInput` unless 1 <= module_px <= 24."""
    if not 1 <= module_px <= MODULE_PX_MAX:
        raise InvalidInput(
            InputProblem(
                "module_px",
                "out_of_range",
                f"chọn từ 1 đến {MODULE_PX_MAX} điểm ảnh | needs 1 to {MODULE_PX_MAX} pixels",
            )
        )
    rows = [bytes(row).translate(_TO_GREY) for row in _draw(text).matrix_iter(border=QUIET_ZONE_MODULES)]
    side_px = len(rows) * module_px
    picture = Image.frombytes("L", (len(rows), len(rows)), b"".join(rows)).convert("1")
    png = io.BytesIO()
    picture.resize((side_px, side_px), Image.Resampling.NEAREST).save(png, "PNG")
    return png.getvalue()


def qr_terminal(text: str) -> str:
    """Lines of half blocks for a dark terminal with a monospaced font: the light modules are painted."""
    lines = io.StringIO()
    _draw(text).terminal(lines, border=QUIET_ZONE_MODULES, compact=True)
    return lines.getvalue()


def split_segments(text: str) -> tuple[str, str]:
    """The head, for byte mode, and the digits at the end, for numeric mode; one of them may be empty."""
    if not (text and text.isascii() and text.isprintable()):
        raise InvalidInput(
            InputProblem(
                "text", "not_printable_ascii", "chỉ dùng ký tự ASCII in được | needs printable ASCII characters"
            )
        )
    head = text.rstrip("0123456789")
    return head, text[len(head) :]


def stream_bits(head: str, digits: str, version: int) -> int:
    """The data bit stream of both segments, before its terminator (ISO/IEC 18004:2015 §7.4.1 to §7.4.5)."""
    size_class = (version > 9) + (version > 26)
    head_bits = 4 + (8, 16, 16)[size_class] + 8 * len(head)
    digits_bits = 4 + (10, 12, 14)[size_class] + 10 * (len(digits) // 3) + (0, 4, 7)[len(digits) % 3]
    return (head_bits if head else 0) + (digits_bits if digits else 0)


def _draw(text: str) -> segno.QRCode:
    version = qr_version(text)
    parts = zip(split_segments(text), (MODE_BYTE, MODE_NUMERIC), strict=True)
    # Any: segno takes a list of segments, but its type stub does not say so.
    segments: Any = [(part, mode) for part, mode in parts if part]
    return segno.make(segments, error="m", version=version, mask=MASK, boost_error=False)


def _binary(row: bytearray) -> str:
    return row.translate(_TO_BINARY).decode().rstrip("0")
