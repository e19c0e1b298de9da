"""What may take the place of a published list: a withdrawal that was published is undone by an act and nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from khoso.formats.status_list import Status, StatusList
from khoso.publishing.model import Change, Comparison, Refused, Standing

RESTORE = "restore"


@dataclass(slots=True)
class Draft:
    """A list on its way from one publication to the next; without any, from nothing."""

    statuses: StatusList = field(default_factory=StatusList)
    version: int = -1
    recorded: int = 0
    issued: int = 0
    """Papers that became valid without an act: they have to be new."""

    def apply(self, changes: Iterable[Change], newest_acts: Mapping[UUID, str]) -> None:
        """Take over changes, given the newest act on each that `becoming_valid` names.

        Raises Refused for one that nobody ordered.
        """
        for change in changes:
            if self._becomes_valid(change):
                self._admit(change, newest_acts.get(change.credential_id))
            self.statuses[change.status_index] = change.status

    def becoming_valid(self, changes: Iterable[Change]) -> list[Change]:
        """Those of the changes that make valid what was published as something else."""
        return [change for change in changes if self._becomes_valid(change)]

    def _becomes_valid(self, change: Change) -> bool:
        return change.status == Status.VALID and self.statuses[change.status_index] is not Status.VALID

    def _admit(self, change: Change, newest_act: str | None) -> None:
        if newest_act is None and self.statuses[change.status_index] is Status.INVALID:
            self.issued += 1
        elif newest_act != RESTORE:
            raise Refused("unauthorised_valid")

    def finish(self, standing: Standing) -> None:
        """Raise Refused if more became valid than was issued since."""
        assert standing.recorded is not None  # `check_standing` came before
        if self.issued > standing.recorded - self.recorded:
            raise Refused("more_valid_than_issued")


def check_standing(standing: Standing, held: int) -> None:
    """Raise Refused if the record of a list is behind what was published of it, here or in the version held."""
    if standing.version is None or standing.recorded is None:
        raise Refused("list_gone")
    if standing.version < max(standing.published_version or 0, held):
        raise Refused("rolled_back")
    if standing.recorded < (standing.published_recorded or 0):
        raise Refused("shrinkage")


def check_comparison(comparison: Comparison, published: StatusList, recorded: int) -> None:
    """Raise Refused if papers vanished from the record, or if it was changed without a new version of its list."""
    if comparison.recorded < recorded:
        raise Refused("shrinkage")
    if comparison.differing or comparison.covered != count_valid(published):
        raise Refused("record_differs")


def count_valid(statuses: StatusList) -> int:
    """How many values of a list are VALID, which is two bits of zero."""
    value = int.from_bytes(statuses.data)
    lower_bits = int.from_bytes(b"\x55" * len(statuses.data))
    return len(statuses) - ((value | value >> 1) & lower_bits).bit_count()


def count_issued(statuses: StatusList) -> int:
    """How many values of a list are not INVALID, which is a one in the lower of two bits alone."""
    value = int.from_bytes(statuses.data)
    lower_bits = int.from_bytes(b"\x55" * len(statuses.data))
    return len(statuses) - (value & ~(value >> 1) & lower_bits).bit_count()
