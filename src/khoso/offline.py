"""Verifying without a server: what a city publishes, downloaded, kept in a directory, and judged by.

The root's public key is all that is believed from the start. Its signature names the city, so that neither the address
of the download nor that of the code has to be believed.
"""

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from khoso.errors import InputProblem, InvalidInput, Unavailable
from khoso.formats import bundle, cbor, lookup, trust_list
from khoso.formats.bundle import Bundle
from khoso.formats.documents import NotBelieved, PublicKeys, unseal
from khoso.formats.lists import Lists
from khoso.formats.malformed import Malformed
from khoso.formats.trust import Trust
from khoso.formats.verdict import OFFLINE, Outcome, TypeCatalogue, Verdict, verify
from khoso.publishing.bundle_file import BundleFile
from khoso.signing.roots import read_roots
from khoso.verification.model import Checked, VerdictView
from khoso.verification.view import View

MAX_BUNDLE = 64 * 1024 * 1024
"""Largest bundle downloaded, in bytes; that of ten million papers has half a megabyte."""

_TIMEOUT_SECONDS = 60
_RECORD = 8
"""The step that a look-up code begins with: only the record knows what it stands for."""


@dataclass(frozen=True, slots=True)
class OfflineCity:
    """A city as its published lists tell of it; a `CatalogueView`."""

    origin: str
    lists: Lists

    @property
    def trust(self) -> Trust:
        return self.lists.trust

    @property
    def types(self) -> TypeCatalogue:
        return self.lists.types

    @property
    def successors(self) -> Mapping[str, tuple[str, ...]]:
        return {code: agency.successors for code, agency in self.trust.agencies.items()}

    def judge(self, text: str, now: datetime) -> VerdictView:
        """The verdict on the text of a scanned code; of a typed one only whether it was typed right."""
        seconds = int(now.timestamp())
        if "://" in text:
            verdict = verify(text, self.origin, self.trust, self.types, self.lists, seconds, OFFLINE)
        else:
            verdict = _typed(text)
        return View().present(Checked(verdict, now), self)


def _typed(text: str) -> Verdict:
    try:
        lookup.parse(text)
    except Malformed as malformed:
        return Verdict(Outcome.MALFORMED, 1, malformed.reason)
    return Verdict(Outcome.CANNOT_TELL, _RECORD, "no_network")


def open_city(directory: Path, roots_file: Path) -> OfflineCity:
    """The city whose bundle lies in a directory. Raises InvalidInput if there is none, or none to believe."""
    data = _read(BundleFile(directory))
    if data is None:
        problem = InputProblem(
            "lists",
            "absent",
            f"không có gói danh sách trong {directory}: tải về bằng `khoso lists fetch`"
            f" | no bundle in {directory}: `khoso lists fetch` brings it",
        )
        raise InvalidInput(problem)
    return _open(data, _roots(roots_file), str(directory))


def fetch(address: str, directory: Path, roots_file: Path) -> OfflineCity:
    """Download the newest bundle into a directory; whole, or the old one stays.

    Raises Unavailable if it cannot be had, InvalidInput if it is not to be believed: signed by others, of another city
    than the one in the directory, older than that, or without a list that is in it.
    """
    roots, file = _roots(roots_file), BundleFile(directory)
    held = _read(file)
    data = _download(f"{_origin(address)}/lists/bundle")
    new = _open(data, roots, address)
    if held is not None:
        _refuse_older(_open(held, roots, str(directory)), data, new, address)
    try:
        file.write(data)
    except OSError as error:
        raise InvalidInput(
            InputProblem("directory", "unwritable", f"không ghi được | {directory}: {error.strerror}")
        ) from None
    return new


def _open(data: bytes, roots: PublicKeys, place: str) -> OfflineCity:
    try:
        opened = bundle.decode(data)
        lists = Lists(origin := _city(opened, roots), roots)
        lists.take(opened)
    except (Malformed, NotBelieved) as fault:
        raise _not_believed(place, fault.reason) from None
    return OfflineCity(origin, lists)


def _city(opened: Bundle, roots: PublicKeys) -> str:
    """The origin that the root's signature names."""
    origin = cbor.loads(unseal(trust_list.PROFILE, opened.trust, roots).payload)[trust_list.ISS]
    if type(origin) is not str:
        raise Malformed("trust_list")
    return origin


def _refuse_older(held: OfflineCity, data: bytes, new: OfflineCity, address: str) -> None:
    missing = held.lists.status_tokens.keys() - new.lists.status_tokens.keys()
    if missing:
        raise _not_believed(address, "list_missing")
    try:
        held.lists.take(bundle.decode(data))
    except NotBelieved as fault:
        raise _not_believed(address, fault.reason) from None


def _not_believed(place: str, reason: str) -> InvalidInput:
    return InvalidInput(
        InputProblem(
            "lists",
            reason,
            f"gói danh sách của {place} không đáng tin | the bundle of {place} is not to be believed: {reason}",
        )
    )


def _roots(file: Path) -> PublicKeys:
    roots = read_roots(file)
    if not roots:
        raise InvalidInput(
            InputProblem(
                "roots",
                "absent",
                f"{file} không có khoá công khai nào của khoá gốc | {file} holds no public key of a root",
            )
        )
    return roots


def _origin(address: str) -> str:
    parts = urlsplit(address)
    local = parts.hostname in ("localhost", "127.0.0.1")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise InvalidInput(
            InputProblem(
                "origin",
                "https",
                "nhập địa chỉ của thành phố, ví dụ https://kho.example.vn"
                " | give the city's address, such as https://kho.example.vn",
            )
        )
    return f"{parts.scheme}://{parts.netloc}"


def _download(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - http(s), by `_origin`
            data: bytes = answer.read(MAX_BUNDLE + 1)
    except (urllib.error.URLError, OSError) as error:
        raise Unavailable(f"{url}: {error}") from None
    if len(data) > MAX_BUNDLE:
        raise _not_believed(url, "too_large")
    return data


def _read(file: BundleFile) -> bytes | None:
    try:
        return file.read()
    except OSError as error:
        raise InvalidInput(
            InputProblem("directory", "unreadable", f"không đọc được | {file.path}: {error.strerror}")
        ) from None


def utc(seconds: int) -> datetime:
    """An instant of a list."""
    return datetime.fromtimestamp(seconds, UTC)
