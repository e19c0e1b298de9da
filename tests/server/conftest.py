import asyncio
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conftest import CITY, ORIGIN, build_city, prepare
from demo.launching import clean
from khoso.__main__ import main
from khoso.config import Config, to_environment
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


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        return json.loads(self.out)


Khoso = Callable[..., Ended]


@pytest.fixture
def khoso(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Khoso:
    """Runs a command in this process with these settings and nothing else of ours."""

    def run(*command: str, config: Config | None = None, stdin: str = "", **settings: str) -> Ended:
        with monkeypatch.context() as patch:
            environ = clean(os.environ) | ({} if config is None else to_environment(config)) | settings
            for name in os.environ.keys() - environ.keys():
                patch.delenv(name)
            for name, value in environ.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["khoso", *command])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            capfd.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Ended(int(ended.value.code or 0), out, err)

    return run
