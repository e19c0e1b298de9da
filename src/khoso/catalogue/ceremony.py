"""The ceremony: how a trust list gets its signature on a machine that has no network and no database.

    khoso keys trust draft       on line: what the rows ask for, as JSON, with the list that stands
    khoso keys trust sign        off line: shows what would change, and signs
    khoso keys trust publish     on line: checks it again, and lets it be believed

What is shown is computed on the machine that signs, from the draft and from the standing list that the same root has
signed: the machine that made the draft need not be believed. A draft that withholds that list shows everything as new.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

import msgspec

from khoso.catalogue.drafts import Draft, DraftKey, DraftPublisher, write_key, write_publisher
from khoso.catalogue.trusting import NOBODY, to_seconds
from khoso.errors import InputProblem, InvalidInput
from khoso.formats.documents import NotBelieved, PublicKeys
from khoso.formats.malformed import Malformed
from khoso.formats.trust import KeyState, Trust, TrustedKey
from khoso.formats.trust_list import STATES, unseal_trust

MAX_CLOCK_SKEW = 300
"""Seconds by which the clock of the machine that signs may be ahead."""


class Change(NamedTuple):
    """One difference between two lists; `before` or `after` is None where there is nothing."""

    kind: str
    """`agency`, `key` or `publisher`."""
    name: str
    member: str
    before: str | None
    after: str | None


class Loss(NamedTuple):
    """Something by which papers that are good would read as forged."""

    kind: str
    name: str
    what: str


def find_present(draft: Draft, roots: PublicKeys) -> Trust:
    """The list that stands, if one of these roots has signed it; else one in which nothing stands."""
    try:
        return unseal_trust(draft.present, roots, draft.origin)
    except (Malformed, NotBelieved):
        return NOBODY


def check(trust: Trust) -> None:
    """Raise InvalidInput for a list that does not hold together."""
    problems = [
        InputProblem(
            key.kid.hex(),
            "unknown_agency",
            f"cơ quan {key.agency_code} không có trong danh sách | {key.agency_code} is not in the list",
        )
        for key in trust.keys.values()
        if key.agency_code not in trust.agencies
    ]
    problems += [
        InputProblem(
            agency.code, "unknown_successor", f"cơ quan {code} không có trong danh sách | {code} is not in the list"
        )
        for agency in trust.agencies.values()
        for code in agency.successors
        if code not in trust.agencies
    ]
    if problems:
        raise InvalidInput(*problems)
    refuse_circles({agency.code: agency.successors for agency in trust.agencies.values()})


def refuse_circles(successors: Mapping[str, Iterable[str]]) -> None:
    """Whoever asks who answers for an agency now must come to an end. Raises InvalidInput."""
    try:
        TopologicalSorter(successors).prepare()
    except CycleError:
        message = (
            "cơ quan không thể kế thừa chính mình, kể cả qua cơ quan khác"
            " | an agency cannot follow itself, not over others either"
        )
        raise InvalidInput(InputProblem("successor_code", "circle", message)) from None


def check_next(trust: Trust, present: Trust, now: datetime) -> None:
    """Raise InvalidInput unless the list can follow the one that stands."""
    if trust.version <= present.version:
        message = (
            f"phiên bản {trust.version} không tiếp theo {present.version}: lập dự thảo mới"
            f" | version {trust.version} does not follow {present.version}: make a new draft"
        )
        raise InvalidInput(InputProblem("version", "rolled_back", message))
    if trust.expires_at <= to_seconds(now):
        raise InvalidInput(
            InputProblem(
                "expires_at",
                "expired",
                "danh sách đã hết hạn: ký dự thảo mới | the list has ended already: sign a new draft",
            )
        )
    if trust.issued_at > to_seconds(now) + MAX_CLOCK_SKEW:
        message = (
            "thời điểm ký ở tương lai: chỉnh đồng hồ máy ký rồi ký lại"
            " | signed in the future: set the clock of the machine that signs, and sign again"
        )
        raise InvalidInput(InputProblem("issued_at", "clock", message))
    check(trust)


def refuse_losses(losses: Iterable[Loss]) -> None:
    """Raise InvalidInput naming all of them."""
    problems = [
        InputProblem(
            loss.name,
            "loss",
            f"mất so với trước; thêm --force nếu cố ý | {loss.kind} {loss.what}; --force if it is meant",
        )
        for loss in losses
    ]
    if problems:
        raise InvalidInput(*problems)


def list_changes(before: Trust, after: Trust) -> list[Change]:
    """All differences that matter to a verifier, but for version and times of the lists."""
    old, new = dict(_facts(before)), dict(_facts(after))
    changed = sorted(fact for fact in old.keys() | new.keys() if old.get(fact) != new.get(fact))
    return [Change(*fact, old.get(fact), new.get(fact)) for fact in changed]


def find_losses(before: Trust, after: Trust) -> Iterator[Loss]:
    """What would make good papers, or lists, of the standing list read as forged."""
    for code, agency in before.agencies.items():
        following = after.agencies.get(code)
        if following is None:
            yield Loss("agency", code, "would be gone")
        elif agency.may_issue - following.may_issue:
            types = " ".join(sorted(agency.may_issue - following.may_issue))
            yield Loss("agency", code, f"could never have issued {types}")
    for kid, key in before.keys.items():
        yield from _key_losses(key, after.keys.get(kid))
    for kid in before.publishers.keys() - after.publishers.keys():
        yield Loss("publisher", kid.hex(), "would be gone")


def _key_losses(key: TrustedKey, following: TrustedKey | None) -> Iterator[Loss]:
    name = key.kid.hex()
    if following is None:
        yield Loss("key", name, "would be gone")
        return
    if following.agency_code != key.agency_code:
        yield Loss("key", name, f"would be {following.agency_code}'s")
    if STATES.index(following.state) < STATES.index(key.state):
        yield Loss("key", name, f"would go back from {key.state} to {following.state}")
    if following.state is KeyState.COMPROMISED and following.honest_digest in (None, b""):
        yield Loss("key", name, "would have no honest set")
    if key.honest_digest not in (None, following.honest_digest):
        yield Loss("key", name, "would have another honest set")
    if following.valid_from > key.valid_from:
        yield Loss("key", name, "would begin later")
    if key.valid_until is not None and (following.valid_until or key.valid_until) < key.valid_until:
        yield Loss("key", name, "would end earlier")


def _facts(trust: Trust) -> Iterator[tuple[tuple[str, str, str], str]]:
    for agency in trust.agencies.values():
        yield ("agency", agency.code, "name"), f"{agency.name_vi} | {agency.name_en}"
        yield from ((("agency", agency.code, f"may issue {code}"), "yes") for code in agency.may_issue)
        if agency.successors:
            yield ("agency", agency.code, "successors"), " ".join(agency.successors)
    for key in trust.keys.values():
        yield from _written_facts("key", write_key(key))
    for publisher in trust.publishers.values():
        yield from _written_facts("publisher", write_publisher(publisher))


def _written_facts(kind: str, written: DraftKey | DraftPublisher) -> Iterator[tuple[tuple[str, str, str], str]]:
    for member, value in msgspec.to_builtins(written).items():
        if member not in ("kid", "public_key"):  # the kid is that of the key, and names the fact
            yield (kind, written.kid, member), str(value)
