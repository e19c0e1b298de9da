"""What the commands of administration share: whoever may run them administers the whole city."""

from typing import TYPE_CHECKING, Annotated

import typer

from khoso.caller import SCOPES, Caller
from khoso.errors import InputProblem, InvalidInput

if TYPE_CHECKING:
    from khoso.wiring import Services

Actor = Annotated[str, typer.Option("--actor", help="Who does this; goes into the audit.")]


def city_of(services: "Services") -> str:
    """The one agency that is below none. Raises InvalidInput if there is none yet, or if there are several."""
    catalogue = services.catalogue
    tops = [
        agency.agency_code
        for agency in catalogue.recorded.agencies.values()
        if agency.parent_code is None and catalogue.hierarchy.stands(agency.agency_code)
    ]
    if len(tops) != 1:
        message = (
            f"có {len(tops)} cơ quan không có cấp trên: nạp danh mục, hoặc nêu một cơ quan"
            f" | there are {len(tops)} agencies that are below none: load the catalogue, or name one"
        )
        raise InvalidInput(InputProblem("agency", "no_city", message))
    return tops[0]


def administrator(services: "Services", actor: str) -> Caller:
    """Whoever acts here, with every right in the whole city."""
    return Caller(subject=actor, scopes=frozenset(SCOPES), agency_code=city_of(services))
