"""Who is asking, and the one decision about what he may.

`identity` finds out who asks, `authority` what he was given; the rooms ask here. A right is a scope, in a part of the
administration, with one result type or all; a caller acts for one agency and has the rights that reach it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Protocol, runtime_checkable
from uuid import UUID

import msgspec

from khoso.errors import NotFound, NotPermitted
from khoso.text import Words

SCOPES: Mapping[str, Words] = {
    "credentials:issue": Words("Cấp kết quả nhân danh cơ quan bạn", "Issue results in the name of your agency"),
    "credentials:read": Words(
        "Xem kết quả do cơ quan bạn hoặc cơ quan cấp dưới đã cấp",
        "Read results that your agency issued, or one below it",
    ),
    "credentials:change-status": Words(
        "Thu hồi, tạm đình chỉ, khôi phục, thay thế kết quả của cơ quan bạn",
        "Revoke, suspend, restore and supersede results of your agency",
    ),
    "credentials:approve": Words(
        "Duyệt hoặc huỷ dự thảo, quyết định mà người khác đã lập, ở cơ quan bạn và cơ quan cấp dưới",
        "Approve and cancel what others drafted or ordered in your agency, or in one below it",
    ),
    "vault:read": Words("Xem kết quả trong kho của bạn", "Read the results in your own vault"),
    "inspect": Words(
        "Kiểm tra giấy tờ với tư cách người kiểm tra: lượt kiểm tra được ghi kèm tên bạn, chủ sở hữu kết quả xem được",
        "Verify as an inspector: the check is recorded under your name and shown to the holder",
    ),
    "catalogue:write": Words(
        "Công bố loại kết quả của cơ quan bạn hoặc cơ quan cấp dưới",
        "Publish result types of your agency, or of one below it",
    ),
    "assignments:write": Words(
        "Xem, giao và chấm dứt phân công ở cơ quan bạn và cơ quan cấp dưới",
        "List, grant and end assignments in your agency and below it",
    ),
    "agencies:write": Words(
        "Thêm, đổi tên, chuyển và chấm dứt các cơ quan cấp dưới của cơ quan bạn",
        "Add, rename, move and end agencies below yours",
    ),
    "inspector-fields:write": Words(
        "Chọn trường thông tin mở cho người kiểm tra ở cơ quan bạn và cơ quan cấp dưới",
        "Say which recorded fields inspectors are shown, in your agency and below it",
    ),
    "clients:write": Words(
        "Đăng ký ứng dụng, phần mềm của cơ quan bạn hoặc cơ quan cấp dưới",
        "Register the programs that ask in the name of your agency, or of one below it",
    ),
    "dossiers:assist": Words(
        "Hỗ trợ người dân nộp hồ sơ ở cơ quan bạn và cơ quan cấp dưới",
        "Help citizens to file, in your agency and below it",
    ),
    "monitoring:read": Words(
        "Đọc báo cáo giấy tờ không khớp, kèm ghi chú, ảnh và người gửi, do cơ quan bạn lập hoặc về giấy tờ của cơ quan "
        "(không gồm cơ quan cấp dưới)",
        "Read reports of mismatches, with notes, photos and who sent them, by your agency or about its papers "
        "(not of agencies below)",
    ),
    "metrics:read": Words("Đọc số liệu vận hành của hệ thống", "Read the metrics"),
}
"""Every scope there is, with what it allows; "your agency" is the one that its holder acts for."""

OF_ONESELF = frozenset({"vault:read"})
"""Scopes that open what is the caller's own: they extend to no agency."""

IN_ITS_NAME = frozenset({"credentials:issue"})
"""Scopes by which the caller acts in the name of his agency: they extend to it alone."""

ANSWERED_FOR = frozenset({"credentials:change-status"})
"""Scopes that extend to his agency and those it answers for. Any other extends to all that is below it, too."""

ENTRUSTED = frozenset(
    {
        "credentials:issue",
        "credentials:read",
        "credentials:change-status",
        "credentials:approve",
        "inspect",
        "dossiers:assist",
    }
)
"""Scopes that an administrator may give without having them: who appoints an officer need not be one. All others only
pass from those who have them."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One right, as an assignment gives it: what may be done, in which part of the administration, with which type."""

    scope: str
    agency_code: str
    """The root of the subtree of agencies that it reaches."""
    type_code: str | None = None
    """The one result type that it is limited to; None: every type."""
    valid_until: datetime | None = None
    """When it ends by itself: nothing that is made of it may last longer."""


