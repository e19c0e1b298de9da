"""The demonstration catalogue: Đà Nẵng's agencies and eight result types that are inspected in the field, as data."""

import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time
from importlib.resources import files

import msgspec

from khoso.catalogue import definitions
from khoso.catalogue.model import Agency, Level, Right, Seed, Successor
from khoso.times import VIETNAM


class _Succession(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    agency_code: str
    successor_codes: list[str]
    since: date


class _Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A right of several agencies: those named, or all of some levels."""

    type_code: str
    agency_codes: list[str] = []
    levels: list[Level] = []
    valid_from: date
    valid_until: date | None = None


class _AgenciesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    agencies: list[Agency]
    successors: list[_Succession]
    rights: list[_Grant]


def load() -> Seed:
    """The catalogue in the files beside this one."""
    folder = files("khoso.catalogue.danang")
    source = msgspec.convert(tomllib.loads(folder.joinpath("agencies.toml").read_text("utf-8")), _AgenciesFile)
    type_files = sorted(folder.joinpath("result_types").iterdir(), key=lambda file: file.name)
    return Seed(
        agencies=source.agencies,
        successors=list(_successors(source.successors)),
        rights=list(_rights(source)),
        types=[definitions.parse(tomllib.loads(file.read_text("utf-8"))) for file in type_files],
    )


def _successors(successions: list[_Succession]) -> Iterator[Successor]:
    for succession in successions:
        for code in succession.successor_codes:
            yield Successor(agency_code=succession.agency_code, successor_code=code, since=succession.since)


def _rights(source: _AgenciesFile) -> Iterator[Right]:
    for grant in source.rights:
        of_levels = [a.agency_code for a in source.agencies if a.level in grant.levels and a.valid_until is None]
        for code in grant.agency_codes + of_levels:
            yield Right(
                agency_code=code,
                type_code=grant.type_code,
                valid_from=_start_of(grant.valid_from),
                valid_until=None if grant.valid_until is None else _start_of(grant.valid_until),
            )


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), VIETNAM)
