"""The papers of the demonstration: what to issue, what then happens to it, and what a scanner ought to say.

All days are counted from the day of loading, in Vietnam: -400 is 400 days before, 12 is in 12 days.
"""

import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from importlib.resources import files
from typing import Any, Literal

import msgspec

from khoso.formats.result_type import ResultType
from khoso.formats.verdict import Outcome

Fault = Literal["stranger_key", "unauthorised_agency", "unrecorded", "altered_paper"]
"""What is wrong with a paper that no act of an agency explains:

stranger_key: signed by a key that is in no trust list · unauthorised_agency: signed by a real agency's key, for a type
it may not issue · unrecorded: signed by the right key, but never recorded: its status index was never taken ·
altered_paper: the code is good, and the print beside it says something else
"""


class DemoHolder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person or body that does not exist."""

    kind: Literal["person", "organisation"]
    id: str
    name: str


class DemoAct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an agency did to the result after issuing it."""

    act: Literal["revoke", "suspend", "supersede"]
    day: int
    reason_code: str
    decision_number: str
    superseded_by: str | None = None
    """`slug` of the newer paper; only with `supersede`."""


class Paper(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One paper of the demonstration."""

    slug: str
    """Its name among the demonstration's papers, e.g. `truck-good`."""
    type_code: str
    agency_code: str
    received: int
    """Day on which the dossier was received."""
    serial: int
    """The dossier's number of that day."""
    issued: int
    valid_from: int | None = None
    """First day in force; the day of issue if absent."""
    valid_until: int | None = None
    """Last day in force; the type's own term if absent."""
    holder: DemoHolder
    fields: dict[str, Any]
    """As the API takes them, but a whole number for a date counts days from the day of loading."""
    altered: dict[str, str] = {}
    """With `altered_paper`: what the print says instead, by field name."""
    act: DemoAct | None = None
    fault: Fault | None = None
    expect: Outcome
    story_vi: str
    story_en: str

    def dossier_code(self, today: date) -> str:
        """`<agency>-<YYMMDD of reception>-<6 digits>`."""
        return f"{self.agency_code}-{today + timedelta(days=self.received):%y%m%d}-{self.serial:06}"

    def fields_on(self, today: date, result_type: ResultType) -> dict[str, Any]:
        """The fields as the API takes them when loaded on that day."""
        dates = {field.name for field in result_type.fields if field.kind == "date"}
        return {
            name: (today + timedelta(days=value)).isoformat() if name in dates and isinstance(value, int) else value
            for name, value in self.fields.items()
        }


class _PapersFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    papers: list[Paper]


def load() -> Mapping[str, Paper]:
    """The papers by slug, in the order of the file; a newer paper stands before the one it replaces."""
    text = files("khoso.demo").joinpath("papers.toml").read_text("utf-8")
    return {paper.slug: paper for paper in msgspec.convert(tomllib.loads(text), _PapersFile).papers}
