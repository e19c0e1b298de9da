"""Texts folded for search."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khoso.text import fold

VIETNAMESE = "aăâbcdđeêghiklmnoôơpqrstuưvxy" + "àằầèềìòồờùừỳáắấéếíóốớúứýảẳẩẻểỉỏổởủửỷãẵẫẽễĩõỗỡũữỹạặậẹệịọộợụựỵ"
TEXTS = st.text(VIETNAMESE + VIETNAMESE.upper() + " -/0123456789") | st.text()


@given(TEXTS)
def test_however_it_is_written_it_is_folded_alike(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@given(TEXTS)
def test_what_is_folded_stays_so(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Đường  Hoà Hải ", "duong hoa hai"),
        ("NGUYỄN HOÀNG PHƯỚC THỊNH", "nguyen hoang phuoc thinh"),
        ("K48/12 Nguyễn Thị Minh Khai", "k48/12 nguyen thi minh khai"),
        ("Καφές Hội An", "καφεσ hoi an"),
        ("Straße", "strasse"),
        ("", ""),
    ],
)
def test_by_example(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(unicodedata.normalize("NFD", text)) == folded
