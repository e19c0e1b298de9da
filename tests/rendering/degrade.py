"""What a phone camera does to a code, made with Pillow only: equal pictures, options and seeds give equal bytes.

Each function takes a picture and returns a new one in grey ("L"). `PHOTOS` and `HARD_PHOTOS` are the ones a code must
survive, meant for pictures of about 8 pixels to a module; `snapshot` mixes them all at one severity, for measuring.
"""

import random
from collections.abc import Callable, Mapping

from PIL import Image, ImageChops, ImageFilter

WHITE = 255

Photo = Callable[[Image.Image], Image.Image]


def blurred(picture: Image.Image, *, radius_px: float) -> Image.Image:
    return picture.convert("L").filter(ImageFilter.GaussianBlur(radius_px))


def rotated(picture: Image.Image, *, degrees: float) -> Image.Image:
    return _on_a_sheet(picture, share=0.25).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=WHITE)


def tilted(picture: Image.Image, *, across: float, down: float) -> Image.Image:
    """Seen from the side: distance grows by `across` from the left edge to the right, by `down` to the bottom."""
    sheet = _on_a_sheet(picture, share=0.35)
    middle_x, middle_y = sheet.width / 2, sheet.height / 2
    # (x, y) shows what lies at middle + (x - middle_x, y - middle_y) / (1 + g (x - middle_x) + h (y - middle_y)),
    # here brought to a common denominator k + g x + h y and divided by k, as Pillow wants it.
    g, h = across / sheet.width, down / sheet.height
    k = 1 - g * middle_x - h * middle_y
    row_x = (1 + g * middle_x, h * middle_x, -middle_x * (g * middle_x + h * middle_y))
    row_y = (g * middle_y, 1 + h * middle_y, -middle_y * (g * middle_x + h * middle_y))
    projection = [term / k for term in (*row_x, *row_y, g, h)]
    return sheet.transform(
        sheet.size, Image.Transform.PERSPECTIVE, projection, Image.Resampling.BICUBIC, fillcolor=WHITE
    )


def low_contrast(picture: Image.Image, *, darkest: int, lightest: int) -> Image.Image:
    span = lightest - darkest
    return picture.convert("L").point([darkest + round(grey * span / 255) for grey in range(256)])


def noisy(picture: Image.Image, *, amplitude: int, seed: int) -> Image.Image:
    """Each pixel moved by up to `amplitude` grey levels, mostly by less: the mean of two uniform fields."""
    grey = picture.convert("L")
    source = random.Random(seed)
    one, other = (Image.frombytes("L", grey.size, source.randbytes(grey.width * grey.height)) for _ in range(2))
    around_128 = [128 + round((level - 127.5) * amplitude / 127.5) for level in range(256)]
    return ImageChops.add(grey, Image.blend(one, other, 0.5).point(around_128), offset=-128)


def downscaled(picture: Image.Image, *, share: float) -> Image.Image:
    """As a camera further away sees it, on `share` as many pixels a side."""
    grey = picture.convert("L")
    return grey.resize((round(grey.width * share), round(grey.height * share)), Image.Resampling.BOX)


def snapshot(picture: Image.Image, *, severity: float, seed: int) -> Image.Image:
    """One photo with every fault in it: easy at severity 0.2, beyond most decoders at 0.8."""
    chance = random.Random(seed)
    photo = tilted(picture, across=chance.uniform(-0.5, 0.5) * severity, down=chance.uniform(-0.5, 0.5) * severity)
    photo = photo.rotate(chance.uniform(0, 360), Image.Resampling.BICUBIC, fillcolor=WHITE)
    photo = low_contrast(photo, darkest=round(90 * severity), lightest=round(255 - 80 * severity))
    photo = downscaled(photo, share=(5 - 2.6 * severity) / 8 * chance.uniform(0.9, 1.1))
    photo = blurred(photo, radius_px=0.4 + 0.8 * severity * chance.uniform(0.6, 1))
    return noisy(photo, amplitude=round(50 * severity), seed=seed)


def _on_a_sheet(picture: Image.Image, *, share: float) -> Image.Image:
    """In the middle of white paper, so that turning it cuts nothing off; `share` is a margin's of the side."""
    grey = picture.convert("L")
    margin = round(max(grey.size) * share)
    sheet = Image.new("L", (grey.width + 2 * margin, grey.height + 2 * margin), WHITE)
    sheet.paste(grey, (margin, margin))
    return sheet


# Read by every decoder. zbar is the weak one: it gives up at a tilt of 0.15 or a grain of 80.
PHOTOS: Mapping[str, Photo] = {
    "sharp": lambda picture: picture.convert("L"),
    "out of focus": lambda picture: blurred(picture, radius_px=2.5),
    "turned by 7°": lambda picture: rotated(picture, degrees=7),
    "turned by 45°": lambda picture: rotated(picture, degrees=45),
    "upside down": lambda picture: rotated(picture, degrees=183),
    "from the left": lambda picture: tilted(picture, across=0.12, down=0),
    "from a corner": lambda picture: tilted(picture, across=-0.06, down=0.06),
    "faded print": lambda picture: low_contrast(picture, darkest=110, lightest=170),
    "dark room": lambda picture: low_contrast(picture, darkest=5, lightest=60),
    "grainy": lambda picture: noisy(picture, amplitude=50, seed=1),
    "from afar": lambda picture: downscaled(picture, share=0.4),
    "by hand": lambda picture: snapshot(picture, severity=0.2, seed=1),
}

# Read by zxing, as scanner apps built on it or better do.
HARD_PHOTOS: Mapping[str, Photo] = {
    "well out of focus": lambda picture: blurred(picture, radius_px=3),
    "far from the left": lambda picture: tilted(picture, across=0.3, down=0),
    "far from a corner": lambda picture: tilted(picture, across=-0.2, down=0.2),
    "very grainy": lambda picture: noisy(picture, amplitude=120, seed=1),
    "by a shaking hand": lambda picture: snapshot(picture, severity=0.3, seed=1),
}
