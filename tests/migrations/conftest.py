from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from khoso.embedded import OWNER, EmbeddedPostgres


@pytest.fixture
async def empty(server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The owner's address of a database with nothing in it."""
    name = f"empty_{uuid4().hex}"
    admin = await asyncpg.connect(server.dsn())
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 OWNER {OWNER}")
    yield server.dsn(name, OWNER)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()
