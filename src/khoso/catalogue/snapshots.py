"""Building the snapshot that a worker decides by, from the rows of the catalogue and the trust list it believes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from khoso.catalogue.model import Believed, CatalogueSnapshot, InspectorField, Seed, SigningKey
from khoso.catalogue.trusting import group_successors
from khoso.formats.result_type import ResultType
from khoso.formats.trust import KeyState, Trust
from khoso.formats.verdict import TypeCatalogue


def build(
    version: int,
    loaded_at: datetime,
    believed_for: timedelta,
    content: Seed,
    keys: Iterable[SigningKey],
    believed: Believed,
    inspector_fields: Iterable[InspectorField] = (),
) -> CatalogueSnapshot:
    """The snapshot of this content. After `believed_for` without `renew` its trust answers "cannot tell"."""
    return CatalogueSnapshot(
        version=version,
        loaded_at=loaded_at,
        agencies={agency.agency_code: agency for agency in content.agencies},
        successors=group_successors(content.successors),
        successions=content.successors,
        rights={(right.agency_code, right.type_code): right for right in content.rights},
        inspector_fields=_group(inspector_fields),
        types={(definition.code, definition.version): definition for definition in content.types},
        latest=_latest(content.types),
        believed=believed,
        trust=_seen(believed.trust, loaded_at, believed_for),
        active_keys={key.agency_code: key.kid for key in keys if _signs(key, believed.trust)},
    )


def from_lists(version: int, believed: Believed, types: TypeCatalogue) -> CatalogueSnapshot:
    """What published lists tell of a catalogue: enough to verify by, nothing to issue by."""
    return CatalogueSnapshot(
        version=version,
        loaded_at=datetime.fromtimestamp(believed.trust.issued_at, UTC),
        agencies={},
        successors={code: agency.successors for code, agency in believed.trust.agencies.items()},
        successions=(),
        rights={},
        inspector_fields={},
        types=types,
        latest=_latest(types.values()),
        believed=believed,
        trust=believed.trust,
        active_keys={},
    )


def renew(snapshot: CatalogueSnapshot, seen_at: datetime, believed_for: timedelta) -> CatalogueSnapshot:
    """The same snapshot, seen at that time to be the newest."""
    return snapshot._replace(loaded_at=seen_at, trust=_seen(snapshot.believed.trust, seen_at, believed_for))


def _seen(trust: Trust, seen_at: datetime, believed_for: timedelta) -> Trust:
    """The trust as it may be believed after it was seen to be the newest: never beyond the end that was signed."""
    until = int((seen_at + believed_for).timestamp())
    return replace(trust, issued_at=int(seen_at.timestamp()), expires_at=min(trust.expires_at, until))


def _signs(key: SigningKey, trust: Trust) -> bool:
    """Whether its agency signs with the key: the rows want it, and the list allows it."""
    trusted = trust.keys.get(key.kid)
    return (
        key.state is KeyState.ACTIVE
        and trusted is not None
        and trusted.state is KeyState.ACTIVE
        and trusted.agency_code == key.agency_code
    )


def _group(inspector_fields: Iterable[InspectorField]) -> Mapping[str, Mapping[str, frozenset[str]]]:
    grouped: dict[str, dict[str, frozenset[str]]] = {}
    for one in inspector_fields:
        by_agency = grouped.setdefault(one.type_code, {})
        by_agency[one.agency_code] = by_agency.get(one.agency_code, frozenset()) | {one.field_name}
    return grouped


def _latest(types: Iterable[ResultType]) -> Mapping[str, ResultType]:
    return {definition.code: definition for definition in sorted(types, key=lambda each: each.version)}
