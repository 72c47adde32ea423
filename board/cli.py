"""The command ``board``. Each command is thin: it reads its options, calls one function and prints.

Exit codes: 0 done, 1 it went wrong (Redis away, a check failed, no such user), 2 asked wrongly (settings, options).
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from board import __version__, doctor
from board.auth.passwords import generate_password
from board.auth.policy import Role
from board.config import Settings, from_environment, without_secrets
from board.dev import run as dev_run
from board.dev.seeds import seed as write_seeds
from board.engine.errors import StoreError, UsageError
from board.errors import BoardError, SettingsError
from board.logs import configure
from board.service import Service, wall_clock_ms
from board.web import announce, create_app

__all__ = ["main"]

MARKS = {doctor.Verdict.OK: "ok  ", doctor.Verdict.WARNING: "warn", doctor.Verdict.FAILURE: "FAIL"}


def main() -> None:
    """Run the command line; errors we know become one line and an exit code, never a traceback."""
    try:
        code = board.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except (SettingsError, UsageError) as problem:
        _stop(problem, 2)
    except (BoardError, StoreError) as problem:
        _stop(problem, 1)
    sys.exit(code if isinstance(code, int) else 0)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="board")
def board() -> None:
    """Watch and repair BullMQ-compatible queues, and run workers on them. Settings come from the environment."""


@board.command()
def serve() -> None:
    """Serve the board by gunicorn, for real use."""
    settings = _settings()
    from board.gunicorn import serve as run  # noqa: PLC0415 - gunicorn is not there on Windows

    configure()
    with _service(settings) as service:
        _prepare(service)
    click.echo(f"Queue Board on {_address(settings)} for Redis at {without_secrets(settings.redis_url)}", err=True)
    run(settings, lambda: create_app(settings))


@board.command()
@click.option("--reload/--no-reload", default=False, help="Start again when a file of the board changes.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".data"),
    show_default=True,
    help="Folder of the embedded server.",
)
def dev(*, reload: bool, data: Path) -> None:
    """Serve the board on a server of its own, with demo data and busy workers; with REDIS_URL set, on that Redis."""
    configure()
    dev_run.run(_settings(needs_redis=False), data=data, reload=reload)


@board.command()
@click.argument("target", metavar="MODULE:NAME")
def worker(target: str) -> None:
    """Run the Worker or AsyncWorker that NAME in MODULE is, or makes, until SIGTERM or SIGINT."""
    configure()
    found = _load(target)
    if inspect.iscoroutinefunction(found.run):
        asyncio.run(found.run())
    else:
        found.run()


@board.command("doctor")
@click.option("--short", is_flag=True, help="Only whether Redis answers, for a container's health check.")
def examine(*, short: bool) -> int:
    """Check Redis, its settings and this installation; say what to do about what is wrong."""
    with _service(_settings()) as service:
        if short:
            service.ping()
            return 0
        findings = list(doctor.examine(service))
    for finding in findings:
        click.echo(f"{MARKS[finding.verdict]}  {finding.name}: {finding.sentence}")
        if finding.remedy:
            click.echo(f"      {finding.remedy}")
    return 1 if any(finding.verdict is doctor.Verdict.FAILURE for finding in findings) else 0


@board.command()
def seed() -> None:
    """Write demo data into REDIS_URL. Refuses a Redis that holds keys it did not write."""
    settings = _settings()
    with _service(settings) as service:
        done = write_seeds(service.connection, service.namespace, settings.default_prefix, wall_clock_ms())
    click.echo(f"{done.jobs} jobs in {done.queues} queues")


@board.group()
def user() -> None:
    """Add, list, change and remove the people who may sign in."""


@user.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.VIEWER.value, show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else one is generated.")
def user_add(name: str, role: str, *, password_stdin: bool) -> None:
    """Add a user."""
    with _service(_settings()) as service:
        password = _password(from_stdin=password_stdin)
        added = service.users.add(name, password, Role(role))
    _tell(f"Added {added.name}, {added.role.value}", password, generated=not password_stdin)


@user.command("list")
def user_list() -> None:
    """List the users with their roles."""
    with _service(_settings()) as service:
        users = service.users.all()
    for one in users:
        click.echo(f"{one.name}\t{one.role.value}{'	disabled' if one.is_disabled else ''}")


@user.command("remove")
@click.argument("name")
def user_remove(name: str) -> None:
    """Remove a user; sign-ins end at once."""
    with _service(_settings()) as service:
        service.users.remove(name)
    click.echo(f"Removed {name}")


@user.command("passwd")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else one is generated.")
def user_passwd(name: str, *, password_stdin: bool) -> None:
    """Give a user a new password; sign-ins end at once."""
    with _service(_settings()) as service:
        password = _password(from_stdin=password_stdin)
        service.users.set_password(name, password)
    _tell(f"Changed the password of {name}", password, generated=not password_stdin)


@user.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice([role.value for role in Role]))
def user_role(name: str, role: str) -> None:
    """Change what a user may do; sign-ins end at once."""
    with _service(_settings()) as service:
        service.users.set_role(name, Role(role))
    click.echo(f"{name} is {role} now")


@user.command("disable")
@click.argument("name")
def user_disable(name: str) -> None:
    """Shut a user out; sign-ins end at once."""
    with _service(_settings()) as service:
        service.users.set_disabled(name, disabled=True)
    click.echo(f"{name} may not sign in any more")


@user.command("enable")
@click.argument("name")
def user_enable(name: str) -> None:
    """Let a user in again."""
    with _service(_settings()) as service:
        service.users.set_disabled(name, disabled=False)
    click.echo(f"{name} may sign in")


def _settings(*, needs_redis: bool = True) -> Settings:
    return from_environment(needs_redis=needs_redis)


@contextmanager
def _service(settings: Settings) -> Iterator[Service]:
    service = Service(settings)
    try:
        yield service
    finally:
        service.close()


def _prepare(service: Service) -> None:
    """Make the first administrator before the first request; without Redis that waits until it answers."""
    try:
        announce(service.prepare(signs_in=True))
    except StoreError as trouble:
        click.echo(f"{trouble}. The board starts all the same and recovers by itself.", err=True)


def _password(*, from_stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\n") if from_stdin else generate_password()


def _tell(what: str, password: str, *, generated: bool) -> None:
    click.echo(f"{what}. Password: {password}" if generated else what)


def _address(settings: Settings) -> str:
    return f"http://{settings.host}:{settings.port}{settings.base_path}/"


def _load(target: str) -> Any:
    """Return the worker that ``module:name`` names; a function is called to make it."""
    module_name, _, name = target.partition(":")
    if not module_name or not name:
        raise click.UsageError("write MODULE:NAME, for example app.tasks:worker")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module_name), name)
    except ModuleNotFoundError as missing:
        if missing.name is None or not (module_name + ".").startswith(missing.name + "."):
            raise
        raise click.UsageError(f"there is no module {module_name}") from None
    except AttributeError:
        raise click.UsageError(f"module {module_name} has no {name}") from None
    if callable(found) and not hasattr(found, "run"):
        make: Callable[[], Any] = found
        found = make()
    if not hasattr(found, "run"):
        raise click.UsageError(f"{target} is no worker: it is a {type(found).__name__}")
    return found


def _stop(problem: Exception, code: int) -> NoReturn:
    for line in str(problem).splitlines() or [type(problem).__name__]:
        click.echo(f"board: {line}", err=True)
    sys.exit(code)
