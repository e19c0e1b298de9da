"""Who is asking, as every room sees him. `identity` finds out; the rooms decide what it allows."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from khoso.errors import NotPermitted

SCOPES = {
    "credentials:issue": "issue results for the token's agency",
    "credentials:read": "read results that the token's agency issued",
    "credentials:change-status": "revoke, suspend, restore and supersede results of the token's agency",
    "credentials:approve": "approve and cancel what others of the token's agency ordered",
    "vault:read": "read the results in the token's vault",
    "inspect": "verify as an inspector: the check is recorded under the token's name and shown to the holder",
    "catalogue:write": "publish result types",
    "metrics:read": "read the metrics",
}
"""Every scope there is, with what it allows."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One right, as an assignment gives it: what may be done, in which part of the administration, with which type."""

    scope: str
    agency_code: str
    """The root of the subtree of agencies that it reaches."""
    type_code: str | None = None
    """The one result type that it is limited to; None: every type."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whose token was found good."""

    subject: str
    """Who: a stable name of the person or system, which goes into the audit."""
    scopes: frozenset[str]
    types: Mapping[str, frozenset[str]] = {}
    """Scopes that are limited to some result types, with those; any other scope is good for every type."""
    agency_code: str | None = None
    """The agency he acts for."""
    vault_id: UUID | None = None
    """The vault that is his own."""

    @property
    def acting_agency(self) -> str:
        """The agency he acts for. Raises NotPermitted if the token names none."""
        if self.agency_code is None:
            raise NotPermitted("the token names no agency")
        return self.agency_code

    def may(self, scope: str, type_code: str | None = None) -> bool:
        """Whether the token allows what the scope names: with results of that type, or else with those of some type."""
        limits = self.types.get(scope)
        return scope in self.scopes and (type_code is None or limits is None or type_code in limits)
