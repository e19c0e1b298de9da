"""Films for a camera that is a file: papers before it one after the other, as well or badly as hands and light allow.

Chromium plays them with `--use-file-for-fake-video-capture`. The format is YUV4MPEG2: a line of text, then frames as
they are.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from PIL import Image, ImageChops

from rendering import degrade

WIDTH, HEIGHT = 640, 480
FRAMES_A_SECOND = 10
FRAMES_OF_A_PAPER = 2
MODULE_PX = 5
"""Of the codes that are filmed: a version 12 then takes three quarters of the height."""

_DESK = 120
_NO_COLOUR = bytes([128]) * (WIDTH * HEIGHT // 2)

Frame = Image.Image
Take = Callable[[Image.Image, random.Random], Frame]
"""One frame of a picture of a code, by chance of the given kind."""


def before(film: Path) -> tuple[str, ...]:
    """The flags of a Chromium whose camera is that film; a page needs the permission besides."""
    return (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    )


def write_film(path: Path, pictures: Iterable[Image.Image], take: Take, seed: int = 20261126) -> None:
    """Each paper for some frames, and the empty desk before the next. Equal arguments give equal films."""
    chance = random.Random(seed)
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FRAMES_A_SECOND}:1 Ip A1:1 C420\n".encode())
        for frame in _frames(pictures, take, chance):
            film.write(b"FRAME\n" + frame.tobytes() + _NO_COLOUR)


def _frames(pictures: Iterable[Image.Image], take: Take, chance: random.Random) -> Iterator[Frame]:
    for picture in pictures:
        for _ in range(FRAMES_OF_A_PAPER):
            yield take(picture.convert("L"), chance)
        yield _desk()


def _desk() -> Frame:
    return Image.new("L", (WIDTH, HEIGHT), _DESK)


def _on_the_desk(picture: Image.Image, right: int = 0, down: int = 0) -> Frame:
    """In the middle, or so many pixels off it; what is larger than the view is cut off at its edges."""
    frame = _desk()
    frame.paste(picture, ((WIDTH - picture.width) // 2 + right, (HEIGHT - picture.height) // 2 + down))
    return frame


def _still(picture: Image.Image, _: random.Random) -> Frame:
    return _on_the_desk(picture)


def _moving(picture: Image.Image, chance: random.Random) -> Frame:
    """Somewhere else and turned in each frame, and smeared by the movement."""
    turned = degrade.rotated(picture, degrees=chance.uniform(-12, 12))
    frame = _on_the_desk(turned, chance.randint(-60, 60), chance.randint(-15, 15))
    return Image.blend(frame, ImageChops.offset(frame, 3, 1), 0.5)


def _blurred(picture: Image.Image, chance: random.Random) -> Frame:
    return degrade.blurred(_on_the_desk(picture), radius_px=chance.uniform(1.2, 1.7))


def _tilted(picture: Image.Image, chance: random.Random) -> Frame:
    """From the side, on a sheet that fills the view."""
    seen = degrade.tilted(
        picture, across=chance.uniform(0.15, 0.25) * chance.choice([-1, 1]), down=chance.uniform(-0.15, 0.15)
    )
    return _on_the_desk(seen)


def _dark(picture: Image.Image, chance: random.Random) -> Frame:
    dim = degrade.low_contrast(_on_the_desk(picture), darkest=8, lightest=70)
    return degrade.noisy(dim, amplitude=24, seed=chance.randrange(1 << 30))


CONDITIONS: Mapping[str, Take] = {
    "still": _still,
    "moving": _moving,
    "out of focus": _blurred,
    "tilted": _tilted,
    "in the dark": _dark,
}
