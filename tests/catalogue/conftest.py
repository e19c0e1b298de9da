from collections.abc import AsyncIterator, Callable

import pytest

from catalogue.keys import make_root
from grounds import ORIGIN, Clock, Database
from khoso import db
from khoso.catalogue.service import Catalogue
from khoso.db import Pool
from khoso.formats.documents import keys_by_kid
from khoso.signing.files import DocumentSigner


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    """The application's connections to an empty catalogue of its own."""
    pool = await db.create_pool(database.app_dsn, 4)
    yield pool
    await pool.close()


@pytest.fixture
def root() -> DocumentSigner:
    """A root at hand."""
    return make_root()


@pytest.fixture
def another(pool: Pool, clock: Clock, root: DocumentSigner) -> Callable[[], Catalogue]:
    """Makes workers on this catalogue, each with what it believes itself."""
    return lambda: Catalogue(pool, origin=ORIGIN, roots=keys_by_kid(root.public_key), root=root, now=clock)


@pytest.fixture
async def catalogue(another: Callable[[], Catalogue]) -> Catalogue:
    return another()
