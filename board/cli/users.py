"""``board user``: the people who may sign in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from board.auth.passwords import generate_password
from board.auth.policy import Role
from board.cli import naming, opening

if TYPE_CHECKING:
    from board.service import Service

__all__ = ["user"]


@click.group()
def user() -> None:
    """Add, list, change and remove the people who may sign in."""


@user.command("add")
@click.argument("name")
@click.option("--role", default=Role.VIEWER.value, show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else one is generated.")
def user_add(name: str, role: str, *, password_stdin: bool) -> None:
    """Add a user."""
    with opening.service() as service:
        password = _password(from_stdin=password_stdin)
        _record(service, "add user", f"{name}, {role}", lambda: service.users.add(name, password, role))
        added = service.users.get(name)
    _tell(f"Added {added.name if added else name}, {role}", password, generated=not password_stdin)


@user.command("list")
def user_list() -> None:
    """List the users with their roles."""
    with opening.service() as service:
        users = service.users.all()
    for one in users:
        click.echo(f"{one.name}\t{one.role}{'	disabled' if one.is_disabled else ''}")


@user.command("remove")
@click.argument("name")
def user_remove(name: str) -> None:
    """Remove a user; sign-ins end at once."""
    with opening.service() as service:
        _record(service, "remove user", name, lambda: service.users.remove(name))
        service.sessions.forget(name)
    click.echo(f"Removed {name}")


@user.command("passwd")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else one is generated.")
def user_passwd(name: str, *, password_stdin: bool) -> None:
    """Give a user a new password; sign-ins end at once."""
    with opening.service() as service:
        password = _password(from_stdin=password_stdin)
        _record(service, "reset password", name, lambda: service.users.set_password(name, password))
    _tell(f"Changed the password of {name}", password, generated=not password_stdin)


@user.command("role")
@click.argument("name")
@click.argument("role")
def user_role(name: str, role: str) -> None:
    """Change what a user may do; sign-ins end at once."""
    with opening.service() as service:
        _record(service, "change role", f"{name}: {role}", lambda: service.users.set_role(name, role))
    click.echo(f"{name} is {role} now")


@user.command("disable")
@click.argument("name")
def user_disable(name: str) -> None:
    """Shut a user out; sign-ins end at once."""
    with opening.service() as service:
        _record(service, "disable user", name, lambda: service.users.set_disabled(name, disabled=True))
    click.echo(f"{name} may not sign in any more")


@user.command("enable")
@click.argument("name")
def user_enable(name: str) -> None:
    """Let a user in again."""
    with opening.service() as service:
        _record(service, "enable user", name, lambda: service.users.set_disabled(name, disabled=False))
    click.echo(f"{name} may sign in")


def _password(*, from_stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\n") if from_stdin else generate_password()


def _tell(what: str, password: str, *, generated: bool) -> None:
    click.echo(f"{what}. Password: {password}" if generated else what)


def _record(service: Service, action: str, whom: str, change: Callable[[], object]) -> None:
    """Do a change of people and record it, done or refused; who has the keys of Redis may do all of them."""
    from board.actions.accounts import perform_account

    def changed() -> str:
        change()
        return whom

    perform_account(service.desk, naming.actor_at_console(), action, changed, permission=None)
