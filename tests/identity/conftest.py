"""A real identity provider in a process of its own, and browsers in front of the application.

provider    where people log in
client_key  the file with the key by which it knows the client BY_KEY, and by nothing else
assign      gives somebody a role
browser     one with nothing in it, on the application
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from demo.launching import free_port
from desk import Desk
from grounds import NO_TLS, Clock
from identity.browsing import Browser
from khoso.config import Config
from khoso.signing.pem import public_pem

PEOPLE = {
    "thinh": {"name": "Nguyễn Hoàng Phước Thịnh", "personal_id": "048078999001", "acr": "loa2"},
    "ngoc": {"name": "Trần Thị Bích Ngọc", "personal_id": "048184999002", "acr": "loa3"},
    "weak": {"name": "Lê Văn Yếu", "personal_id": "048078999009", "acr": "loa1"},
    "nameless": {"acr": "loa2"},
    "no-acr": {"name": "Phạm Không Rõ", "personal_id": "048078999010"},
    "wrong-id": {"name": "Đỗ Sai Số", "personal_id": "48078999001", "acr": "loa2"},
}
BY_KEY = "khoso-by-key"
Assign = Callable[..., Awaitable[None]]
_PLAIN = NoEncryption()
LEVELS = "loa1=1 loa2=2 loa3=3"


@pytest.fixture(scope="session")
def client_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("provider") / "client.pem"
    file.write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    return file


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, encryption: KeySerializationEncryption = _PLAIN) -> bytes:
    """A private key as others write it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.fixture(scope="session")
def provider(client_key: Path) -> Iterator[str]:
    """Its issuer."""
    issuer = f"http://localhost:{free_port()}"
    people = [
        argument for sub, claims in PEOPLE.items() for argument in ("--user-claims", json.dumps({"sub": sub, **claims}))
    ]
    key = load_pem_private_key(client_key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    known = {
        "CLIENT_ID": BY_KEY,
        "CLIENT_KEY": public_pem(key.public_key()).decode(),
        "AUDIENCE": f"{issuer}/oauth2/token",
    }
    program = Path(__file__).with_name("provider_process.py")
    process = subprocess.Popen(
        [sys.executable, str(program), "--port", issuer.rpartition(":")[2], *people],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], **known},
    )
    try:
        _wait_for(f"{issuer}/.well-known/openid-configuration", process)
        yield issuer
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            httpx.get(url, verify=NO_TLS).raise_for_status()
            return
        except httpx.HTTPError:
            assert process.poll() is None, "the provider ended"
            assert time.monotonic() < deadline, "the provider did not start"
            time.sleep(0.05)


@pytest.fixture
def clock() -> Clock:
    """Begins now, for the provider knows no other time."""
    clock = Clock()
    clock.time = datetime.now(UTC)
    return clock


@pytest.fixture
def config(config: Config, provider: str, tmp_path: Path) -> Config:
    secret = tmp_path / "secret"
    secret.write_text("the provider's secret\n")
    return msgspec.structs.replace(
        config, oidc_issuer=provider, oidc_client_id="khoso", oidc_secret_file=secret, oidc_levels=LEVELS
    )


@pytest.fixture
async def assign(config: Config, clock: Clock) -> AsyncIterator[Assign]:
    """Give a role, as an administrator would."""
    conn = await asyncpg.connect(config.database_owner_url)

    async def give(subject: str, role: str, agency_code: str, type_code: str | None = None) -> None:
        await conn.execute(
            """
            INSERT INTO assignment (assignment_id, subject, role, agency_code, type_code, valid_from, granted_by,
                                    granted_at)
            VALUES ($1, $2, $3, $4, $5, $6, 'tests', $6)
            """,
            uuid4(),
            subject,
            role,
            agency_code,
            type_code,
            clock(),
        )

    yield give
    await conn.close()


@pytest.fixture
def desk(client: httpx.AsyncClient, key_dir: Path, clock: Clock, config: Config) -> Desk:
    return Desk(client, key_dir, clock, config.database_owner_url)


@pytest.fixture
def browser(desk: Desk) -> Browser:
    return Browser(desk.client)
