"""`khoso admin`: how a city gets its first administrator."""

from typing import TYPE_CHECKING, Annotated

import typer

from khoso.commands.administering import city_of
from khoso.commands.terminal import ACTOR, out, with_services

if TYPE_CHECKING:
    from khoso.wiring import Services

admin_app = typer.Typer(no_args_is_help=True, help="The first platform administrator.")


@admin_app.callback()
def _admin() -> None:
    """There will be more than one command."""


@admin_app.command()
def invite(
    agency: Annotated[
        str | None, typer.Option(help="The agency to administer, with all below it; else the city.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="A known account, person:<uuid>: appoint it here and now.")
    ] = None,
    actor: Annotated[str, typer.Option(help="Who does this; goes into the audit.")] = ACTOR,
) -> None:
    """Print a secret with which one person becomes administrator; good once, for an hour, while there is none."""

    async def run(services: "Services") -> str | None:
        root = agency or city_of(services)
        if subject is None:
            return await services.invitations.invite(root, actor)
        await services.invitations.appoint(subject, root, actor)
        return None

    secret = with_services(run)
    if secret is None:
        out.print(f"{subject}: đã là quản trị hệ thống | is platform administrator", highlight=False, markup=False)
        return
    out.print("Dùng một lần, trong một giờ, sau khi đăng nhập | good once, for an hour, after logging in:")
    out.print("  POST /api/v1/admin-invitations/redemption", highlight=False, markup=False)
    out.print(f'  {{"secret": "{secret}"}}', highlight=False, markup=False)
