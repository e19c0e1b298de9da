"""Signing where the chains end, and checking that they hold what was written."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from khoso import db
from khoso.auditing import store
from khoso.auditing.checking import check_chain
from khoso.auditing.checkpoints import Signed
from khoso.auditing.model import Report
from khoso.auditing.store import StoredCheckpoint
from khoso.bounds import Bounds
from khoso.db import Connection, Pool
from khoso.errors import AuditNotSound
from khoso.formats import audit_chain
from khoso.formats.audit_chain import Checkpoint, Head, PrivateKey, PublicKey
from khoso.formats.malformed import Malformed

AUDITING = Bounds(duty="audit")


async def make_checkpoint(pool: Pool, key: PrivateKey, now: datetime) -> str:
    """Sign where all chains end now, and keep it; the last checkpoint if nothing was written since.

    Raises AuditNotSound, and signs nothing, if a chain does not end in its head or no longer holds the last checkpoint.
    """
    async with db.transaction(pool, AUDITING) as conn:
        heads = await store.list_heads(conn)
        last = await store.find_last_checkpoint(conn)
        known = [] if last is None else _heads_of(last, key.public_key())
        if last is not None and heads == known:
            return last.signed
        await _check_ends(conn, heads, known)
        number = 1 if last is None else last.number + 1
        checkpoint = Checkpoint(number, audit_chain.microseconds(now), tuple(heads))
        return await store.keep_checkpoint(conn, number, audit_chain.sign_checkpoint(checkpoint, key))


def _heads_of(checkpoint: StoredCheckpoint, key: PublicKey) -> list[Head]:
    """What a checkpoint says; nothing if another key has signed it, for a new key begins anew."""
    try:
        return list(audit_chain.read_checkpoint(checkpoint.signed, [key]).heads)
    except Malformed:
        return []


async def _check_ends(conn: Connection, heads: Sequence[Head], known: Sequence[Head]) -> None:
    """Raise AuditNotSound unless every head, and every one known from before, has its row, and none has gone back."""
    ends = [head for head in (*heads, *known) if head.length]
    missing = set(ends) - await store.list_ends(conn, ends)
    length = {head.chain: head.length for head in heads}
    missing |= {head for head in known if head.length > length.get(head.chain, -1)}
    if missing:
        raise AuditNotSound(f"no checkpoint was signed, because of chain {min(missing).chain}: run `khoso audit check`")


async def check(
    pool: Pool,
    keys: Sequence[PublicKey],
    outside: Iterable[str],
    *,
    begin: Callable[[int], None],
    advance: Callable[[int], None],
) -> Report:
    """Check everything, as of one moment, against the checkpoints in the database and those kept outside.

    `begin` is told how many rows there are to read, `advance` how many more have been. Memory grows with the number of
    checkpoints, not with that of rows.
    """
    signed, rows = Signed(keys), 0

    def count(more: int) -> None:
        nonlocal rows
        rows += more
        advance(more)

    async with db.snapshot(pool, AUDITING) as conn:
        heads = {head.chain: head for head in await store.list_heads(conn)}
        begin(sum(head.length for head in heads.values()))
        await signed.read_stored(conn)
        signed.read_outside(outside)
        chains = {*heads, *signed.marks, *await store.list_chains(conn)}
        found = [
            await check_chain(conn, chain, heads.get(chain), signed.marks.get(chain, {}), count)
            for chain in sorted(chains)
        ]
    faults = [*signed.faults, *(fault for fault in found if fault is not None)]
    return Report(rows, signed.count, signed.count_newer(heads.values()), faults)
