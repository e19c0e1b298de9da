"""Agencies as they come, go and change, and what inspectors are shown: the acts of those who administer the platform.

Names, parents and dates count at once for everybody's rights. What verifiers are told of an agency is another matter:
they believe the signed trust list alone, so a new agency is *listed* only after the next ceremony, unless the root is
at hand. An agency that is in the tables and not in the list issues nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

import msgspec

from khoso.caller import Purview
from khoso.catalogue import inspecting_store, store, trusting
from khoso.catalogue.ceremony import refuse_circles
from khoso.catalogue.model import Agency, InspectorField, Level, Successor
from khoso.catalogue.service import Catalogue
from khoso.errors import UNKNOWN_TYPE, InputProblem, InvalidInput, NotFound
from khoso.formats.result_type import ResultType
from khoso.inputs import find_text_faults


class AgencyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different of an agency; what is left out stays."""

    name_vi: str | msgspec.UnsetType = msgspec.UNSET
    name_en: str | msgspec.UnsetType = msgspec.UNSET
    level: Level | msgspec.UnsetType = msgspec.UNSET
    parent_code: str | msgspec.UnsetType = msgspec.UNSET
    valid_from: date | msgspec.UnsetType = msgspec.UNSET
    valid_until: date | msgspec.UnsetType | None = msgspec.UNSET
    """The first day on which it is no more; null: it stays."""


class Administration:
    """Everything that is done with agencies, each within the purview of whoever does it."""

    def __init__(self, catalogue: Catalogue, now: Callable[[], datetime]) -> None:
        self._catalogue = catalogue
        self._now = now

    async def add_agency(self, agency: Agency, purview: Purview, actor: str) -> None:
        """Add an agency below another. Raises InvalidInput, NotPermitted for a parent outside of the purview."""
        if agency.parent_code is None:
            message = (
                "nêu cơ quan cấp trên; riêng thành phố có sẵn trong danh mục"
                " | name the agency that it is below; the city itself comes with its catalogue"
            )
            raise InvalidInput(InputProblem("parent_code", "required", message))
        purview.check_asked(agency.parent_code)
        _check_names(agency)
        async with self._catalogue.changing(actor, "add_agency", agency.agency_code) as conn:
            if any(known.agency_code == agency.agency_code for known in await store.list_agencies(conn)):
                raise InvalidInput(
                    InputProblem(
                        "agency_code",
                        "taken",
                        "đã có cơ quan mang mã này: chọn mã khác | there is an agency with this code",
                    )
                )
            await store.upsert_agencies(conn, [agency])

    async def change_agency(self, agency_code: str, change: AgencyChange, purview: Purview, actor: str) -> None:
        """Rename, move, begin or end an agency.

        Raises NotFound outside of the purview, NotPermitted for a new parent outside of it, InvalidInput.
        """
        purview.check_shown(agency_code)
        if isinstance(change.parent_code, str):
            purview.check_asked(change.parent_code)
        given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}
        async with self._catalogue.changing(actor, "change_agency", " ".join((agency_code, *sorted(given)))) as conn:
            agencies = {agency.agency_code: agency for agency in await store.list_agencies(conn)}
            changed = msgspec.structs.replace(agencies[agency_code], **given)
            _check_names(changed)
            _refuse_circle(changed, agencies)
            await store.upsert_agencies(conn, [changed])

    async def add_successor(self, successor: Successor, purview: Purview, actor: str) -> None:
        """Have an agency answer for another since a day on which that is no more.

        Raises NotFound and NotPermitted outside of the purview, and InvalidInput for a circle.
        """
        purview.check_shown(successor.agency_code)
        purview.check_asked(successor.successor_code)
        what = f"{successor.agency_code} {successor.successor_code}"
        async with self._catalogue.changing(actor, "add_successor", what) as conn:
            await store.insert_successors(conn, [successor])
            refuse_circles(trusting.group_successors(await store.list_successors(conn)))

    def is_listed(self, agency_code: str) -> bool:
        """Whether the trust list that is believed says of the agency what the tables say."""
        snapshot = self._catalogue.recorded
        agency, trusted = snapshot.agencies[agency_code], snapshot.believed.trust.agencies.get(agency_code)
        successors = snapshot.successors.get(agency_code, ())
        return trusted is not None and (trusted.name_vi, trusted.name_en, trusted.successors) == (
            agency.name_vi,
            agency.name_en,
            successors,
        )

    def list_inspector_fields(self, purview: Purview) -> list[InspectorField]:
        """Which recorded fields inspectors of the purview are shown."""
        return [
            InspectorField(agency_code=agency_code, type_code=type_code, field_name=name)
            for type_code, by_agency in sorted(self._catalogue.recorded.inspector_fields.items())
            for agency_code, names in sorted(by_agency.items())
            if purview.has(agency_code, type_code)
            for name in sorted(names)
        ]

    async def show_inspectors(
        self, agency_code: str, type_code: str, names: Sequence[str], purview: Purview, actor: str
    ) -> None:
        """Show the inspectors of an authority, and of all below it, exactly these recorded fields of a type.

        Raises NotPermitted outside of the purview, InvalidInput for a type or field that there is not.
        """
        purview.check_asked(agency_code, type_code)
        _check_fields(self._catalogue.recorded.latest.get(type_code), names)
        what, now = " ".join((agency_code, type_code, *names)), self._now()
        async with self._catalogue.changing(actor, "show_inspectors", what) as conn:
            await inspecting_store.end_inspector_fields(conn, agency_code, type_code, names, actor, now)
            await inspecting_store.insert_inspector_fields(conn, agency_code, type_code, names, actor, now)

    def get_agency(self, agency_code: str) -> Agency:
        """Raises NotFound."""
        agency = self._catalogue.recorded.agencies.get(agency_code)
        if agency is None:
            raise NotFound(agency_code)
        return agency


def _check_names(agency: Agency) -> None:
    problems = [*find_text_faults("name_vi", agency.name_vi), *find_text_faults("name_en", agency.name_en)]
    if problems:
        raise InvalidInput(*problems)


def _refuse_circle(changed: Agency, agencies: Mapping[str, Agency]) -> None:
    """Raise InvalidInput if an agency would be above itself."""
    above = changed.parent_code
    while above is not None:
        if above == changed.agency_code:
            raise InvalidInput(
                InputProblem(
                    "parent_code",
                    "circle",
                    "chọn cơ quan khác: cơ quan đã chọn nằm dưới cơ quan này | it is below this agency",
                )
            )
        above = agencies[above].parent_code


def _check_fields(definition: ResultType | None, names: Sequence[str]) -> None:
    if definition is None:
        raise InvalidInput(UNKNOWN_TYPE)
    beyond = {field.name for field in definition.fields if not field.in_code or field.keep_last is not None}
    problems = [
        InputProblem(
            f"fields.{place}",
            "not_beyond_code",
            "bỏ mục này: loại kết quả không có trường này, hoặc mã QR đã hiện đầy đủ"
            " | the type has no such field, or the code shows it whole",
        )
        for place, name in enumerate(names)
        if name not in beyond
    ]
    if problems:
        raise InvalidInput(*problems)
