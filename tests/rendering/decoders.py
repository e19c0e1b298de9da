"""The two decoders the product is held to: what an app would read from a picture, or None."""

import re
from xml.etree import ElementTree

import pytest
import zxingcpp
from PIL import Image, ImageDraw


def read_by_zxing(picture: Image.Image) -> str | None:
    found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    return found[0].text if found else None


def read_by_zbar(picture: Image.Image) -> str | None:
    # pyzbar loads the system's libzbar while it is imported: a machine without it skips these readings by name.
    pyzbar = pytest.importorskip("pyzbar.pyzbar", reason="needs libzbar0", exc_type=ImportError)
    found = pyzbar.decode(picture, symbols=[pyzbar.ZBarSymbol.QRCODE])
    return str(found[0].data, "ascii") if found else None


DECODERS = {"zxing": read_by_zxing, "zbar": read_by_zbar}


def rasterised(svg: bytes, *, module_px: int = 4) -> Image.Image:
    """Draws the strokes of the one path, so that the decoders see what a browser would paint."""
    root = ElementTree.fromstring(svg)
    side = int(root.attrib["viewBox"].split()[2])
    picture = Image.new("L", (side * module_px, side * module_px), 255)
    pen = ImageDraw.Draw(picture)
    x = y = 0.0
    path = root.findall("{*}path")[0].attrib["d"]
    for command, first, second in re.findall(r"([Mmh])(\d+)(?: ([\d.]+))?", path):
        start = 0.0 if command == "M" else x
        x = start + int(first)
        if command == "M":
            y = float(second) - 0.5
        if command == "h":
            corners = [start * module_px, y * module_px, x * module_px - 1, (y + 1) * module_px - 1]
            pen.rectangle(corners, fill=0)
    return picture
