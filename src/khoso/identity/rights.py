"""What somebody who has logged in may do: his own vault, and what he is granted in the agency that he acts for.

Read anew whenever a session is used or a token made; nothing of it is kept.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec

from khoso.caller import Caller, Hierarchy, act_for, agencies_to_act_for
from khoso.db import Connection
from khoso.errors import NotPermitted
from khoso.identity.model import Account, Client, GrantsOf, Level

_OWN_VAULT = frozenset({"vault:read"})


class Rights:
    """From grants to callers."""

    def __init__(
        self, grants_of: GrantsOf, hierarchy: Callable[[], Hierarchy], *, citizen_level: Level, officer_level: Level
    ) -> None:
        self._grants_of = grants_of
        self._hierarchy = hierarchy
        self._citizen_level = citizen_level
        self._officer_level = officer_level

    def opens_vault(self, level: Level) -> bool:
        """Whether somebody known so surely may open his own vault."""
        return level >= self._citizen_level

    async def list_agencies(self, conn: Connection, account: Account, level: Level) -> list[str]:
        """The agencies that a person may act for, by code."""
        if level < self._officer_level:
            return []
        return sorted(agencies_to_act_for(await self._grants_of(conn, account.subject), self._hierarchy()))

    async def find_person(self, conn: Connection, account: Account, level: Level, agency_code: str | None) -> Caller:
        """A person as he may act now; for an agency that he may act for no longer, he acts for none."""
        caller = Caller(subject=account.subject, scopes=frozenset())
        if agency_code is not None and level >= self._officer_level:
            caller = await self._act_for(conn, account.subject, agency_code) or caller
        if account.vault_id is None or not self.opens_vault(level):
            return caller
        return msgspec.structs.replace(caller, scopes=caller.scopes | _OWN_VAULT, vault_id=account.vault_id)

    async def find_system(self, conn: Connection, client: Client) -> Caller:
        """A system as it may act now for its agency; without any grant it may do nothing."""
        found = await self._act_for(conn, client.subject, client.agency_code)
        return found or Caller(subject=client.subject, scopes=frozenset(), agency_code=client.agency_code)

    async def find_end(self, conn: Connection, subject: str) -> datetime | None:
        """When the first of somebody's grants ends: what is made of them may not last longer."""
        ends = [grant.valid_until for grant in await self._grants_of(conn, subject) if grant.valid_until is not None]
        return min(ends, default=None)

    async def _act_for(self, conn: Connection, subject: str, agency_code: str) -> Caller | None:
        try:
            return act_for(subject, await self._grants_of(conn, subject), agency_code, self._hierarchy())
        except NotPermitted:
            return None


def limited(caller: Caller, scopes: frozenset[str]) -> Caller:
    """The caller with no more than these scopes."""
    kept = caller.scopes & scopes
    return msgspec.structs.replace(
        caller, scopes=kept, types={scope: types for scope, types in caller.types.items() if scope in kept}
    )
