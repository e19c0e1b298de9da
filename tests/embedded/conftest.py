import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from economy import making_room
from khoso.embedded import EmbeddedPostgres


@pytest.fixture
def room() -> Iterator[Path]:
    """An empty directory every account may pass through."""
    with making_room() as room:
        yield room


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    """A base directory whose data directory is already made: starting there takes a few hundredths of a second."""
    with making_room() as room:
        with EmbeddedPostgres(room / "base"):
            pass
        yield room / "base"


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root hands PostgreSQL over to another account; run as root to test it")
