"""How a city gets its first administrator: no password that somebody forgot to change, but a secret that is good once.

Whoever may run commands on the server makes it; it is printed, kept as a hash, good for an hour, and only while there
is no administrator. A person who has logged in redeems it.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import uuid4

from khoso import db
from khoso.auditing import store as auditing
from khoso.authority import store
from khoso.authority.model import PLATFORM_ADMIN, Assignment
from khoso.authority.service import ASSIGNING, audit
from khoso.caller import Caller
from khoso.db import Connection, Pool
from khoso.errors import InvitationRefused, NotPermitted

LIFETIME = timedelta(hours=1)

_SYSTEM = "client:"


class Invitations:
    """Becoming the first administrator."""

    def __init__(self, pool: Pool, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now

    async def invite(self, agency_code: str, actor: str) -> str:
        """A new secret. Raises InvitationRefused if there is an administrator, InvalidInput for an unknown agency."""
        secret, now = secrets.token_urlsafe(32), self._now()
        async with db.transaction(self._pool, ASSIGNING) as conn:
            await self._check_nobody(conn, now)
            await store.insert_invitation(conn, _hash(secret), agency_code, now, now + LIFETIME)
            await auditing.append(conn, [auditing.Entry(actor, "invite_administrator", agency_code)], now)
        return secret

    async def redeem(self, secret: str, caller: Caller) -> Assignment:
        """Become the administrator. Raises InvitationRefused for a secret that is not good, or is so no more.

        Also if there is an administrator by now; of several who come at once, one becomes it.
        """
        if caller.subject.startswith(_SYSTEM):
            raise NotPermitted("a person, not a system, becomes administrator")
        now, secret_hash = self._now(), _hash(secret)
        async with db.transaction(self._pool, ASSIGNING) as conn:
            await self._check_nobody(conn, now)
            agency_code = await store.use_invitation(conn, secret_hash, caller.subject, now)
            if agency_code is None:
                raise InvitationRefused("unknown, used or expired")
            return await _appoint(conn, caller.subject, agency_code, f"invitation:{secret_hash.hex()[:16]}", now)

    async def appoint(self, subject: str, agency_code: str, actor: str) -> Assignment:
        """Make an account that is known the administrator, without a secret: for whoever may run commands.

        Raises InvitationRefused if there is one, InvalidInput for an unknown agency.
        """
        now = self._now()
        async with db.transaction(self._pool, ASSIGNING) as conn:
            await self._check_nobody(conn, now)
            return await _appoint(conn, subject, agency_code, actor, now)

    async def _check_nobody(self, conn: Connection, now: datetime) -> None:
        """Until the commit nobody else becomes administrator this way."""
        await store.lock_administrators(conn)
        if await store.has_administrator(conn, now):
            raise InvitationRefused("there is an administrator, who appoints others")


async def _appoint(conn: Connection, subject: str, agency_code: str, granted_by: str, now: datetime) -> Assignment:
    assignment = Assignment(
        assignment_id=uuid4(),
        subject=subject,
        role=PLATFORM_ADMIN,
        agency_code=agency_code,
        type_code=None,
        valid_from=now,
        valid_until=None,
        granted_by=granted_by,
        granted_at=now,
    )
    await store.insert_assignment(conn, assignment)
    await audit(conn, granted_by, "assign", assignment, now)
    return assignment


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
