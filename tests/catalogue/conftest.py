from collections.abc import AsyncIterator

import pytest

from conftest import ORIGIN, Clock, Database
from khoso import db
from khoso.catalogue.service import Catalogue
from khoso.db import Pool


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    """The application's connections to an empty catalogue of its own."""
    pool = await db.create_pool(database.app_dsn, 4)
    yield pool
    await pool.close()


@pytest.fixture
async def catalogue(pool: Pool, clock: Clock) -> Catalogue:
    return Catalogue(pool, origin=ORIGIN, now=clock)
