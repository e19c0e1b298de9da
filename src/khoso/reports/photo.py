"""Photographs from strangers' phones: looked at with care, and drawn anew so that nothing but the picture is kept.

What is kept has no place, no time and no device in it, and nothing behind its end.
"""

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from khoso.errors import InputProblem, InvalidInput

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 20_000_000
SIDE = 1_600
"""The longer side of what is kept."""
_QUALITY = 80


def redraw(photo: bytes) -> bytes:
    """The photo as a plain JPEG. Raises InvalidInput for what is no photo of these formats, or too large a one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own limit warns; ours refuses
            return _redrawn(Image.open(io.BytesIO(photo), formats=FORMATS))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise InvalidInput(
            InputProblem(
                "photo", "unreadable", f"chọn ảnh dạng {', '.join(FORMATS)} | a picture as {', '.join(FORMATS)}"
            )
        ) from None


def _redrawn(opened: Image.Image) -> bytes:
    if opened.width * opened.height > MAX_PIXELS:
        raise InvalidInput(
            InputProblem(
                "photo",
                "too_large",
                f"chọn ảnh tối đa {MAX_PIXELS // 1_000_000} megapixel | {MAX_PIXELS // 1_000_000} megapixels at most",
            )
        )
    upright = ImageOps.exif_transpose(opened).convert("RGB")
    upright.thumbnail((SIDE, SIDE))
    plain = Image.new("RGB", upright.size)
    plain.paste(upright)
    drawn = io.BytesIO()
    plain.save(drawn, "JPEG", quality=_QUALITY)
    return drawn.getvalue()
