"""A PostgreSQL as an operator has it: empty, and two password files beside it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from economy import in_memory
from khoso.embedded import WITHOUT_DURABILITY, EmbeddedPostgres
from khoso.embedded.binaries import find_bindir

ROLES = Path(__file__).parents[2] / "deploy/postgres/roles.sql"
PASSWORD = "quote'dollar$double\"space {}"

MakeRoles = Callable[[], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedPostgres]:
    """It would log every statement."""
    room = Path(tempfile.mkdtemp(prefix="khoso-test-", dir=in_memory()))
    room.chmod(0o711)  # the account that runs PostgreSQL for root must get through
    with EmbeddedPostgres(room / "base", settings={**WITHOUT_DURABILITY, "log_statement": "all"}) as server:
        yield server
    shutil.rmtree(room)


@pytest.fixture
def passfiles(tmp_path: Path) -> dict[str, Path]:
    return {role: _write_passfile(tmp_path / f"{role}.pgpass", role) for role in ("owner", "app")}


@pytest.fixture
def make_roles(own_server: EmbeddedPostgres, passfiles: dict[str, Path]) -> MakeRoles:
    """Run roles.sql as it stands."""

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [find_bindir(None) / "psql", "--no-psqlrc", "-f", ROLES, own_server.dsn()],
            env={
                "PATH": os.environ["PATH"],
                "KHOSO_OWNER_PASSFILE": str(passfiles["owner"]),
                "KHOSO_APP_PASSFILE": str(passfiles["app"]),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def _write_passfile(path: Path, role: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(f"*:*:*:khoso_{role}:{PASSWORD.format(role)}\n")
    return path
