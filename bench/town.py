"""A whole Kho Số to measure: an embedded PostgreSQL with fsync on, the catalogue of Da Nang, keys, and papers."""

import asyncio
import base64
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from khoso import db
from khoso.caller import Caller
from khoso.catalogue import danang
from khoso.config import Config, to_environment
from khoso.demo.build import ensure_keys
from khoso.embedded import EmbeddedPostgres, provision
from khoso.formats import link
from khoso.identity.tokens import make_token
from khoso.issuance.model import IssueRequest, IssuingRule
from khoso.issuance.service import issuing
from khoso.migrating import migrate
from khoso.signing.files import KeyFiles
from khoso.wiring import open_services, utc_now

from .load import Server, free_port, serving

AGENCY = "H17.05.12"
_CHUNK = 1_000


class Corpus(NamedTuple):
    """Codes to verify: the request bodies, one JSON text a line, and the issuers' public keys (kid in hex to JWK)."""

    bodies: Path
    keys: Path


@contextmanager
def town() -> Iterator[Config]:
    """The configuration of a city of its own, for as long as this lasts."""
    with founded_town() as founded:
        yield founded.config


class Town(NamedTuple):
    """A city whose PostgreSQL may be stopped and started."""

    config: Config
    start: Callable[[], object]
    stop: Callable[[], object]


@contextmanager
def founded_town() -> Iterator[Town]:
    """A city of its own, running."""
    room = Path(tempfile.mkdtemp(prefix="khoso-bench-", dir="/tmp"))
    room.chmod(0o711)  # the account that runs PostgreSQL for root must get through
    try:
        with ExitStack() as running:
            server = running.enter_context(EmbeddedPostgres(room / "base"))
            config = Config(
                public_url="https://kho.danang.gov.vn", demo=True, keys_dir=room / "keys", data_dir=room / "data"
            )
            config = asyncio.run(_found(config, server))
            yield Town(config, lambda: running.enter_context(EmbeddedPostgres(room / "base")), running.close)
    finally:
        shutil.rmtree(room)


async def _found(config: Config, server: EmbeddedPostgres) -> Config:
    database = await provision(server)
    await migrate(database.owner_dsn)
    KeyFiles(config.keys_dir).prepare(development=True)
    config = msgspec.structs.replace(config, database_url=database.app_dsn, database_owner_url=database.owner_dsn)
    async with open_services(config, verifying=False) as services:
        await services.catalogue.load(danang.load(), "bench")
        await services.holds.set_rule(IssuingRule(agency_code="", per_hour=1 << 30, times_usual=1), "bench")
        await ensure_keys(services, utc_now())
    return config


def issue_corpus(config: Config, count: int) -> Corpus:
    """Issue `count` papers and write down their codes and the keys that made them."""
    return asyncio.run(_issue_corpus(config, count))


async def _issue_corpus(config: Config, count: int) -> Corpus:
    config.data_dir.mkdir(exist_ok=True)
    corpus = Corpus(config.data_dir / "bodies.jsonl", config.data_dir / "keys.json")
    async with open_services(config, verifying=False) as services:
        with corpus.bodies.open("w") as lines:
            for start in range(0, count, _CHUNK):
                numbers = range(start, min(start + _CHUNK, count))
                prepared = [services.issuer.prepare(_convert(house_permit(n)), AGENCY) for n in numbers]
                async with db.transaction(services.pool, issuing([AGENCY])) as conn:
                    issued = await services.issuer.issue_in(conn, prepared, "bench")
                lines.writelines(
                    json.dumps({"code": link.compose(config.public_url, one.signed)}) + "\n" for one in issued
                )
        keys = services.catalogue.snapshot.trust.keys
        corpus.keys.write_text(json.dumps({kid.hex(): _jwk(key.public_key) for kid, key in keys.items()}))
    return corpus


def start(config: Config, workers: int, **settings: str) -> AbstractContextManager[Server]:
    """`khoso serve` on this city."""
    port = free_port()
    command = [sys.executable, "-m", "khoso", "serve", "--workers", str(workers), "--port", str(port)]
    environment = {**os.environ, **to_environment(config), **settings}
    return serving(command, port, health="/readyz", environment=environment, patience_seconds=180)


def officer(config: Config, agency: str = AGENCY) -> Mapping[str, str]:
    """The header of an officer who may issue and withdraw."""
    return somebody(config, "credentials:issue", "credentials:change-status", agency=agency)


def somebody(config: Config, *scopes: str, agency: str = AGENCY) -> dict[str, str]:
    """The header of somebody of an agency who may do this."""
    caller = Caller(subject="bench", scopes=frozenset(scopes), agency_code=agency)
    key = KeyFiles(config.keys_dir).token_key()
    return {"Authorization": f"Bearer {make_token(key, config.public_url, caller, utc_now(), timedelta(hours=2))}"}


def house_permit(number: int) -> dict[str, Any]:
    """A request to issue, each for another dossier, another person and another house, as houses differ."""
    start_by = date(2027, 1, 1) + timedelta(days=number * 37 % 365)
    return {
        "type_code": "KQ.H17.000001",
        "dossier_code": f"H17.05.12-261120-{number:06}",
        "holder": {"kind": "person", "id": f"048{number:09}", "name": "Nguyễn Hoàng Phước Thịnh"},
        "fields": {
            "address": f"K{number % 97 + 1}/{number % 31 + 1} Nguyễn Thị Minh Khai",
            "owner": "Nguyễn Hoàng Phước Thịnh",
            "parcel": f"{number % 389 + 1}/32",
            "floors": number % 6 + 1,
            "height": f"{4 + number * 7 % 180 / 10:.1f}",
            "setback": f"{number * 3 % 60 / 10:.1f}",
            "start_by": start_by.isoformat(),
            "permit_number": f"{number % 4_999 + 1}/GPXD",
            "floor_area": f"{40 + number * 13 % 4_000 / 10:.1f}",
            "owner_id": f"048{number:09}",
        },
    }


def _convert(request: dict[str, Any]) -> IssueRequest:
    return msgspec.convert(request, IssueRequest)


def _jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (base64.urlsafe_b64encode(n.to_bytes(32)).rstrip(b"=").decode() for n in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
