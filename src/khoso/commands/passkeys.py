"""`khoso passkeys`: for people who have lost theirs."""

from typing import Annotated

import typer

from khoso.commands.administering import Actor
from khoso.commands.terminal import JsonOption, out, print_json, with_services

passkeys_app = typer.Typer(no_args_is_help=True, help="Passkeys of people who have lost theirs.")


@passkeys_app.callback()
def _passkeys() -> None:
    """There will be more than one command."""


@passkeys_app.command()
def reset(
    subject: Annotated[str, typer.Argument(help="Whose: person:<uuid>, as the audit and `khoso assignments` have it.")],
    actor: Actor,
    as_json: JsonOption = False,
) -> None:
    """Forget all passkeys of a person and log him out everywhere; first make sure, in person, that he asks for it."""
    lost = with_services(lambda services: services.identity.passkeys.reset(subject, actor))
    if as_json:
        print_json(lost)
        return
    out.print(
        f"Đã xoá {lost.passkeys} khoá truy cập, đã đăng xuất ở {lost.logins} nơi | "
        f"passkeys forgotten: {lost.passkeys}; places logged out: {lost.logins}",
        highlight=False,
        markup=False,
    )
