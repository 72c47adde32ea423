"""``board token``: tokens of programs that use the JSON API."""

from __future__ import annotations

import click

from board.auth.policy import Role
from board.auth.tokens import LONGEST_DAYS
from board.cli import opening

__all__ = ["token"]

CONSOLE = "console"
"""Who made a token, where nobody is signed in."""


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
    with opening.service() as service:
        made = service.tokens.make(name, role, queues=queues, only_reads=read_only, days=days, made_by=CONSOLE)
    click.echo(made)


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
    with opening.service() as service:
        ended = service.tokens.revoke(name)
    if not ended:
        raise click.ClickException(f"There is no token {name}.")
    click.echo(f"Revoked {name}")
