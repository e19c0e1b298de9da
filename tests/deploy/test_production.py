"""The first steps of docs/operations.md on a PostgreSQL of one's own, by nothing but the command line and HTTP."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from demo.launching import free_port
from deploy.conftest import MakeRoles
from khoso.embedded import EmbeddedPostgres
from samples import house_permit

WARD = "H17.05.12"
STEPS = (
    "keys prepare",
    "keys root make --out {here}/root.pem --passphrase-file {here}/passphrase",
    "keys root trust {here}/root.pub.pem",
    "migrate",
    "check-config",
    "catalogue load-danang",
    "keys publisher",
    f"keys make {WARD}",
    "keys trust draft --out {here}/draft.json",
    "keys trust sign {here}/draft.json --root {here}/root.pem --out {here}/list.cbor --yes"
    " --passphrase-file {here}/passphrase",
    "keys trust publish {here}/list.cbor",
    "check-config",
    "migrate",
)
"""In the order of docs/operations.md, and what may be said again."""


@pytest.fixture
def environment(own_server: EmbeddedPostgres, passfiles: dict[str, Path], tmp_path: Path) -> dict[str, str]:
    port = free_port()
    place = f"khoso?host={own_server.socket_dir}&passfile="
    return {
        "PATH": os.environ["PATH"],
        "KHOSO_DATABASE_URL": f"postgresql://khoso_app@/{place}{passfiles['app']}",
        "KHOSO_DATABASE_OWNER_URL": f"postgresql://khoso_owner@/{place}{passfiles['owner']}",
        "KHOSO_PUBLIC_URL": f"http://localhost:{port}",
        "KHOSO_KEYS_DIR": str(tmp_path / "keys"),
        "KHOSO_DATA_DIR": str(tmp_path / "var"),
        "KHOSO_PORT": str(port),
    }


@pytest.mark.timeout(300)  # a dozen commands, each a process
def test_from_an_empty_server_to_the_first_paper(
    environment: dict[str, str], make_roles: MakeRoles, tmp_path: Path
) -> None:
    make_roles()
    refused = _khoso(environment, "check-config")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    (tmp_path / "passphrase").write_text("six words that nobody else has")
    for step in STEPS:
        done = _khoso(environment, *step.format(here=tmp_path).split())
        assert done.returncode == 0, f"{step}: {done.stderr}"
    granted = ("--scope", "credentials:issue", "--agency", WARD)
    token = _khoso(environment, "token", "make", "--subject", "officer", *granted).stdout.strip()
    services = {name: value for name, value in environment.items() if name != "KHOSO_DATABASE_OWNER_URL"}
    with _serving(services, tmp_path / "log") as client:
        issued = client.post(
            "/api/v1/credentials",
            json=house_permit(),
            headers={"authorization": f"Bearer {token}", "idempotency-key": "first"},
        )
        assert issued.status_code == 201, issued.text
        verdict = client.post("/api/v1/verify", json={"lookup_code": issued.json()["lookup_code"]})
        assert verdict.status_code == 200, verdict.text
        assert verdict.json()["outcome"] == "in_force"


@contextmanager
def _serving(environment: dict[str, str], log: Path) -> Iterator[httpx.Client]:
    """The server while the context lasts. Nothing it logged may be an error."""
    command = (sys.executable, "-m", "khoso", "serve", "--workers", "1")
    with log.open("w") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        with httpx.Client(base_url=environment["KHOSO_PUBLIC_URL"], trust_env=False) as client:
            assert _becomes_ready(client, server), log.read_text()
            yield client
    finally:
        server.terminate()
        server.wait(30)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line for line in lines if line["level"] in ("error", "critical")] == []


def _becomes_ready(client: httpx.Client, server: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if client.get("/readyz").status_code == 200:
                return True
        except httpx.TransportError:
            pass  # it does not listen yet
        time.sleep(0.1)
    return False


def _khoso(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "khoso", *arguments)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
