import io

import pytest
from PIL import Image

from khoso.errors import CodeTooLong, InvalidInput
from khoso.rendering.print_form import EMBLEM_SHARE, MODULE_PX, print_form
from khoso.rendering.qr import qr_modules, qr_png
from rendering.decoders import DECODERS, read_by_zxing
from rendering.degrade import HARD_PHOTOS, PHOTOS
from rendering.samples import credential_text


def as_photographed(png: bytes) -> Image.Image:
    """At 8 pixels to a module, for which the photos are meant."""
    picture = Image.open(io.BytesIO(png)).convert("L")
    return picture.resize((picture.width * 8 // MODULE_PX,) * 2, Image.Resampling.LANCZOS)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("payload_bytes", [200, 243, 299])
def test_every_decoder_reads_every_photo_of_the_emblem_form(payload_bytes: int, decoder: str) -> None:
    text = credential_text(payload_bytes, seed=payload_bytes)
    picture = as_photographed(print_form(text).png)
    for name, photo in PHOTOS.items():
        assert DECODERS[decoder](photo(picture)) == text, name


@pytest.mark.parametrize("payload_bytes", [200, 243, 299])
def test_a_good_scanner_reads_hard_photos_of_the_emblem_form(payload_bytes: int) -> None:
    text = credential_text(payload_bytes, seed=payload_bytes)
    picture = as_photographed(print_form(text).png)
    for name, photo in HARD_PHOTOS.items():
        assert read_by_zxing(photo(picture)) == text, name


def test_the_emblem_is_in_the_middle_and_small_enough_for_h() -> None:
    made = print_form(credential_text(243))
    picture = Image.open(io.BytesIO(made.png)).convert("RGB")
    coloured = picture.convert("HSV").getchannel("S").point(lambda saturation: 255 * (saturation > 60))
    left, top, right, bottom = coloured.getbbox() or (0, 0, 0, 0)
    assert abs(left + right - picture.width) < 2 * MODULE_PX
    assert abs(top + bottom - picture.height) < 2 * MODULE_PX
    share = (right - left) / (qr_modules(made.version) * MODULE_PX)
    assert 0.15 < share < EMBLEM_SHARE + 0.05


@pytest.mark.parametrize(
    ("digits", "form", "version"), [(1, "emblem", 4), (600, "emblem", 17), (846, "emblem", 20), (847, "plain", 15)]
)
def test_the_answer_says_which_form_was_made(digits: int, form: str, version: int) -> None:
    text = "https://kho.danang.gov.vn/v#" + "7" * digits
    made = print_form(text)
    assert (made.form, made.version) == (form, version)
    assert Image.open(io.BytesIO(made.png)).width == (qr_modules(version) + 8) * MODULE_PX
    assert read_by_zxing(as_photographed(made.png)) == text


def test_the_plain_form_is_the_ordinary_picture() -> None:
    text = credential_text(400)
    made = print_form(text)
    assert made.form == "plain"
    assert made.png == qr_png(text, module_px=MODULE_PX)


def test_bad_text_is_refused_as_for_the_ordinary_picture() -> None:
    with pytest.raises(InvalidInput):
        print_form("giấy phép")
    with pytest.raises(CodeTooLong):
        print_form("7" * 5597)
