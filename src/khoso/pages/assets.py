"""The style sheet, the scripts and the emblem: package data under names that hold their content's hash."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import NamedTuple

from khoso.errors import ConfigurationError

_SOURCES = (
    ("khoso.pages", "static/khoso.css", "text/css"),
    ("khoso.pages", "static/scanner.css", "text/css"),
    ("khoso.pages", "static/icon-192.png", "image/png"),
    ("khoso.pages", "static/icon-512.png", "image/png"),
    ("khoso.pages", "built/khoso.js", "text/javascript"),
    ("khoso.pages", "built/account.js", "text/javascript"),
    ("khoso.pages", "built/verify.js", "text/javascript"),
    ("khoso.pages", "built/scanner.js", "text/javascript"),
    ("khoso.pages", "built/decoder.js", "text/javascript"),
    ("khoso.pages", "built/service_worker.js", "text/javascript"),
    ("khoso.pages", "built/zxing_reader.wasm", "application/wasm"),
    ("khoso.rendering", "data/emblem.svg", "image/svg+xml"),
)


class Asset(NamedTuple):
    """One file, and the name under which exactly this content is served for ever."""

    hashed_name: str
    media_type: str
    body: bytes


@cache
def assets() -> Mapping[str, Asset]:
    """The assets by their plain names, read once. Raises ConfigurationError if the scripts have not been built."""
    return {PurePosixPath(path).name: _read(package, path, media_type) for package, path, media_type in _SOURCES}


def find_asset(hashed_name: str) -> Asset | None:
    """The asset served under a name with its hash, None for an unknown or an outdated one."""
    return next((asset for asset in assets().values() if asset.hashed_name == hashed_name), None)


def asset_url(name: str) -> str:
    """The path at which the present content of the asset is served. Raises KeyError."""
    return f"/assets/{assets()[name].hashed_name}"


def _read(package: str, path: str, media_type: str) -> Asset:
    try:
        body = files(package).joinpath(path).read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path} of {package} is missing: `make web` builds the scripts of the pages"
        ) from None
    name = PurePosixPath(path)
    return Asset(f"{name.stem}.{hashlib.sha256(body).hexdigest()[:16]}{name.suffix}", media_type, body)
