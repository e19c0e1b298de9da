"""The inspector's scanner: its page, what a phone wants to know to install it, and the script that keeps it there.

What is kept for the time without a network is listed before the service worker's script. A browser compares that script
with the one it has: another page, file or root makes another list, and is installed as a whole.
"""

import hashlib
import json

from khoso.formats.documents import PublicKeys
from khoso.pages.assets import asset_url, assets
from khoso.pages.templates import encoded_roots, render, unanswered

PAGE = "/scan"
MANIFEST = "/scan/manifest.webmanifest"

_FILES = (
    *("khoso.css", "scanner.css", "khoso.js", "scanner.js", "decoder.js", "zxing_reader.wasm"),
    *("emblem.svg", "icon-192.png"),
)
_BLUE = "#0b4f8a"


def scanner_page(roots: PublicKeys) -> bytes:
    """The page, in UTF-8."""
    return render("scan.html", unanswered=unanswered(), roots=encoded_roots(roots))


def manifest() -> bytes:
    """The web application manifest (W3C)."""
    icons = [
        {
            "src": asset_url(f"icon-{size}.png"),
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": "any maskable",
        }
        for size in (192, 512)
    ]
    content = {
        "id": PAGE,
        "start_url": PAGE,
        "scope": PAGE,
        "display": "standalone",
        "lang": "vi",
        "name": "Kho Số · Quét kiểm tra",
        "short_name": "Quét Kho Số",
        "description": "Kiểm tra giấy tờ của thành phố, cả khi không có mạng.",
        "background_color": _BLUE,
        "theme_color": _BLUE,
        "icons": icons,
    }
    return json.dumps(content, ensure_ascii=False).encode()


def service_worker(roots: PublicKeys) -> bytes:
    """The service worker's script, under the list of what it keeps."""
    documents = {PAGE: scanner_page(roots), MANIFEST: manifest()}
    revisions: dict[str, str | None] = {
        url: hashlib.sha256(content).hexdigest()[:16] for url, content in documents.items()
    }
    revisions |= {asset_url(name): None for name in _FILES}  # the name says which content it is
    listed = [{"url": url, "revision": revision} for url, revision in revisions.items()]
    return f"self.__WB_MANIFEST = {json.dumps(listed)};\n".encode() + assets()["service_worker.js"].body
