import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from economy import in_memory
from khoso.embedded import EmbeddedPostgres


def _make_room() -> Path:
    """Not tmp_path: pytest closes that to the account root hands PostgreSQL to."""
    room = Path(tempfile.mkdtemp(prefix="khoso-test-", dir=in_memory()))
    room.chmod(0o711)
    return room


@pytest.fixture
def room() -> Iterator[Path]:
    """An empty directory every account may pass through."""
    room = _make_room()
    yield room
    shutil.rmtree(room)


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    """A base directory whose data directory is already made: starting there takes a few hundredths of a second."""
    room = _make_room()
    with EmbeddedPostgres(room / "base"):
        pass
    yield room / "base"
    shutil.rmtree(room)


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root hands PostgreSQL over to another account; run as root to test it")
