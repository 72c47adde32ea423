"""``board token``: tokens of programs that use the JSON API."""

from __future__ import annotations

import click

from board.auth.policy import Role
from board.auth.tokens import LONGEST_DAYS
from board.cli import naming, opening

__all__ = ["token"]


@click.group()
def token() -> None:
    """Make, list and revoke the tokens of programs."""


@token.command("make")
@click.argument("name")
@click.option("--role", default=Role.VIEWER.value, show_default=True)
@click.option("--queue", "queues", multiple=True, help="A glob of the queues it is for; may be given more than once.")
@click.option("--read-only", is_flag=True, help="It only reads, whatever the role.")
@click.option("--days", type=click.IntRange(0, LONGEST_DAYS), default=90, show_default=True, help="0 does not end.")
def token_make(name: str, role: str, queues: tuple[str, ...], *, read_only: bool, days: int) -> None:
    """Make a token and print it; it cannot be had again."""
    from board.actions.accounts import perform_account

    made: list[str] = []

    def make() -> str:
        made.append(
            service.tokens.make(name, role, queues=queues, only_reads=read_only, days=days, made_by=who.identity.name)
        )
        return f"{name}, {role}, {', '.join(queues) or '*'}"

    who = naming.actor_at_console()
    with opening.service() as service:
        perform_account(service.desk, who, "make token", make, permission=None)
    click.echo(made[0])


@token.command("list")
def token_list() -> None:
    """List the tokens with their roles and queues."""
    with opening.service() as service:
        tokens = service.tokens.all()
    for _, one, _ in tokens:
        click.echo(f"{one.name}\t{one.role}\t{','.join(one.queues)}{'	only reads' if one.only_reads else ''}")


@token.command("revoke")
@click.argument("name")
def token_revoke(name: str) -> None:
    """End a token; it is refused at its next use."""
    from board.actions.accounts import perform_account
    from board.errors import UserError

    def revoke() -> str:
        if not service.tokens.revoke(name):
            raise UserError(f"There is no token {name}.")
        return name

    with opening.service() as service:
        perform_account(service.desk, naming.actor_at_console(), "revoke token", revoke, permission=None)
    click.echo(f"Revoked {name}")
