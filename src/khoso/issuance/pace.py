"""The brake: whoever issues far above his usual rate is held until another person has looked.

Papers are counted in the transaction that issues them, with the subject's row locked: on whatever worker he issues, no
paper is recorded of somebody who is held. The act that goes over the line is still done, and he is held from then on.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from khoso.auditing import store as auditing
from khoso.db import Connection
from khoso.errors import IssuingHeld
from khoso.issuance import pace_store as store
from khoso.issuance.model import Credential, Hold
from khoso.times import hour_of

USUAL = timedelta(days=28)
"""How far back the busiest hour is looked for."""

SETTLED = timedelta(days=1)
"""What is younger is not usual yet: else whoever has stolen an account could do thrice as much every hour."""

Act = tuple[str, str]
"""Who issues, and for which agency."""


async def count(conn: Connection, credentials: Sequence[Credential], actors: Sequence[str], now: datetime) -> None:
    """Count papers as issued, each by its actor, with the event of each; hold whoever now has too many.

    Raises IssuingHeld if one of them is held already. Last in a transaction: the subjects stay locked until its commit,
    and whoever waits for them must not hold what these would wait for.
    """
    shares = _by_subject(Counter(zip(actors, (one.agency_code for one in credentials), strict=True)))
    places = [(one.vault_id, one.credential_id) for one in credentials]
    paces = await store.count_papers(conn, shares, places, now)
    if len(paces) < len(shares):
        raise IssuingHeld({share.subject for share in shares} - {pace.subject for pace in paces})
    agencies = {share.subject: share.agency_code for share in shares}
    for pace in paces:
        if pace.papers > pace.least:
            await _judge(conn, pace, agencies[pace.subject], now)


def _by_subject(counted: Counter[Act]) -> list[store.Share]:
    """One for each subject, in rising order; who acts for two agencies at once counts for the first."""
    shares: dict[str, store.Share] = {}
    for (subject, agency_code), papers in sorted(counted.items()):
        standing = shares.get(subject, store.Share(subject, agency_code, 0))
        shares[subject] = store.Share(subject, standing.agency_code, standing.papers + papers)
    return list(shares.values())


async def _judge(conn: Connection, pace: store.Pace, agency_code: str, now: datetime) -> None:
    """Hold him if he has issued more than he may."""
    hour = hour_of(now)
    allowed = await store.get_allowance(conn, pace.subject, agency_code, hour - USUAL, hour - SETTLED)
    if pace.papers <= allowed:
        return
    hold = Hold(
        hold_id=uuid4(),
        subject=pace.subject,
        agency_code=agency_code,
        held_at=now,
        papers=pace.papers,
        allowed=allowed,
    )
    await store.insert_hold(conn, hold, [(uuid4(), pace.subject), (uuid4(), agency_code)])
    await auditing.append(conn, [auditing.Entry("khoso", "hold_issuing", f"{pace.subject} {hold.hold_id}")], now)
