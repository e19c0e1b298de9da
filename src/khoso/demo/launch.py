"""`khoso demo`: a whole Kho Số on this machine, from nothing, with papers to scan."""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
from rich.console import Console

from khoso.caller import Caller
from khoso.config import Config
from khoso.demo import store
from khoso.demo.build import Demonstration, load_demonstration
from khoso.embedded import EmbeddedPostgres, provision
from khoso.identity.tokens import make_token
from khoso.migrating import migrate
from khoso.pages.sheet import render_sheet
from khoso.rendering.qr import qr_png, qr_terminal
from khoso.signing.files import KeyFiles
from khoso.wiring import open_services, utc_now

_ROOT_BASE = Path("/var/lib/khoso-demo")
_TOKEN_LIFETIME = timedelta(days=1)


@contextmanager
def own_database(config: Config) -> Iterator[Config]:
    """The configuration with a database: the one it names, or an embedded PostgreSQL for as long as this lasts."""
    if config.database_url:
        if config.database_owner_url:
            asyncio.run(migrate(config.database_owner_url))
        yield config
        return
    with EmbeddedPostgres(_base(config.data_dir), bindir=config.pg_bindir) as server:
        provisioned = asyncio.run(provision(server))
        asyncio.run(migrate(provisioned.owner_dsn))
        yield msgspec.structs.replace(
            config, database_url=provisioned.app_dsn, database_owner_url=provisioned.owner_dsn
        )


def _base(data_dir: Path) -> Path:
    """Where the embedded database lies. Root's runs as another account, which cannot enter root's closed home."""
    if os.geteuid() != 0:
        return data_dir / "postgres"
    name = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]
    return _ROOT_BASE / name


async def prepare(config: Config) -> tuple[Demonstration, store.Place]:
    """Keys, catalogue and papers, made or found; and whose the first paper is."""
    KeyFiles(config.keys_dir).prepare()
    async with open_services(config) as services:
        demonstration = await load_demonstration(config, services, utc_now)
        return demonstration, await store.get_place(services.pool, demonstration.papers[0].result_code)


def announce(console: Console, config: Config, demonstration: Demonstration, place: store.Place) -> None:
    """Say where to look, with what, and what to scan."""
    first = demonstration.papers[0]
    console.print(qr_terminal(first.code or ""), highlight=False, soft_wrap=True)
    console.print(f"[bold]Kho Số[/] đang chạy tại | is running at [bold]{config.public_url}[/]")
    console.print(f"  Kiểm tra giấy | verify a paper:        {config.public_url}/v")
    console.print(f"  Giấy để quét thử | papers to scan:     {config.public_url}/demo/papers")
    console.print(f"  Giao diện lập trình | API:             {config.public_url}/docs/api")
    console.print(f"  {len(demonstration.papers)} giấy, bản in và ảnh | sheet and pictures: {sheet_dir(config)}")
    console.print(f"  Mã tra cứu | look-up code of the code above: {first.lookup_code}")
    console.print("\nMã truy cập một ngày | access tokens for a day (Authorization: Bearer …):")
    for title, token in _tokens(config, place):
        console.print(f"[bold]{title}[/]")
        console.print(token, soft_wrap=True, highlight=False)
    console.print("\nCtrl-C để dừng | to stop")


def demo_config(config: Config) -> Config:
    """The configuration of a demonstration: it is reached where it listens, unless it is told its address."""
    if config.public_url == Config().public_url:
        return msgspec.structs.replace(
            config, public_url=f"http://localhost:{config.port}", demo=True, log_level="warning"
        )
    return msgspec.structs.replace(config, demo=True)


def write_sheet(config: Config, demonstration: Demonstration) -> None:
    """The sheet to print and a picture of every code, written once."""
    directory = sheet_dir(config)
    sheet = directory / "papers.html"
    if sheet.exists():
        return
    pictures = directory / "codes"
    pictures.mkdir(parents=True, exist_ok=True)
    for paper in demonstration.papers:
        if paper.code is not None:
            (pictures / f"{paper.slug}.png").write_bytes(qr_png(paper.code, module_px=8))
    sheet.write_text(render_sheet(demonstration.with_pictures()), "utf-8")


def sheet_dir(config: Config) -> Path:
    """Where the printable sheet and the pictures are written."""
    return config.data_dir.resolve() / "demo"


def _tokens(config: Config, place: store.Place) -> Iterator[tuple[str, str]]:
    callers = {
        f"Cán bộ | officer of {place.agency_code}": Caller(
            subject="demo-officer",
            scopes=frozenset({"credentials:issue", "credentials:read", "credentials:change-status"}),
            agency_code=place.agency_code,
        ),
        "Người dân | citizen": Caller(
            subject="demo-citizen", scopes=frozenset({"vault:read"}), vault_id=place.vault_id
        ),
        "Thanh tra | inspector": Caller(
            subject="demo-inspector", scopes=frozenset({"inspect"}), agency_code=place.agency_code
        ),
        "Vận hành | operator": Caller(subject="demo-operator", scopes=frozenset({"catalogue:write", "metrics:read"})),
    }
    key = KeyFiles(config.keys_dir).token_key()
    for title, caller in callers.items():
        yield title, make_token(key, config.public_url, caller, utc_now(), _TOKEN_LIFETIME)
