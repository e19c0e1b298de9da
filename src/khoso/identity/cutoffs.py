"""Access tokens that ended before their time: every worker remembers whose, and learns of more within a second.

A token says what its owner was granted when it was made. When that changes, or a person is blocked, or a login ends,
all tokens made before are refused; whoever still has a right gets a new one by what he is granted now.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from khoso import db
from khoso.db import Connection, Pool
from khoso.errors import NotAuthenticated
from khoso.identity import cutoff_store as store
from khoso.identity.tokens import LONGEST_LIFETIME, Token

CHANNEL = store.CHANNEL


class Cutoffs:
    """The cut-offs, as one process remembers them."""

    def __init__(self, pool: Pool, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now
        self._version = 0
        self._ended: dict[str, float] = {}

    @property
    def known(self) -> Mapping[str, float]:
        """Since when tokens of whom are good again, in seconds since 1970."""
        return self._ended

    def check(self, token: Token) -> None:
        """Raise NotAuthenticated if tokens of its subject, or of its login, made when it was made, have ended."""
        for name in (token.caller.subject, token.caller.session_name):
            if name is not None and token.issued_at < self._ended.get(name, 0.0):
                raise NotAuthenticated("ended")

    async def end(self, conn: Connection, subject: str, at: datetime) -> None:
        """End all access tokens of a subject or a login that were issued before `at`, when the transaction commits.

        Whoever makes a token waits for the transaction, or has read what was granted before it: the later of `at` and
        the clock counts, so no token made by old rights stays good.
        """
        version = await store.raise_version(
            conn
        )  # first, for whoever makes tokens holds a subject and waits for nobody
        await store.lock(conn, subject)
        await store.end(conn, subject, max(at, self._now()), version)

    async def refresh(self) -> None:
        """Learn what has been ended since."""
        async with db.transaction(self._pool) as conn:
            version = await store.get_version(conn)
            if version == self._version:
                return
            found = await store.list_cutoffs(conn, self._version)
        oldest = (self._now() - LONGEST_LIFETIME).timestamp()
        known = {name: ended_at for name, ended_at in self._ended.items() if ended_at >= oldest}
        known |= {one.subject: one.ended_at.timestamp() for one in found if one.ended_at.timestamp() >= oldest}
        self._ended, self._version = known, max([version, *(one.version for one in found)])


async def time_of_token(conn: Connection, subject: str, session_name: str | None, now: datetime) -> datetime:
    """When a token made in this transaction is said to have been issued: after all that has ended tokens of its owner.

    Until the transaction ends nobody can end them. To be called before the owner's grants are read.
    """
    await store.lock(conn, subject)
    ended = await store.find_newest(conn, [subject, session_name or subject])
    return now if ended is None or ended <= now else ended


async def have_ended(conn: Connection, subject: str, made_at: datetime) -> bool:
    """Whether tokens of a subject that were made then have ended, all of them; of one login is not asked."""
    ended = await store.find_newest(conn, [subject])
    return ended is not None and made_at < ended
