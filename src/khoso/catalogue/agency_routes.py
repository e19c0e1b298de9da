"""Administering agencies, and what inspectors see, over HTTP."""

from datetime import date
from typing import Annotated

import msgspec
from litestar import get, patch, post, put
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg, FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from khoso.caller import Caller, Purview
from khoso.catalogue.administration import Administration, AgencyChange
from khoso.catalogue.model import Agency, InspectorField, Successor
from khoso.catalogue.service import Catalogue

_AGENCIES = {"scope": "agencies:write"}
_FIELDS = {"scope": "inspector-fields:write"}
_AGENCY = Agency(
    agency_code="H17.05.14",
    name_vi="UBND phường Bình Thuận",
    name_en="Binh Thuan Ward People's Committee",
    level="ward",
    parent_code="H17",
    valid_from=date(2027, 1, 1),
)
_LISTED = (
    "Rights count with it at once. Verifiers believe the signed trust list alone: `listed` says whether that has it "
    "already; otherwise it waits for the next ceremony, and until then a new agency issues nothing."
)


class SuccessorRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who answers for what an agency has issued, and since when."""

    successor_code: str
    since: date


class AdministeredAgency(msgspec.Struct, frozen=True):
    """An agency as it is now."""

    agency: Agency
    successor_codes: list[str]
    listed: bool
    """Whether the signed trust list says the same of it; otherwise that waits for the next ceremony."""


class InspectorFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The recorded fields of a type that inspectors of an authority, and of all below it, are shown beyond the code."""

    agency_code: str
    type_code: str
    fields: Annotated[list[str], msgspec.Meta(max_length=100)]


class InspectorFieldList(msgspec.Struct, frozen=True):
    """All of them, one by one."""

    items: list[InspectorField]


@post(
    "/api/v1/agencies",
    opt=_AGENCIES,
    status_code=HTTP_201_CREATED,
    tags=["rights"],
    summary="Add an agency below another",
    description=_LISTED,
)
async def add_agency(
    data: Annotated[Agency, BodyKwarg(examples=[Example(summary="A new ward", value=msgspec.to_builtins(_AGENCY))])],
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    catalogue: NamedDependency[Catalogue],
    administration: NamedDependency[Administration],
) -> AdministeredAgency:
    await administration.add_agency(data, purview, caller.subject)
    return _agency(data.agency_code, catalogue, administration)


@patch(
    "/api/v1/agencies/{agency_code:str}",
    opt=_AGENCIES,
    tags=["rights"],
    summary="Rename, move, begin or end an agency",
    description=_LISTED,
)
async def change_agency(
    agency_code: FromPath[str],
    data: JSONBody[AgencyChange],
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    catalogue: NamedDependency[Catalogue],
    administration: NamedDependency[Administration],
) -> AdministeredAgency:
    await administration.change_agency(agency_code, data, purview, caller.subject)
    return _agency(agency_code, catalogue, administration)


@post(
    "/api/v1/agencies/{agency_code:str}/successors",
    opt=_AGENCIES,
    status_code=HTTP_200_OK,
    tags=["rights"],
    summary="Have another agency answer for what this one has issued",
    description=_LISTED,
)
async def add_successor(
    agency_code: FromPath[str],
    data: JSONBody[SuccessorRequest],
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    catalogue: NamedDependency[Catalogue],
    administration: NamedDependency[Administration],
) -> AdministeredAgency:
    successor = Successor(agency_code=agency_code, successor_code=data.successor_code, since=data.since)
    await administration.add_successor(successor, purview, caller.subject)
    return _agency(agency_code, catalogue, administration)


@get(
    "/api/v1/inspector-fields",
    opt=_FIELDS,
    tags=["rights"],
    summary="Which recorded fields inspectors are shown beyond what a code holds",
)
async def list_inspector_fields(
    purview: NamedDependency[Purview], administration: NamedDependency[Administration]
) -> InspectorFieldList:
    return InspectorFieldList(administration.list_inspector_fields(purview))


@put(
    "/api/v1/inspector-fields",
    opt=_FIELDS,
    tags=["rights"],
    summary="Show inspectors of an authority exactly these recorded fields of a type; an empty list shows none",
)
async def show_inspectors(
    data: JSONBody[InspectorFields],
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    administration: NamedDependency[Administration],
) -> InspectorFieldList:
    await administration.show_inspectors(data.agency_code, data.type_code, data.fields, purview, caller.subject)
    return InspectorFieldList(administration.list_inspector_fields(purview))


def _agency(agency_code: str, catalogue: Catalogue, administration: Administration) -> AdministeredAgency:
    successors = list(catalogue.recorded.successors.get(agency_code, ()))
    return AdministeredAgency(administration.get_agency(agency_code), successors, administration.is_listed(agency_code))


HANDLERS = [add_agency, change_agency, add_successor, list_inspector_fields, show_inspectors]
