"""`khoso catalogue …`: agencies, result types and rights, brought in from files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from khoso.commands.administering import Actor
from khoso.commands.terminal import ACTOR, decode, out, read_file, with_services

if TYPE_CHECKING:
    from khoso.wiring import Services

catalogue_app = typer.Typer(no_args_is_help=True, help="Agencies, result types, rights.")


@catalogue_app.command("load-danang")
def load_danang() -> None:
    """Load the catalogue of Da Nang that comes with the program; loading it again changes nothing."""
    from khoso.catalogue import danang

    with_services(lambda services: services.catalogue.load(danang.load(), ACTOR))
    out.print("Đã nạp | loaded")


@catalogue_app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="The definition as JSON, - for standard input.", allow_dash=True)],
    actor: Actor,
    decision_number: Annotated[
        str | None, typer.Option(help="The decision by which this version may protect less than the one before.")
    ] = None,
) -> None:
    """Publish the next version of a result type, for good; also one that no longer takes two persons."""
    from khoso.catalogue import definitions

    definition = definitions.parse(decode(read_file(file), Any))

    async def run(services: "Services") -> None:
        await services.catalogue.publish_type(definition, actor, decision_number)

    with_services(run)
    out.print(f"{definition.code} v{definition.version}: đã công bố | published", highlight=False, markup=False)
