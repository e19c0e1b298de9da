"""The one decision about rights, against a slow model that follows the words of docs/rights.md one by one."""

from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khoso.caller import (
    ANSWERED_FOR,
    IN_ITS_NAME,
    OF_ONESELF,
    SCOPES,
    Caller,
    Grant,
    Purview,
    act_for,
    agencies_to_act_for,
    everything_of,
    purview_of,
)
from khoso.catalogue.hierarchy import Hierarchy
from khoso.catalogue.model import Agency, Successor
from khoso.errors import NotFound, NotPermitted

DAY = date(2026, 11, 23)
CODES = ["A", "A.1", "A.1.1", "B", "B.1", "C"]
TYPES = ["KQ.A.000001", "KQ.A.000002", "KQ.B.000001"]

days = st.integers(-3, 3).map(lambda days: DAY + timedelta(days=days))
codes = st.sampled_from(CODES)
some_types = st.frozensets(st.sampled_from(TYPES), min_size=1)


@st.composite
def administrations(draw: st.DrawFn) -> tuple[list[Agency], list[Successor]]:
    """Any tree of the agencies, even one with circles, with any dates and any successors."""
    agencies = []
    for code in draw(st.lists(codes, unique=True)):
        begin, lasts = draw(days), draw(st.none() | st.integers(1, 4))
        agencies.append(
            Agency(
                agency_code=code,
                name_vi=code,
                name_en=code,
                level="department",
                parent_code=draw(st.none() | codes),
                valid_from=begin,
                valid_until=None if lasts is None else begin + timedelta(days=lasts),
            )
        )
    pairs = draw(st.lists(st.tuples(codes, codes, days), max_size=5))
    return agencies, [Successor(agency_code=a, successor_code=b, since=day) for a, b, day in pairs]


class Model:
    """The same by definition: every question goes through all rows again, one step up at a time."""

    def __init__(self, agencies: list[Agency], successors: list[Successor]) -> None:
        self.agencies = {agency.agency_code: agency for agency in agencies}
        self.successors = successors

    def has_ended(self, code: str) -> bool:
        agency = self.agencies.get(code)
        return agency is not None and agency.valid_until is not None and agency.valid_until <= DAY

    def stands(self, code: str) -> bool:
        return code in self.agencies and self.agencies[code].valid_from <= DAY and not self.has_ended(code)

    def is_below(self, code: str, root: str) -> bool:
        """Going up from parent to parent comes to the root."""
        for _ in range(len(CODES) + 1):
            if code == root:
                return True
            agency = self.agencies.get(code)
            if agency is None or agency.parent_code is None:
                return False
            code = agency.parent_code
        return False

    def answers(self, code: str, steps: int = len(CODES)) -> set[str]:
        """Who answers for an agency: itself, and its successors since their days, and theirs."""
        found = {code}
        if steps and self.has_ended(code):
            for one in self.successors:
                if one.agency_code == code and one.since <= DAY:
                    found |= self.answers(one.successor_code, steps - 1)
        return found

    def allows(self, caller: Caller, scope: str, agency_code: str, type_code: str) -> bool:
        acting = caller.agency_code
        if scope not in caller.scopes or scope in OF_ONESELF or acting is None or not self.stands(acting):
            return False
        if scope in caller.types and type_code not in caller.types[scope]:
            return False
        if scope in IN_ITS_NAME:
            return agency_code == acting
        if scope in ANSWERED_FOR:
            return acting in self.answers(agency_code)
        return any(self.is_below(one, acting) for one in self.answers(agency_code))


scopes = st.sampled_from(sorted(SCOPES))
callers = st.builds(
    Caller,
    subject=st.just("person"),
    scopes=st.frozensets(scopes),
    types=st.dictionaries(scopes, some_types, max_size=3),
    agency_code=st.none() | codes,
)


@given(administrations(), callers, scopes, codes, st.sampled_from(TYPES))
def test_it_allows_what_the_words_allow_and_nothing_else(
    administration: tuple[list[Agency], list[Successor]], caller: Caller, scope: str, agency_code: str, type_code: str
) -> None:
    hierarchy = Hierarchy(*administration, DAY)
    model = Model(*administration)
    found = purview_of(caller, hierarchy, scope)
    assert found.has(agency_code, type_code) == model.allows(caller, scope, agency_code, type_code)
    assert found.has(agency_code) <= (scope not in caller.types)


@given(administrations(), callers, st.frozensets(scopes, max_size=3))
def test_of_several_scopes_each_reaches_what_it_reaches_alone(
    administration: tuple[list[Agency], list[Successor]], caller: Caller, asked: frozenset[str]
) -> None:
    hierarchy = Hierarchy(*administration, DAY)
    alone = [purview_of(caller, hierarchy, scope).pairs for scope in asked]
    assert purview_of(caller, hierarchy, *asked).pairs == frozenset().union(*alone)


grants = st.lists(
    st.builds(Grant, scope=scopes, agency_code=codes, type_code=st.none() | st.sampled_from(TYPES)), max_size=5
)


@given(administrations(), grants, codes, scopes, codes, st.sampled_from(TYPES))
def test_a_token_never_allows_what_no_grant_gives(
    administration: tuple[list[Agency], list[Successor]],
    given_rights: list[Grant],
    acting: str,
    scope: str,
    agency_code: str,
    type_code: str,
) -> None:
    hierarchy, model = Hierarchy(*administration, DAY), Model(*administration)
    choices = agencies_to_act_for(given_rights, hierarchy)
    assert choices == {code for code in CODES if _may_act_for(model, given_rights, code)}
    if acting not in choices:
        with pytest.raises(NotPermitted):
            act_for("person", given_rights, acting, hierarchy)
        return
    caller = act_for("person", given_rights, acting, hierarchy)
    assert (caller.subject, caller.agency_code, caller.vault_id) == ("person", acting, None)
    fitting = [
        grant
        for grant in given_rights
        if grant.scope == scope
        and grant.type_code in (None, type_code)
        and model.stands(grant.agency_code)
        and _is_reached(model, acting, grant.agency_code)
    ]
    allowed = purview_of(caller, hierarchy, scope).has(agency_code, type_code)
    wanted = Caller(subject="", scopes=frozenset({scope}), agency_code=acting)
    assert allowed == (bool(fitting) and model.allows(wanted, scope, agency_code, type_code))


def _is_reached(model: Model, code: str, root: str) -> bool:
    return any(model.is_below(one, root) for one in model.answers(code))


def _may_act_for(model: Model, given_rights: Iterable[Grant], code: str) -> bool:
    roots = [grant.agency_code for grant in given_rights if model.stands(grant.agency_code)]
    return model.stands(code) and any(_is_reached(model, code, root) for root in roots)


def test_what_is_not_reached_answers_like_what_is_not_there() -> None:
    one = everything_of("A")
    one.check_shown("A", "KQ.A.000001")
    one.check_asked("A")
    with pytest.raises(NotFound):
        one.check_shown("B", "KQ.A.000001")
    with pytest.raises(NotPermitted):
        one.check_asked("B")


def test_all_of_several_types_must_be_reached() -> None:
    some = Purview(frozenset({("A", TYPES[0]), ("A", TYPES[1]), ("B", None)}))
    assert some.has("A", TYPES[0], TYPES[1])
    assert not some.has("A", TYPES[0], TYPES[2])
    assert not some.has("A")
    assert some.has("B", *TYPES)
    assert some.agencies == ("A", "B")
    assert some.columns() == (["A", "A", "B"], [TYPES[0], TYPES[1], None])
