import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from grounds import CITY, ORIGIN, build_city, prepare
from khoso.config import Config
from khoso.embedded import APP, OWNER
from own_postgres import own_postgres


@pytest.fixture
def durable_config(key_dir: Path, tmp_path: Path) -> Iterator[Config]:
    """A city on a PostgreSQL that waits for the disk."""
    with own_postgres({}) as postgres:
        asyncio.run(prepare(postgres.server))
        asyncio.run(build_city(postgres.server, key_dir))
        yield Config(
            database_url=postgres.server.dsn(CITY, APP),
            database_owner_url=postgres.server.dsn(CITY, OWNER),
            public_url=ORIGIN,
            keys_dir=key_dir,
            data_dir=tmp_path,
        )
