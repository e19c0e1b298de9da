from pathlib import Path

import httpx
import pytest

from desk import Desk
from grounds import Clock
from khoso.config import Config


@pytest.fixture
def desk(client: httpx.AsyncClient, key_dir: Path, clock: Clock, config: Config) -> Desk:
    return Desk(client, key_dir, clock, config.database_owner_url)
