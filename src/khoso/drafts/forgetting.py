"""What of drafts is kept only for a while."""

from datetime import datetime, timedelta

from khoso import db
from khoso.bounds import Bounds
from khoso.db import Pool
from khoso.drafts import store

FORGOTTEN_AFTER = timedelta(days=180)
"""How long it is kept what an ended draft asked for.

People may complain within 90 days of the day on which they learned of a decision (Law 02/2011/QH13, article 9). When
that was is written nowhere here: so as long again.
"""


async def forget_drafts(pool: Pool, now: datetime, at_a_time: int = 1_000) -> None:
    """Forget what drafts asked for that ended long ago, so many in a transaction, until there are no more."""
    forgotten = at_a_time
    while forgotten == at_a_time:
        async with db.transaction(pool, Bounds(duty="forget")) as conn:
            forgotten = await store.forget_requests(conn, now - FORGOTTEN_AFTER, at_a_time)
