"""The brake: whoever issues far above his usual rate is held until another person has looked.

Papers are counted in the transaction that issues them, with the subject's row locked: on whatever worker he issues, no
paper is recorded of somebody who is held. The act that goes over the line is still done, and he is held from then on.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from khoso.auditing import store as auditing
from khoso.db import Connection
from khoso.errors import IssuingHeld
from khoso.issuance import pace_store as store
from khoso.issuance.model import Hold

USUAL = timedelta(days=28)
"""How far back the busiest hour is looked for."""

Act = tuple[str, str]
"""Who issues, and for which agency."""


async def count(conn: Connection, acts: Iterable[Act], now: datetime) -> None:
    """Count papers as issued, one for each act, and hold whoever now has too many.

    Raises IssuingHeld if one of them is held already. Last in a transaction: the subjects stay locked until its commit,
    and whoever waits for them must not hold what these would wait for.
    """
    counted = Counter(acts)
    shares = _by_subject(counted)
    hour = now.replace(minute=0, second=0, microsecond=0)
    paces = await store.count_papers(conn, shares, hour, hour - USUAL)
    if len(paces) < len(shares):
        raise IssuingHeld({share.subject for share in shares} - {pace.subject for pace in paces})
    for pace in paces:
        allowed = max(pace.per_hour, pace.times_usual * pace.most)
        if pace.papers - pace.cleared > allowed:
            await _hold(conn, pace, allowed, now)


def _by_subject(counted: Counter[Act]) -> list[store.Share]:
    """One for each subject, in rising order; who acts for two agencies at once counts for the first."""
    shares: dict[str, store.Share] = {}
    for (subject, agency_code), papers in sorted(counted.items()):
        standing = shares.get(subject, store.Share(subject, agency_code, 0))
        shares[subject] = store.Share(subject, standing.agency_code, standing.papers + papers)
    return list(shares.values())


async def _hold(conn: Connection, pace: store.Pace, allowed: int, now: datetime) -> None:
    hold = Hold(
        hold_id=uuid4(),
        subject=pace.subject,
        agency_code=pace.agency_code,
        held_at=now,
        papers=pace.papers,
        allowed=allowed,
    )
    await store.insert_hold(conn, hold, [(uuid4(), pace.subject), (uuid4(), pace.agency_code)])
    await auditing.append(conn, [auditing.Entry("khoso", "hold_issuing", f"{pace.subject} {hold.hold_id}")], now)
