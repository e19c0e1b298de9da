"""Whatever bytes come, they are read or refused: no other error, and nothing slow."""

import io
import random
import time
import zipfile
from collections.abc import Iterator

import pytest

from khoso.imports.model import FileFormat, Unreadable
from khoso.imports.rows import open_table
from sheets import BADGE, HEADING, as_csv, as_ndjson, as_xlsx, badge

ROUNDS = 1_500
LONGEST_SECONDS = 2.0
_ROWS = [badge(serial) for serial in range(20)]
_BOOK = as_xlsx([HEADING, *(list(row.values()) for row in _ROWS)])
_SNIPPETS = [
    b'"',
    b";",
    b",",
    b"\n",
    b"\x00",
    b"\xff",
    b"<",
    b"/>",
    b"&#x0;",
    b"&lt;",
    b'r="A1"',
    b't="s"',
    b"999999999",
    b"{",
    b"[",
    b"-1",
]


def _mutated(content: bytes, chance: random.Random) -> bytes:
    mutated = bytearray(content)
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(mutated) + 1)
        match chance.randrange(3):
            case 0:
                mutated[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del mutated[place : place + chance.randrange(1, 40)]
            case _:
                mutated[place:place] = chance.choice(_SNIPPETS)
    return bytes(mutated)


def _mutated_parts(chance: random.Random) -> bytes:
    """A whole zip of mutated XML: what lies behind the checksum is reached too."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_BOOK)) as old, zipfile.ZipFile(file, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info.filename, _mutated(content, chance) if chance.random() < 0.3 else content)
    return file.getvalue()


def _files(chance: random.Random) -> Iterator[tuple[FileFormat, bytes]]:
    for _ in range(ROUNDS):
        yield "csv", _mutated(as_csv(_ROWS), chance)
        yield "ndjson", _mutated(as_ndjson(_ROWS), chance)
        yield "xlsx", _mutated(_BOOK, chance)
        yield "xlsx", _mutated_parts(chance)


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_files_are_read_or_refused(seed: int) -> None:
    refused = 0
    for file_format, content in _files(random.Random(seed)):
        began = time.thread_time()
        try:
            list(open_table(io.BytesIO(content), file_format, BADGE).records)
        except Unreadable:
            refused += 1
        assert time.thread_time() - began < LONGEST_SECONDS
    assert ROUNDS < refused < 4 * ROUNDS, "some are still good, many are not"
