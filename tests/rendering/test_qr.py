import io
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any
from xml.etree import ElementTree

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from khoso.errors import CodeTooLong, InvalidInput
from khoso.rendering.qr import qr_modules, qr_png, qr_svg, qr_terminal, qr_version
from rendering.decoders import DECODERS, rasterised, read_by_zxing
from rendering.degrade import HARD_PHOTOS, PHOTOS
from rendering.samples import HEAD, credential_text

PERMIT = credential_text(243)
PRINTABLE_ASCII = st.characters(min_codepoint=0x20, max_codepoint=0x7E)


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def from_terminal(lines: str) -> Image.Image:
    """The painted halves of each character become light modules again."""
    halves = {" ": (0, 0), "▀": (255, 0), "▄": (0, 255), "█": (255, 255)}
    rows = lines.splitlines()
    grey = [bytes(halves[block][half] for block in row) for row in rows for half in (0, 1)]
    picture = Image.frombytes("L", (len(rows[0]), len(grey)), b"".join(grey))
    return picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("photo", PHOTOS)
@pytest.mark.parametrize("payload_bytes", [200, 243, 299])
def test_every_decoder_reads_every_photo(payload_bytes: int, photo: str, decoder: str) -> None:
    text = credential_text(payload_bytes, seed=payload_bytes)
    picture = PHOTOS[photo](opened(qr_png(text, module_px=8)))
    assert DECODERS[decoder](picture) == text


@pytest.mark.parametrize("photo", HARD_PHOTOS)
@pytest.mark.parametrize("payload_bytes", [200, 243, 299])
def test_a_good_scanner_reads_hard_photos(payload_bytes: int, photo: str) -> None:
    text = credential_text(payload_bytes, seed=payload_bytes)
    assert read_by_zxing(HARD_PHOTOS[photo](opened(qr_png(text, module_px=8)))) == text


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("draw", [lambda text: rasterised(qr_svg(text)), lambda text: from_terminal(qr_terminal(text))])
def test_svg_and_terminal_show_the_same_text(draw: Callable[[str], Image.Image], decoder: str) -> None:
    assert DECODERS[decoder](draw(PERMIT)) == PERMIT


def test_svg_paints_exactly_the_modules_of_the_png() -> None:
    png = opened(qr_png(PERMIT, module_px=4)).convert("L")
    assert rasterised(qr_svg(PERMIT)).tobytes() == png.tobytes()


def test_svg_says_what_it_is_and_keeps_its_quiet_zone() -> None:
    root = ElementTree.fromstring(qr_svg(PERMIT))
    side = qr_modules(qr_version(PERMIT)) + 8
    assert root.attrib["viewBox"] == f"0 0 {side} {side}"
    assert root.attrib["role"] == "img"
    assert root.findtext("{*}title") == "Mã QR để kiểm tra giấy tờ"
    edge = rasterised(qr_svg(PERMIT), module_px=1)
    left, top, right, bottom = Image.eval(edge, lambda grey: 255 - grey).getbbox() or (0, 0, 0, 0)
    assert (left, top, side - right, side - bottom) == (4, 4, 4, 4)


def test_png_has_one_bit_a_pixel_and_the_asked_size() -> None:
    picture = opened(qr_png(PERMIT, module_px=5))
    assert (picture.mode, picture.size) == ("1", ((65 + 8) * 5,) * 2)


@pytest.mark.parametrize(
    ("payload_bytes", "version"),
    [(220, 11), (221, 12), (256, 12), (257, 13), (299, 13), (300, 14), (330, 14), (331, 15), (380, 15), (381, 16)],
)
def test_capacity_of_the_versions_a_credential_needs(payload_bytes: int, version: int) -> None:
    assert qr_version(credential_text(payload_bytes)) == version


@settings(deadline=None, max_examples=60)
@given(head=st.text(PRINTABLE_ASCII, max_size=400), digits=st.text("0123456789", max_size=2500))
def test_the_size_meter_tells_what_a_decoder_finds(head: str, digits: str) -> None:
    text = head + digits
    if not text:
        return
    picture = opened(qr_png(text, module_px=3))
    assert picture.width == 3 * (qr_modules(qr_version(text)) + 8)
    assert read_by_zxing(picture) == text


@settings(deadline=None, max_examples=60)
@given(letters=st.integers(min_value=1, max_value=2331), digits=st.integers(min_value=0, max_value=5580))
def test_the_size_meter_agrees_with_segno(letters: int, digits: int) -> None:
    segments: Any = [("x" * letters, 4), ("7" * digits, 1)] if digits else [("x" * letters, 4)]
    text = "x" * letters + "7" * digits
    try:
        expected = segno.make(segments, error="m", micro=False, boost_error=False, mask=0).version
    except segno.DataOverflowError:
        with pytest.raises(CodeTooLong):
            qr_version(text)
    else:
        assert qr_version(text) == expected


@pytest.mark.parametrize("largest", ["x" * 2331, "7" * 5596])
def test_the_largest_code_is_drawn_and_one_character_more_is_too_long(largest: str) -> None:
    assert qr_version(largest) == 40
    assert read_by_zxing(opened(qr_png(largest, module_px=4))) == largest
    for draw in (qr_version, qr_svg, qr_terminal, lambda text: qr_png(text, module_px=4)):
        with pytest.raises(CodeTooLong):
            draw(largest + largest[-1])


@pytest.mark.parametrize("text", ["", "giấy phép", "tab\there", "line\n", "１２３"])
def test_text_that_is_no_code_is_refused(text: str) -> None:
    for draw in (qr_version, qr_svg, qr_terminal, lambda text: qr_png(text, module_px=4)):
        with pytest.raises(InvalidInput) as refusal:
            draw(text)
        assert [problem.field for problem in refusal.value.problems] == ["text"]


@pytest.mark.parametrize("module_px", [-1, 0, 25, 10**9])
def test_a_picture_without_bounds_is_refused(module_px: int) -> None:
    with pytest.raises(InvalidInput, match="module_px"):
        qr_png(PERMIT, module_px=module_px)


def calls(work: Callable[[], object]) -> Counter[str]:
    """How often which function is called, by its module's name and its own; those of the interpreter as one."""
    counted = Counter[str]()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            counted[f"{frame.f_globals['__name__']}.{frame.f_code.co_name}"] += 1
        elif event == "c_call":
            counted["interpreter"] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted


def test_a_text_that_is_too_long_is_measured_and_not_drawn() -> None:
    def refuse(text: str) -> None:
        with pytest.raises(CodeTooLong):
            qr_svg(text)

    refused = [calls(partial(refuse, text)) for text in ("7" * 5597, "7" * 1_000_000, "7" * 1_000_000 + "x")]
    assert refused[0] == refused[1] == refused[2], "however long it is"
    assert not [name for name in refused[0] if name.startswith("segno.")]


def test_one_mask_is_drawn_where_segno_draws_eight_and_compares_them() -> None:
    def masks(draw: Callable[[], object]) -> tuple[int, int]:
        counted = calls(draw)
        return counted["segno.encoder.apply_mask"], counted["segno.encoder.evaluate_mask"]

    assert masks(lambda: segno.make(PERMIT, error="m")) == (8, 8)
    for draw in (qr_svg, qr_terminal, lambda text: qr_png(text, module_px=4)):
        assert masks(partial(draw, PERMIT)) == (1, 0)


def test_the_head_is_free_to_hold_digits_and_capitals() -> None:
    for text in (HEAD, "HTTPS://EXAMPLE.VN/123/A", "0", "a", "12a34"):
        assert read_by_zxing(opened(qr_png(text, module_px=4))) == text
