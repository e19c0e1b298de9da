"""What all checkpoints together say of the chains, those in the database and those kept outside."""

from collections.abc import Iterable, Sequence
from contextlib import aclosing

from khoso.auditing import store
from khoso.auditing.checking import Mark
from khoso.auditing.model import Fault, FaultKind
from khoso.db import Connection
from khoso.formats import audit_chain
from khoso.formats.audit_chain import Checkpoint, Head, PublicKey
from khoso.formats.malformed import Malformed


class Signed:
    """Checkpoints, read one after the other."""

    def __init__(self, keys: Sequence[PublicKey]) -> None:
        self._keys = keys
        self._newest = Checkpoint(0, 0, ())
        self._last_stored = 0
        self.count = 0
        self.marks: dict[int, dict[int, Mark]] = {}
        """By chain and length."""
        self.faults: list[Fault] = []

    async def read_stored(self, conn: Connection) -> None:
        """Those in the database, whose numbers have no gaps; inside a transaction."""
        async with aclosing(store.read_checkpoints(conn)) as pages:
            async for page in pages:
                for one in page:
                    if one.number != self._last_stored + 1:
                        self._blame("checkpoint_missing", self._last_stored + 1)
                    self._last_stored = one.number
                    self._read(one.signed, one.number)

    def read_outside(self, texts: Iterable[str]) -> None:
        """Those that a log has kept; the database must know of all of them."""
        for text in texts:
            self._read(text, None)
        if self._newest.number > self._last_stored:
            self._blame("checkpoint_missing", self._newest.number)

    def count_newer(self, heads: Iterable[Head]) -> int:
        """How many rows the newest checkpoint does not cover."""
        covered = sum(head.length for head in self._newest.heads)
        return max(0, sum(head.length for head in heads) - covered)

    def _read(self, text: str, number: int | None) -> None:
        self.count += 1
        try:
            checkpoint = audit_chain.read_checkpoint(text, self._keys)
        except Malformed:
            self._blame("checkpoint_not_ours", number)
            return
        if number not in (None, checkpoint.number):
            self._blame("checkpoint_missing", number)
        self._newest = max(self._newest, checkpoint)
        for head in checkpoint.heads:
            self._mark(head, checkpoint.number)

    def _mark(self, head: Head, number: int) -> None:
        mark = self.marks.setdefault(head.chain, {}).setdefault(head.length, Mark(head.hash, number))
        if mark.hash != head.hash:
            self.faults.append(Fault("checkpoint_contradicts", head.chain, head.length, number))

    def _blame(self, kind: FaultKind, number: int | None) -> None:
        self.faults.append(Fault(kind, checkpoint=number))
