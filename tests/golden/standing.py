"""Steps 7 to 11: genuine papers, and what is known of them now. Among them the few that are green."""

from collections.abc import Iterator

from golden import city
from golden.city import ABSENT, DAY, NOW, REVOKED, paper
from golden.fault import Fault

AS_OF = NOW - 30


def faults() -> Iterator[Fault]:
    """All of them."""
    for name, (description, text) in _TYPES.items():
        yield Fault(name, description, text, "cannot_tell", 7, "unknown_type")
    for name, (description, text, outcome, reason) in _STATUS.items():
        yield Fault(f"status-{name}", description, text, outcome, 8, reason)
    yield from _times()
    yield from _ages()
    for name, (description, text) in _GREEN.items():
        yield Fault(f"good-{name}", description, text, "in_force", 11, "all_checks_passed")


_TYPES = {
    "type-version-unknown": ("A version younger than our catalogue: no forgery.", paper(r3=3)),
    "field-unknown": ("A field that the type does not have.", paper(f9="x")),
    "field-text-for-decimal": ("A text where the type has a decimal.", paper(f2="12.5")),
    "field-number-for-text": ("A number where the type has a text.", paper(f1=43)),
    "field-text-for-list": ("One text where the type has a list.", paper(f6="Bạch Đằng")),
    "field-numbers-for-texts": ("Numbers where the type has texts.", paper(f6=[1, 2])),
    "field-texts-for-hours": ("Texts where the type has hours.", paper(f7=["22:00-06:00"])),
    "field-choice-unknown": ("A choice beyond the last one.", paper(f5=2)),
    "field-choice-negative": ("A choice before the first one.", paper(f5=-1)),
    "field-date-before-year-1": ("A date before the year 1, which calendars do not have.", paper(f4=-719_163)),
    "field-date-after-year-9999": ("A date after the year 9999.", paper(f4=2_932_897)),
}

_STATUS = {
    "list-unknown": (
        "A status list that the verifier does not have.",
        paper(r4=[4711, city.IN_FORCE]), "cannot_tell", "unknown_status_list",
    ),
    "list-giant": ("A list number of 63 bits.", paper(r4=[(1 << 63) - 1, 0]), "cannot_tell", "unknown_status_list"),
    "index-outside": (
        "The first index behind the end of the list.",
        paper(r4=[city.LIST, 64]), "cannot_tell", "unknown_status_list",
    ),
    "index-giant": (
        "An index of 63 bits.",
        paper(r4=[city.LIST, (1 << 63) - 1]), "cannot_tell", "unknown_status_list",
    ),
    "index-never-issued": (
        "An index that nobody has recorded: a thief has the key, and it helps him nothing.",
        paper(r4=[city.LIST, city.NEVER_ISSUED]), "not_issued", "revoked_or_never_issued",
    ),
    "index-of-another-list": (
        "The index of a good paper, in another list.",
        paper(r4=[city.OTHER_LIST, city.IN_FORCE]), "not_issued", "revoked_or_never_issued",
    ),
    "revoked": ("A revoked paper.", paper(r4=[city.LIST, REVOKED]), "not_issued", "revoked_or_never_issued"),
    "suspended": ("A suspended paper.", paper(r4=[city.LIST, city.SUSPENDED]), "suspended", "status"),
    "superseded": ("A paper with a successor.", paper(r4=[city.LIST, city.SUPERSEDED]), "superseded", "status"),
    "revoked-and-expired": (
        "Revoked, and past its end: the withdrawal is told.",
        paper(r4=[city.LIST, REVOKED], top={4: NOW - 1}), "not_issued", "revoked_or_never_issued",
    ),
    "of-a-deflated-list": (
        "A status in the 2-bit list that the standard's draft publishes as its test vector (appendix C.2).",
        paper(r4=[city.DRAFT_LIST, 1993]), "suspended", "status",
    ),
    "three-of-a-deflated-list": (
        "Status 3 in the same list.",
        paper(r4=[city.DRAFT_LIST, 1_000_345]), "superseded", "status",
    ),
}  # fmt: skip


