"""From what was asked for to exact results: every one found, and every fault told."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from khoso.caller import Purview
from khoso.db import Connection
from khoso.errors import InputProblem, InvalidInput
from khoso.inputs import check_instant
from khoso.orders import standing_store as store
from khoso.orders.model import (
    MAX_RESULTS,
    STATUS_NAMES,
    Act,
    Chosen,
    Fault,
    OrderRequest,
    Place,
    PreviewRequest,
    Query,
    Sample,
    Wanted,
)
from khoso.orders.rules import ALLOWED_FROM, find_refusal, is_annulment

SAMPLE = 20
_MAX_CODE = 100

FourEyes = Callable[[str], bool]
"""Whether results of a type are changed by two persons only."""


class Resolved(NamedTuple):
    """Exact results, in the order of their codes, and what is wrong with the others."""

    chosen: list[Chosen]
    faults: list[Fault]
    type_codes: list[str]
    needs_approval: bool
    sample: list[Sample]


def wanted_of(request: OrderRequest | PreviewRequest) -> list[Wanted] | None:
    """What a request names one by one; None if it asks by query.

    Raises InvalidInput unless it chooses in one way, and in one that fits the act.
    """
    ways = [way for way in ("results", "replacements", "query") if getattr(request, way) is not None]
    if len(ways) != 1:
        raise InvalidInput(
            InputProblem(
                "results",
                "one_way",
                "chọn một trong results, replacements và query | give one of results, replacements and query",
            )
        )
    if (ways[0] == "replacements") != (request.act == "supersede"):
        message = "gửi replacements khi thay thế, và chỉ khi đó | give replacements when superseding, and only then"
        raise InvalidInput(InputProblem(ways[0], "successor", message))
    if request.query is not None:
        return None
    if request.replacements is not None:
        pairs = request.replacements.items()
        return [Wanted(f"replacements.{code}", code, newer) for code, newer in pairs]
    return [Wanted(f"results[{place}]", code) for place, code in enumerate(request.results or ())]


async def resolve_wanted(
    conn: Connection, purview: Purview, act: Act, wanted: Sequence[Wanted], four_eyes: FourEyes, *, now: bool
) -> Resolved:
    """The results that were named. `now`: their present status has to allow the act, which else is seen in time."""
    codes = {code for one in wanted for code in (one.result_code, one.superseded_by or "") if _may_be_code(code)}
    places = await store.find_places(conn, purview, sorted(codes))
    statuses = await store.list_statuses(conn, sorted((p.vault_id, p.credential_id) for p in places.values()))
    changed = {one.result_code for one in wanted}
    seen: set[str] = set()
    good, faults = [], []
    for one in wanted:
        code = _find_fault(one, places, seen, changed)
        if code is None and now:
            code = _refuse_now(act, one, places, statuses)
        if code is None:
            good.append(one)
        else:
            faults.append(Fault(one, code))
        seen.add(one.result_code)
    chosen = [_choose(one, places) for one in sorted(good, key=lambda one: one.result_code)]
    return _resolved(act, [places[one.result_code] for one in chosen], statuses, four_eyes, chosen, faults)


async def resolve_query(conn: Connection, purview: Purview, act: Act, query: Query, four_eyes: FourEyes) -> Resolved:
    """The results that a query describes and that the act can be done to. Raises InvalidInput if it says too little."""
    allowed = _check_query(act, query)
    places = await store.list_places(conn, purview, query, MAX_RESULTS + 1)
    if len(places) > MAX_RESULTS:
        raise InvalidInput(
            InputProblem(
                "query",
                "too_many",
                f"hơn {MAX_RESULTS} kết quả: chọn khoảng thời gian ngắn hơn"
                f" | more than {MAX_RESULTS} results: give a shorter time",
            )
        )
    statuses = await store.list_statuses(conn, sorted((p.vault_id, p.credential_id) for p in places))
    fitting = [place for place in places if statuses[place.credential_id] in allowed]
    chosen = [Chosen(place.result_code, place.vault_id, place.credential_id) for place in fitting]
    return _resolved(act, fitting, statuses, four_eyes, chosen, [])


def _check_query(act: Act, query: Query) -> frozenset[int]:
    """The statuses that are looked for."""
    check_instant("query.issued_from", query.issued_from)
    check_instant("query.issued_until", query.issued_until)
    if query.issued_by is None and query.type_code is None and query.issued_from is None:
        message = (
            "nêu người cấp, loại kết quả hoặc từ khi nào, để không chọn tất cả"
            " | say by whom, of which type or from when: everything is surely not meant"
        )
        raise InvalidInput(InputProblem("query", "too_wide", message))
    if query.status is None:
        return ALLOWED_FROM[act]
    status = STATUS_NAMES.index(query.status)
    if status not in ALLOWED_FROM[act] and not is_annulment(act, status):
        raise InvalidInput(
            InputProblem(
                "query.status",
                "status",
                "kết quả ở tình trạng này không thể thay đổi như vậy: chọn tình trạng khác"
                " | no result of this status can be changed so",
            )
        )
    return frozenset({status})


def _resolved(
    act: Act,
    places: Sequence[Place],
    statuses: Mapping[UUID, int],
    four_eyes: FourEyes,
    chosen: list[Chosen],
    faults: list[Fault],
) -> Resolved:
    annuls = any(is_annulment(act, statuses[place.credential_id]) for place in places)
    types = sorted({place.type_code for place in places})
    two_persons = any(map(four_eyes, types))
    return Resolved(chosen, faults, types, annuls or two_persons, list(_samples(places[:SAMPLE], statuses)))


def _samples(places: Sequence[Place], statuses: Mapping[UUID, int]) -> Iterator[Sample]:
    for place in places:
        yield Sample(place.result_code, place.type_code, STATUS_NAMES[statuses[place.credential_id]])


def _may_be_code(text: str) -> bool:
    """Whether it is worth looking for: PostgreSQL holds no U+0000."""
    return 0 < len(text) <= _MAX_CODE and text.isprintable()


def _find_fault(wanted: Wanted, places: Mapping[str, Place], seen: set[str], changed: set[str]) -> str | None:
    if not wanted.result_code:
        return "missing"
    if wanted.result_code in seen:
        return "repeated"
    if wanted.result_code not in places:
        return "unknown"
    if wanted.superseded_by is None:
        return None
    return _find_successor_fault(wanted.result_code, wanted.superseded_by, places, changed)


def _find_successor_fault(code: str, newer: str, places: Mapping[str, Place], changed: set[str]) -> str | None:
    if not newer:
        return "successor_missing"
    if newer == code:
        return "itself"
    if newer not in places:
        return "successor_unknown"
    if newer in changed:
        return "successor_changes"
    if places[newer].vault_id != places[code].vault_id:
        return "other_holder"
    return None


def _refuse_now(act: Act, wanted: Wanted, places: Mapping[str, Place], statuses: Mapping[UUID, int]) -> str | None:
    newer = None if wanted.superseded_by is None else statuses[places[wanted.superseded_by].credential_id]
    return find_refusal(act, statuses[places[wanted.result_code].credential_id], newer, approved=True)


def _choose(wanted: Wanted, places: Mapping[str, Place]) -> Chosen:
    place = places[wanted.result_code]
    newer = None if wanted.superseded_by is None else places[wanted.superseded_by].credential_id
    return Chosen(place.result_code, place.vault_id, place.credential_id, wanted.superseded_by, newer)
