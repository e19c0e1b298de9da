"""A PostgreSQL as an operator has it: empty, and two password files beside it."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from economy import making_room
from khoso.embedded import WITHOUT_DURABILITY, EmbeddedPostgres
from khoso.embedded.binaries import find_bindir

ROLES = Path(__file__).parents[2] / "deploy/postgres/roles.sql"
PASSWORD = "quote'dollar$double\"space {}"

MakeRoles = Callable[[], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedPostgres]:
    """It would log every statement."""
    settings = {**WITHOUT_DURABILITY, "log_statement": "all"}
    with making_room() as room, EmbeddedPostgres(room / "base", settings=settings) as server:
        yield server


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
