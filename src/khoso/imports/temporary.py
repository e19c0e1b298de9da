"""Where a file of results lies while it comes in and while it is read: nameless, and gone with whoever has it open."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile, gettempdir
from typing import BinaryIO

from khoso.errors import Unavailable


@contextmanager
def temporary_file() -> Iterator[BinaryIO]:
    """Raises Unavailable where there is no room for it: when it is written, and once more when it is closed."""
    try:
        with TemporaryFile() as file:
            yield file
    except OSError as error:
        raise Unavailable(f"a file of results cannot be kept in {gettempdir()}: {error.strerror}") from error
