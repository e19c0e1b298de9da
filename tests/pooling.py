"""A real PgBouncer before the tests' PostgreSQL: deploy/pgbouncer/pgbouncer.ini, with few connections."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import msgspec

from demo.launching import free_port
from khoso.config import Config
from khoso.embedded import APP, EmbeddedPostgres
from khoso.embedded.account import choose_account

CONFIG = Path(__file__).parents[1] / "deploy/pgbouncer/pgbouncer.ini"
PGBOUNCER = shutil.which("pgbouncer", path=os.pathsep.join([*os.get_exec_path(), "/usr/sbin"]))
CONNECTIONS = 2
"""To each database, for everybody."""


class Pooler:
    """PgBouncer on a port of its own, before every database of a server."""

    def __init__(self, server: EmbeddedPostgres, secret: str) -> None:
        self.port = free_port()
        self._server = server
        self._place = server.base / f"pgbouncer-{self.port}"
        self._account = choose_account(server.base / "pgdata")
        self._place.mkdir(mode=0o700)
        self._account.take(self._place)
        self._write("userlist.txt", secret)
        self._write("pgbouncer.ini", self._configuration())

    @contextmanager
    def running(self) -> Iterator[None]:
        """Until the end; may be run again."""
        assert PGBOUNCER is not None
        with (self._server.base / f"pgbouncer-{self.port}.log").open("ab") as log:
            process = self._account.spawn(PGBOUNCER, self._place / "pgbouncer.ini", output=log)
        try:
            self._await_listening(process)
            yield
        finally:
            process.terminate()
            process.wait(30)

    def before(self, config: Config) -> Config:
        """The same configuration, with this pooler before the database."""
        database = urlsplit(config.database_url).path
        url = f"postgresql://{APP}@127.0.0.1:{self.port}{database}?passfile={self._server.passfile(APP)}"
        direct = config.database_url
        # Debian 12 has PgBouncer 1.18.
        return msgspec.structs.replace(config, database_url=url, database_direct_url=direct, prepared_statements=0)

    def _configuration(self) -> str:
        address = parse_qs(urlsplit(self._server.dsn()).query)
        settings = ConfigParser(interpolation=None)
        settings.read(CONFIG)
        settings["databases"] = {"*": f"host={address['host'][0]} port={address['port'][0]}"}
        settings["pgbouncer"].update(
            {
                "listen_port": str(self.port),
                "auth_file": str(self._place / "userlist.txt"),
                "default_pool_size": str(CONNECTIONS),
                "server_tls_sslmode": "disable",
            }
        )
        written = StringIO()
        settings.write(written)
        return written.getvalue()

    def _write(self, name: str, text: str) -> None:
        (self._place / name).write_text(f"{text}\n")
        self._account.take(self._place / name)

    def _await_listening(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(f"PgBouncer does not listen: see {self._server.base}/pgbouncer-{self.port}.log")


async def make_pooler(server: EmbeddedPostgres) -> Pooler:
    """One that knows the application role by what PostgreSQL keeps of its password."""
    admin = await asyncpg.connect(server.dsn())
    secret = await admin.fetchval(
        'SELECT format(\'"%s" "%s"\', rolname, rolpassword) FROM pg_authid WHERE rolname = $1', APP
    )
    await admin.close()
    return Pooler(server, secret)
