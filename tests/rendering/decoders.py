"""The two decoders the product is held to: what an app would read from a picture, or None."""

import pytest
import zxingcpp
from PIL import Image


def read_by_zxing(picture: Image.Image) -> str | None:
    found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    return found[0].text if found else None


def read_by_zbar(picture: Image.Image) -> str | None:
    # pyzbar loads the system's libzbar while it is imported: a machine without it skips these readings by name.
    pyzbar = pytest.importorskip("pyzbar.pyzbar", reason="needs libzbar0", exc_type=ImportError)
    found = pyzbar.decode(picture, symbols=[pyzbar.ZBarSymbol.QRCODE])
    return str(found[0].data, "ascii") if found else None


DECODERS = {"zxing": read_by_zxing, "zbar": read_by_zbar}
