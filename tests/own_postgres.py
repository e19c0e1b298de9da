"""A PostgreSQL for one test alone, which it may stop and start."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from economy import making_room
from khoso.embedded import EmbeddedPostgres


class OwnPostgres:
    """Runs when it is made; `stop` and `start` keep its data."""

    server: EmbeddedPostgres

    def __init__(self, base: Path, settings: Mapping[str, str]) -> None:
        self._base = base
        self._settings = settings
        self._running = ExitStack()
        self.start()

    def start(self) -> None:
        self.server = self._running.enter_context(EmbeddedPostgres(self._base, settings=self._settings))

    def stop(self) -> None:
        self._running.close()


@contextmanager
def own_postgres(settings: Mapping[str, str]) -> Iterator[OwnPostgres]:
    with making_room() as room:
        postgres = OwnPostgres(room / "base", settings)
        try:
            yield postgres
        finally:
            postgres.stop()
