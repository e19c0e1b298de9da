"""Walking a chain: every hash is derived again, and the first row that is wrong is named with what became of it.

That something is wrong is certain; what became of it is the likeliest story of what lies there now.
"""

from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple

from khoso.auditing import store
from khoso.auditing.model import Fault, FaultKind
from khoso.auditing.store import Row
from khoso.db import Connection
from khoso.formats import audit_chain
from khoso.formats.audit_chain import GENESIS, Head

_FARTHEST_MOVE = 1_000
"""How many rows may have been deleted, and those behind renumbered, for the deletion to be recognised as one."""


class Mark(NamedTuple):
    """What a checkpoint knows of a chain at one length."""

    hash: bytes
    checkpoint: int


class Place(NamedTuple):
    """A place in a chain, with what stands as the hash of the row before it."""

    chain: int
    sequence: int
    previous: Any


async def check_chain(
    conn: Connection, chain: int, head: Head | None, marks: Mapping[int, Mark], advance: Callable[[int], None]
) -> Fault | None:
    """The first fault of a chain, by its head and by what checkpoints know of it at a length; None if it is sound.

    `advance` is told how many rows were read. Call it inside a transaction that sees one moment.
    """
    sequence, previous, hash_at_head = 1, GENESIS, GENESIS
    async with aclosing(store.read_chain(conn, chain)) as pages:
        async for rows in pages:
            for row in rows:
                if row.sequence != sequence or _hash_at(chain, sequence, previous, row) != row.hash:
                    return await _name(conn, row, Place(chain, sequence, previous), head)
                mark = marks.get(sequence)
                if mark is not None and mark.hash != row.hash:
                    return Fault("checkpoint_contradicts", chain, sequence, mark.checkpoint)
                if head is not None and sequence == head.length:
                    hash_at_head = row.hash
                sequence, previous = sequence + 1, row.hash
            advance(len(rows))
    return _check_end(chain, sequence - 1, head, hash_at_head, marks)


def _check_end(
    chain: int, length: int, head: Head | None, hash_at_head: bytes, marks: Mapping[int, Mark]
) -> Fault | None:
    """Whether a chain of good rows ends where its head and the checkpoints say."""
    seen = max(marks, default=0)
    if head is None:
        return Fault("head_changed", chain, length)
    if head.length > length:
        return Fault("truncated", chain, length + 1)
    if seen > length:
        return Fault("truncated", chain, length + 1, marks[seen].checkpoint)
    if head.hash != hash_at_head:
        return Fault("head_changed", chain, head.length)
    if head.length < length:
        return Fault("inserted", chain, head.length + 1)
    return None


async def _name(conn: Connection, row: Row, place: Place, head: Head | None) -> Fault:
    """What became of the row that should lie at a place where another was found."""
    if row.sequence < place.sequence or (head is not None and place.sequence > head.length):
        return Fault("inserted", place.chain, row.sequence)
    if row.sequence > place.sequence:
        return Fault("deleted", place.chain, place.sequence)
    kind = await _trace(conn, row, place)
    return Fault(kind, place.chain, place.sequence)


async def _trace(conn: Connection, row: Row, place: Place) -> FaultKind:
    """Look for the missing row further on."""
    before = row
    async with aclosing(store.read_chain(conn, place.chain, place.sequence)) as pages:
        async for rows in pages:
            for later in rows:
                if before is row and _moved_up(row, later, place.chain):
                    return "deleted"
                if _hash_at(*place, later) in (row.hash, later.hash):
                    return "reordered" if _changed_places(row, later, before.hash, place.chain) else "inserted"
                before = later
    return "changed"


def _hash_at(chain: int, sequence: int, previous: Any, row: Row) -> object:
    """The hash that a row has at a place; equal to nothing if no program can have written the row."""
    if None in row or previous is None:
        return object()
    return audit_chain.link(previous, chain, sequence, row.at, row.actor, row.act, row.subject)


def _moved_up(row: Row, following: Row, chain: int) -> bool:
    """Whether a row was written right behind another, but further down than both lie now."""
    return any(
        _hash_at(chain, following.sequence + moved, row.hash, following) == following.hash
        for moved in range(1, _FARTHEST_MOVE)
    )


def _changed_places(row: Row, later: Row, before_later: Any, chain: int) -> bool:
    """Whether a row was written where a later one lies: behind the one before that, or behind the later one."""
    hashes = [_hash_at(chain, later.sequence, previous, row) for previous in (before_later, later.hash)]
    return row.hash in hashes or later.hash in hashes
