"""Where a demonstration keeps what it makes, and who may use it."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from khoso import embedded
from khoso.demo.errors import DemoRunning
from khoso.embedded.errors import EmbeddedBaseInUse
from khoso.embedded.locks import hold
from khoso.errors import ConfigurationError

_FORMER_RUN_PATIENCE_SECONDS = 30


class Places:
    """The files of the demonstration of one data directory."""

    root_base = Path("/var/lib/khoso-demo")
    """Root's databases: PostgreSQL runs as another account, which cannot enter root's closed home."""

    def __init__(self, data_dir: Path) -> None:
        data_dir = data_dir.resolve()
        self.directory = data_dir / "demo"
        self.papers = self.directory / "papers.json"
        self.sheet = self.directory / "papers.html"
        self.codes = self.directory / "codes"
        self.env = self.directory / "env"
        self.provider_secret = self.directory / "provider-secret"
        self.provider_log = self.directory / "provider.log"
        self._database = data_dir / "postgres"
        self._lists = data_dir / "lists"
        self._root_name = hashlib.sha256(bytes(data_dir)).hexdigest()[:12]

    @contextmanager
    def held(self) -> Iterator[int]:
        """Have the directory to oneself. Yields the lock to hand to the server, which must be gone before the next.

        Raises DemoRunning, or ConfigurationError where nothing can be written.
        """
        with ExitStack() as locks:
            try:
                self.directory.mkdir(parents=True, exist_ok=True)
                locks.enter_context(hold(self.directory / "launcher.lock"))
                lock = locks.enter_context(hold(self.directory / "server.lock", _FORMER_RUN_PATIENCE_SECONDS))
            except EmbeddedBaseInUse:
                raise DemoRunning(
                    f"{self.directory}: end it with Ctrl-C where it runs, or start this one with another "
                    "KHOSO_DATA_DIR and another --port"
                ) from None
            except OSError as error:
                raise ConfigurationError(
                    f"{error.filename}: {error.strerror}; name a directory of yours in KHOSO_DATA_DIR"
                ) from None
            yield lock

    def database(self) -> Path:
        """Where the embedded PostgreSQL lies."""
        if os.geteuid() != 0:
            return self._database
        self.root_base.mkdir(parents=True, exist_ok=True)
        self.root_base.chmod(0o711)  # whatever the umask is
        return self.root_base / self._root_name

    def clear(self) -> None:
        """Remove what demonstrations made here, and nothing else. Keys are never removed."""
        embedded.remove(self.database())
        for file in (self.papers, self.sheet, self.env):
            file.unlink(missing_ok=True)
        # Else the lists of the next demonstration would be refused as older than those of the last.
        for directory in (self.codes, self._lists):
            shutil.rmtree(directory, ignore_errors=True)