def _times() -> Iterator[Fault]:
    start = {5: NOW + 301}
    yield Fault(
        "time-not-yet", "In force from 301 seconds from now.", paper(top=start), "not_yet_in_force", 9, "valid_from"
    )
    yield Fault(
        "time-next-year",
        "In force from next year.",
        paper(top={5: NOW + 300 * DAY}),
        "not_yet_in_force",
        9,
        "valid_from",
    )
    yield Fault(
        "time-expired", "The end is exclusive: it ended this second.", paper(top={4: NOW}), "expired", 9, "expires_at"
    )
    yield Fault("time-long-expired", "Ended a year ago.", paper(top={4: NOW - 365 * DAY}), "expired", 9, "expires_at")
    yield Fault(
        "time-ends-before-it-begins",
        "The end lies before the beginning.",
        paper(top={4: NOW - 2 * DAY, 5: NOW - DAY}),
        "expired",
        9,
        "expires_at",
    )
    yield Fault(
        "time-expired-and-stale",
        "Expired; the old status changes nothing.",
        paper(top={4: NOW}),
        "expired",
        9,
        "expires_at",
        as_of=NOW - 9 * DAY,
    )
    yield Fault(
        "clock-behind-status-list",
        "The verifier's clock was set back to before the time of its status lists, so that they would stay fresh.",
        paper(),
        "cannot_tell",
        9,
        "clock_behind",
        now=NOW,
        as_of=NOW + 301,
    )
    yield Fault(
        "clock-behind-withdrawn",
        "A withdrawal is a fact, whatever the clock says.",
        paper(r4=[city.LIST, city.SUSPENDED]),
        "suspended",
        8,
        "status",
        as_of=NOW + 301,
    )
    yield Fault(
        "clock-behind-a-little",
        "Clocks may differ by 300 seconds.",
        paper(),
        "in_force",
        11,
        "all_checks_passed",
        as_of=NOW + 300,
    )
    yield Fault(
        "clock-ahead-an-hour",
        "A clock an hour ahead makes the newest status look old: amber, never wrong.",
        paper(),
        "in_force_offline",
        10,
        "status_not_fresh",
        now=NOW + 3_600,
    )
    yield Fault(
        "clock-ahead-a-week", "A clock a week ahead sees an expired trust list.",
        paper(), "cannot_tell", 3, "trust_list_expired", now=NOW + 7 * DAY,
    )  # fmt: skip


def _ages() -> Iterator[Fault]:
    amber = ("in_force_offline", 10, "status_not_fresh")
    yield Fault(
        "stale-not",
        "A status of 60 seconds ago is fresh.",
        paper(),
        "in_force",
        11,
        "all_checks_passed",
        as_of=NOW - 60,
    )
    yield Fault(
        "stale-61-seconds",
        "A status of 61 seconds ago: a withdrawal may not have come yet.",
        paper(),
        *amber,
        as_of=NOW - 61,
    )
    yield Fault("stale-a-day", "A status of a day ago is still told.", paper(), *amber, as_of=NOW - DAY)
    yield Fault(
        "stale-more-than-a-day",
        "Older: nobody can tell.",
        paper(),
        "cannot_tell",
        10,
        "status_too_old",
        as_of=NOW - DAY - 1,
    )
    yield Fault(
        "stale-and-expires-soon",
        "An old status, and close to the end: amber.",
        paper(top={4: NOW + DAY}),
        *amber,
        as_of=NOW - 61,
    )
    yield Fault(
        "status-list-expired",
        "Its publisher no longer stands by the status list, however fresh a verifier would think it.",
        paper(), "cannot_tell", 10, "status_list_expired", expires_at=NOW,
    )  # fmt: skip
    yield Fault(
        "status-list-expired-withdrawn",
        "A withdrawal that an expired list tells stays a fact.",
        paper(r4=[city.LIST, city.SUSPENDED]), "suspended", 8, "status", expires_at=NOW,
    )  # fmt: skip
    yield Fault(
        "status-list-in-its-last-second",
        "The last second of a status list.",
        paper(), "in_force", 11, "all_checks_passed", expires_at=NOW + 1,
    )  # fmt: skip
    yield Fault(
        "good-expires-soon", "The last 30 days.", paper(top={4: NOW + 30 * DAY}), "expires_soon", 11, "expires_at"
    )
    yield Fault(
        "good-last-second", "One second before the end.", paper(top={4: NOW + 1}), "expires_soon", 11, "expires_at"
    )


_GREEN = {
    "paper": ("The paper that all faults are made of.", paper()),
    "before-last-days": ("30 days and a second before the end.", paper(top={4: NOW + 30 * DAY + 1})),
    "without-end": ("A paper without an end.", paper(top={4: ABSENT})),
    "from-now": ("In force from this second on.", paper(top={5: NOW})),
    "signed-scan": ("A paper's scan, signed by an officer.", paper(r6=2)),
    "holder-key": ("Bound to its holder's device.", paper(r5=bytes(range(32)))),
    "few-fields": ("A field that is not required is left out.", paper(f8=ABSENT)),
    "long-text": ("A payload with a length of two bytes.", paper(f1="Đ" * 100)),
    "negative-number": ("A negative number.", paper(f3=-3)),
}
