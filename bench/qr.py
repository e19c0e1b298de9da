"""What drawing a credential's code costs, as ratios to segno's default for the same text in the same run.

    python -m bench.qr

Ratios carry over to other machines; the milliseconds do not.
"""

import io
import math
import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import segno
from segno.consts import MODE_BYTE, MODE_NUMERIC

from khoso.rendering.print_form import print_form
from khoso.rendering.qr import MASK, qr_png, qr_svg, qr_version

ROUNDS = 31
PAYLOAD_BYTES = 243
HEAD = "https://kho.danang.gov.vn/v#"


def main() -> None:
    number = random.Random(1).getrandbits(8 * PAYLOAD_BYTES)
    digits = f"1{number:0{math.ceil(8 * PAYLOAD_BYTES * math.log10(2))}d}"
    text = HEAD + digits
    segments: Any = [(HEAD, MODE_BYTE), (digits, MODE_NUMERIC)]
    one_mask = segno.make(segments, error="m", micro=False, boost_error=False, mask=MASK)
    drawings: dict[str, Callable[[], object]] = {
        "segno's default, SVG": lambda: segno.make(text, error="m").save(io.BytesIO(), kind="svg"),
        "segno, two segments, best of 8 masks, no picture": lambda: segno.make(segments, error="m", micro=False),
        "segno, two segments, one mask, no picture": lambda: segno.make(
            segments, error="m", micro=False, boost_error=False, mask=MASK
        ),
        "segno's SVG writer alone": lambda: one_mask.save(io.BytesIO(), kind="svg"),
        "qr_svg": lambda: qr_svg(text),
        "segno's default, PNG of 8 pixels a module": lambda: segno.make(text, error="m").save(
            io.BytesIO(), kind="png", scale=8
        ),
        "qr_png of 8 pixels a module": lambda: qr_png(text, module_px=8),
        "qr_version, the size meter": lambda: qr_version(text),
        "print_form": lambda: print_form(text),
    }
    took_ms = _interleaved(drawings)
    default_ms = took_ms["segno's default, SVG"]
    print(f"{len(digits)} digits: version {qr_version(text)}, by default {segno.make(text, error='m').version}")
    for name, milliseconds in took_ms.items():
        print(f"{milliseconds:8.3f} ms  {milliseconds / default_ms:7.4f} of the default  {name}")


def _interleaved(drawings: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median time of each, taken in turns so that a busy machine slows all of them alike."""
    took_ms: dict[str, list[float]] = {name: [] for name in drawings}
    for _ in range(ROUNDS):
        for name, draw in drawings.items():
            began = time.perf_counter()
            draw()
            took_ms[name].append(1000 * (time.perf_counter() - began))
    return {name: median(times) for name, times in took_ms.items()}


if __name__ == "__main__":
    main()