@runtime_checkable
class Hierarchy(Protocol):
    """The administration as it stands at one moment."""

    def __hash__(self) -> int:
        """It never changes: another moment is another hierarchy."""
        ...

    def stands(self, agency_code: str) -> bool:
        """Whether the agency is known and in being."""
        ...

    def below(self, agency_code: str) -> frozenset[str]:
        """The agency, all below it, and whom any of them answers for; nothing if the agency is not in being."""
        ...

    def answered_for(self, agency_code: str) -> frozenset[str]:
        """The agency and those, no more, that it answers for; nothing if the agency is not in being."""
        ...


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whose token, or whose session, was found good."""

    subject: str
    """Who: a stable name of the person or system, which goes into the audit."""
    scopes: frozenset[str]
    types: Mapping[str, frozenset[str]] = {}
    """Scopes that are limited to some result types, with those; any other scope is good for every type."""
    agency_code: str | None = None
    """The agency he acts for."""
    vault_id: UUID | None = None
    """The vault that is his own."""
    session_name: str | None = None
    """What he logged in by: `session:<uuid>` of a browser or `login:<uuid>` of an app; None for a system."""
    stepped_up_at: int | None = None
    """When he last showed a passkey in it, in seconds since 1970."""

    @property
    def acting_agency(self) -> str:
        """The agency in whose name he acts. Raises NotPermitted if the token names none."""
        if self.agency_code is None:
            raise NotPermitted("the token names no agency")
        return self.agency_code

    def may(self, *scopes: str) -> bool:
        """Whether the token has one of these scopes at all; to what it extends, `purview_of` tells."""
        return not self.scopes.isdisjoint(scopes)


class Purview(msgspec.Struct, frozen=True, dict=True):
    """To what a scope extends: agencies, with one result type of each or, as None, all of them."""

    pairs: frozenset[tuple[str, str | None]] = frozenset()

    @cached_property
    def agencies(self) -> tuple[str, ...]:
        """The agencies of which anything is in it, by code."""
        return tuple(sorted({agency_code for agency_code, _ in self.pairs}))

    def has(self, agency_code: str, *types: str) -> bool:
        """Whether all that is named is in it: each type of the agency, or, if none is named, the agency whole."""
        if (agency_code, None) in self.pairs:
            return True
        return bool(types) and all((agency_code, type_code) in self.pairs for type_code in types)

    def check_shown(self, agency_code: str, *types: str) -> None:
        """Raise NotFound for something outside: it answers like what is not there."""
        if not self.has(agency_code, *types):
            raise NotFound(agency_code, *types)

    def check_asked(self, agency_code: str, *types: str) -> None:
        """Raise NotPermitted for something outside that the caller himself has named, as what to make."""
        if not self.has(agency_code, *types):
            raise NotPermitted(agency_code, *types)

    def columns(self) -> tuple[list[str], list[str | None]]:
        """The agencies and their types, as two columns for a query."""
        pairs = sorted(self.pairs, key=lambda pair: (pair[0], pair[1] or ""))
        return [agency_code for agency_code, _ in pairs], [type_code for _, type_code in pairs]


def everything_of(agency_code: str) -> Purview:
    """One agency with all its types: what whoever sits at the command line has named himself."""
    return Purview(frozenset({(agency_code, None)}))


def purview_of(caller: Caller, hierarchy: Hierarchy, *scopes: str) -> Purview:
    """To what the caller's rights extend by any of the scopes: the one decision about rights.

    1. He has the scope, or it extends to nothing.
    2. He acts for an agency that is in being, or it extends to nothing.
    3. It extends to that agency: alone, with those it answers for, or with all below it, as the scope has it.
    4. There, it extends to the result types to which his scope is limited, or else to all.
    """
    found = [
        _extent(hierarchy, scope, caller.agency_code, caller.types.get(scope))
        for scope in caller.scopes.intersection(scopes)
    ]
    return found[0] if len(found) == 1 else Purview(frozenset().union(*(one.pairs for one in found)))


@lru_cache(maxsize=4_096)
def _extent(hierarchy: Hierarchy, scope: str, agency_code: str | None, types: frozenset[str] | None) -> Purview:
    """Of one scope; worked out once for everybody who has it there on that day."""
    limits = (None,) if types is None else types
    return Purview(
        frozenset((one, type_code) for one in _agencies(scope, agency_code, hierarchy) for type_code in limits)
    )


def _agencies(scope: str, agency_code: str | None, hierarchy: Hierarchy) -> Iterable[str]:
    if agency_code is None or scope in OF_ONESELF:
        return ()
    if scope in IN_ITS_NAME:
        return (agency_code,) if hierarchy.stands(agency_code) else ()
    if scope in ANSWERED_FOR:
        return hierarchy.answered_for(agency_code)
    return hierarchy.below(agency_code)


def agencies_to_act_for(grants: Iterable[Grant], hierarchy: Hierarchy) -> frozenset[str]:
    """The agencies among which somebody with these grants chooses one to act for."""
    reached = frozenset[str]().union(*(hierarchy.below(grant.agency_code) for grant in grants))
    return frozenset(filter(hierarchy.stands, reached))


def purview_by_grants(
    subject: str, grants: Iterable[Grant], agency_code: str, hierarchy: Hierarchy, scope: str
) -> Purview:
    """To what a scope extends for somebody with these grants who acts for an agency; to nothing if he may not."""
    try:
        acting = act_for(subject, grants, agency_code, hierarchy)
    except NotPermitted:
        return Purview()
    return purview_of(acting, hierarchy, scope)


def act_for(subject: str, grants: Iterable[Grant], agency_code: str, hierarchy: Hierarchy) -> Caller:
    """Somebody with these grants as he acts for an agency: with the scopes and types that reach it, and no others.

    Raises NotPermitted for an agency that is not in being, or that no grant reaches.
    """
    reaching = [grant for grant in grants if agency_code in hierarchy.below(grant.agency_code)]
    if not reaching or not hierarchy.stands(agency_code):
        raise NotPermitted(agency_code)
    whole = {grant.scope for grant in reaching if grant.type_code is None}
    types: dict[str, set[str]] = {}
    for grant in reaching:
        if grant.type_code is not None and grant.scope not in whole:
            types.setdefault(grant.scope, set()).add(grant.type_code)
    return Caller(
        subject=subject,
        scopes=frozenset(whole.union(types)),
        types={scope: frozenset(limited) for scope, limited in types.items()},
        agency_code=agency_code,
    )
