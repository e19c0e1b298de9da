"""Who is above whom, and who answers for whom, on one day: what every decision about rights is given.

Agencies come and go by their dates. For one that is no more, or not yet, nobody acts. What it issued stays in the
purview of those it stood below, and of its successors, who answer for it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

from khoso.catalogue.model import Agency, Successor


class Hierarchy:
    """The administration on one day. Each answer is worked out once."""

    def __init__(self, agencies: Iterable[Agency], successors: Iterable[Successor], day: date) -> None:
        self.day = day
        self._standing: set[str] = set()
        self._children: defaultdict[str, list[str]] = defaultdict(list)
        self._answered: defaultdict[str, list[str]] = defaultdict(list)
        self._below: dict[str, frozenset[str]] = {}
        self._answers: dict[str, frozenset[str]] = {}
        ended = set()
        for agency in agencies:
            if agency.valid_until is not None and agency.valid_until <= day:
                ended.add(agency.agency_code)
            elif agency.valid_from <= day:
                self._standing.add(agency.agency_code)
            if agency.parent_code is not None:
                self._children[agency.parent_code].append(agency.agency_code)
        for successor in successors:
            if successor.agency_code in ended and successor.since <= day:
                self._answered[successor.successor_code].append(successor.agency_code)

    def stands(self, agency_code: str) -> bool:
        """Whether the agency is known and in being."""
        return agency_code in self._standing

    def below(self, agency_code: str) -> frozenset[str]:
        """The agency, all below it, and whom any of them answers for; nothing if the agency is not in being."""
        if agency_code not in self._standing:
            return frozenset()
        found = self._below.get(agency_code)
        if found is None:
            subtree = _follow({agency_code}, self._children)
            found = self._below[agency_code] = _follow(subtree, self._answered)
        return found

    def answered_for(self, agency_code: str) -> frozenset[str]:
        """The agency and those, no more, that it answers for; nothing if the agency is not in being."""
        if agency_code not in self._standing:
            return frozenset()
        found = self._answers.get(agency_code)
        if found is None:
            found = self._answers[agency_code] = _follow({agency_code}, self._answered)
        return found


def _follow(start: Iterable[str], ways: Mapping[str, list[str]]) -> frozenset[str]:
    """Everything that the ways lead to from there, the start too; a circle ends where it began."""
    found, waiting = set(start), list(start)
    while waiting:
        following = set(ways.get(waiting.pop(), ())) - found
        found |= following
        waiting.extend(following)
    return frozenset(found)
