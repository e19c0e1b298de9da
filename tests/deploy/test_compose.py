"""What an operator with containers begins with: `deploy/prepare` in a fresh clone, and `compose.yaml`."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = {"database", "migrate", "serve", "worker", "proxy"}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """As git makes it under a strict umask."""
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    shutil.copy(ROOT / "compose.yaml", tmp_path)
    for path in tmp_path.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    return tmp_path


def prepare(clone: Path) -> None:
    subprocess.run([clone / "deploy/prepare"], check=True, stdout=subprocess.DEVNULL)


def test_what_is_secret_is_closed_and_what_containers_read_is_open(clone: Path) -> None:
    prepare(clone)
    secrets = list(clone.joinpath("secrets").iterdir())
    assert {path.name for path in secrets} == {"owner.pgpass", "app.pgpass", "superuser"}
    for path in (*secrets, clone / ".env", clone / "identity.env"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    mounted = ("postgres/roles.sql", "haproxy/haproxy.cfg", "keycloak/khoso-realm.json")
    for name in mounted:
        assert (clone / "deploy" / name).stat().st_mode & stat.S_IROTH, name


def test_prepared_again_it_keeps_what_is_there(clone: Path) -> None:
    prepare(clone)
    (clone / "identity.env").write_text("KHOSO_OIDC_ISSUER=https://login.example.vn\n")
    before = {path: path.read_bytes() for path in clone.rglob("*") if path.is_file()}
    prepare(clone)
    assert {path: path.read_bytes() for path in clone.rglob("*") if path.is_file()} == before


def test_compose_takes_it(clone: Path) -> None:
    if shutil.which("docker-compose") is None:
        pytest.skip("needs docker-compose")
    prepare(clone)
    environment = {**os.environ, "KHOSO_PUBLIC_URL": "https://kho.example.vn"}
    told = subprocess.run(["docker-compose", "config", "--services"], cwd=clone, env=environment, capture_output=True)
    assert told.returncode == 0, told.stderr
    assert set(told.stdout.decode().split()) >= SERVICES
