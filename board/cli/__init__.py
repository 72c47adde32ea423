"""The command ``board``. Each command is thin: it reads its options, calls one function and prints.

What a command works with is imported when it runs, so that ``board --help`` answers at once.

Exit codes: 0 done, 1 it went wrong (Redis away, a check failed, no such user), 2 asked wrongly (settings, options).
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from board import __version__
from board.cli import opening
from board.engine.errors import StoreError, UsageError
from board.errors import BoardError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Flask

    from board.config import Settings
    from board.doctor import Finding

__all__ = ["main"]


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
    # Late: gunicorn is not there on Windows, and the other commands need no web framework.
    from board.config import without_secrets
    from board.gunicorn import serve as run
    from board.web import announce, create_app, templating

    def make() -> Flask:
        app = create_app(settings, background=True)
        templating.load_soon(app.jinja_env)
        return app

    settings = opening.settings()
    opening.log()
    with opening.service() as service:
        try:
            announce(service.prepare(signs_in=True))
        except StoreError as trouble:
            click.echo(f"{trouble}. The board starts all the same and recovers by itself.", err=True)
    click.echo(f"Queue Board on {_address(settings)} for Redis at {without_secrets(settings.redis_url)}", err=True)
    run(settings, make)


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
    from board.dev import run

    opening.log()
    run.run(opening.settings(needs_redis=False), data=data, reload=reload)


@board.command()
@click.argument("targets", metavar="MODULE:NAME...", nargs=-1, required=True)
@click.option(
    "--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="How many to run of each worker."
)
@click.option("--concurrency", type=click.IntRange(1, 10_000), help="Jobs at once in each process, whatever it says.")
@click.option("--log", type=click.Choice(["readable", "json"]), default="readable", show_default=True)
@click.option("--health", metavar="[HOST:]PORT", help="Answer GET /healthz there.")
@click.option("--reload", is_flag=True, help="Start again when a Python file below this folder changes.")
def worker(
    targets: tuple[str, ...], processes: int, concurrency: int | None, log: str, health: str | None, *, reload: bool
) -> int:
    """Run the Worker or AsyncWorker that NAME in MODULE is, or makes, until SIGTERM or SIGINT.

    Running jobs finish first; a second signal hands them back at once.
    """
    opening.log(json_lines=log == "json")
    from board.cli import working

    plan = working.WorkerPlan(
        targets, processes, concurrency, json_logs=log == "json", health=working.parse_health(health), reload=reload
    )
    return working.run(plan)


@board.group("doctor", invoke_without_command=True)
@click.option("--short", is_flag=True, help="Only whether Redis answers, for a container's health check.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def examine(context: click.Context, *, short: bool, as_json: bool) -> int:
    """Check Redis, its settings and this installation; say what to do about what is wrong.

    Exit code 1 when a check fails that nobody accepted.
    """
    if context.invoked_subcommand:
        return 0
    with opening.service() as service:
        if short:
            service.ping()
            return 0
        from board import doctor

        every = {"": service, **service.others}
        code = 0
        for name, one in every.items():
            if name and not as_json:
                click.echo(f"\n{name}")
            code = max(code, _tell(list(doctor.examine(one)), name or one.settings.connection_label, as_json=as_json))
        return code


@examine.command("accept")
@click.argument("check")
@click.option("--until", metavar="DAY", required=True, help="The last day, as 2031-12-31; at most a year off.")
@click.option("--reason", required=True, help="Why, for others to read.")
@click.option("--connection", default="", help="Name of the Redis, where the board shows several.")
def accept_finding(check: str, until: str, reason: str, connection: str) -> None:
    """Let what CHECK finds stay as it is until a day: it is told apart and fails no run, unless it gets worse."""
    from board.cli import naming
    from board.doctor import accepting

    with opening.service() as service:
        one = naming.find_connection(service, connection)
        _recorded(accepting.accept(one, naming.actor_at_console(), check, until=until, reason=reason))


@examine.command("reopen")
@click.argument("check")
@click.option("--connection", default="", help="Name of the Redis, where the board shows several.")
def reopen_finding(check: str, connection: str) -> None:
    """Take back that the finding of CHECK is accepted."""
    from board.cli import naming
    from board.doctor import accepting

    with opening.service() as service:
        _recorded(accepting.reopen(naming.find_connection(service, connection), naming.actor_at_console(), check))


@board.command("mark")
@click.argument("text")
@click.option("--queue", "name", help="Only on the charts of this queue.")
def mark_charts(text: str, name: str | None) -> None:
    """Put a mark on the charts, now: TEXT is what happened, such as "deploy 4f2c1"."""
    from board.actions import marks
    from board.cli import naming

    with opening.service() as service:
        queue = naming.find_queue(service, name) if name else None
        _recorded(marks.say(service.desk, naming.actor_at_console(), service.namespace, text, queue))


@board.command()
def seed() -> None:
    """Write demo data into REDIS_URL. Refuses a Redis that holds keys it did not write."""
    from board.dev.seeds import seed as write_seeds
    from board.service import wall_clock_ms

    with opening.service() as service:
        prefix = service.settings.default_prefix
        done = write_seeds(service.connection, service.namespace, prefix, wall_clock_ms())
    click.echo(f"{done.jobs} jobs in {done.queues} queues")


class _Late(click.Group):
    """A group of commands whose module is imported when one of them is asked for."""

    def __init__(self, name: str, module: str, words: str) -> None:
        """Stand for the group ``name`` of ``module``; ``words`` are its help, which ``board --help`` shows."""
        super().__init__(name, help=words)
        self._module = module

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the options of the group itself."""
        return self._group().get_params(ctx)

    def invoke(self, ctx: click.Context) -> Any:
        """Do what the group itself does first."""
        self.callback = self._group().callback
        return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of its commands."""
        return self._group().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one of its commands."""
        return self._group().get_command(ctx, cmd_name)

    def _group(self) -> click.Group:
        group: click.Group = getattr(import_module(self._module), self.name or "")
        return group


board.add_command(_Late("user", "board.cli.users", "Add, list, change and remove the people who may sign in."))
board.add_command(_Late("token", "board.cli.tokens", "Make, list and revoke the tokens of programs."))
board.add_command(
    _Late(
        "queue",
        "board.cli.queues",
        "List queues and repair their jobs. QUEUE is a name, or PREFIX:NAME for another prefix than the first.",
    )
)


board.add_command(_Late("audit", "board.cli.audit", "Check and export the log of who did what."))


def _tell(findings: Iterable[Finding], connection: str, *, as_json: bool) -> int:
    """Print what was found; return the exit code."""
    from board.doctor import Verdict

    marks = {Verdict.OK: "ok  ", Verdict.WARNING: "warn", Verdict.FAILURE: "FAIL"}
    code = 0
    for finding in findings:
        accepted = finding.accepted
        code = 1 if finding.verdict is Verdict.FAILURE and accepted is None else code
        if as_json:
            click.echo(json.dumps({"connection": connection, **asdict(finding)}))
            continue
        click.echo(f"{'acc ' if accepted else marks[finding.verdict]}  {finding.name}: {finding.sentence}")
        if accepted:
            last = datetime.fromtimestamp(accepted.until_ms / 1000 - 1, UTC).date()
            click.echo(f"      accepted by {accepted.by} until {last}: {accepted.reason}")
        elif finding.remedy:
            click.echo(f"      {finding.remedy}")
    return code


def _recorded(problem: str) -> None:
    """Say why the audit log has no entry of what was done; nothing when it has."""
    if problem:
        click.echo(f"not in the audit log: {problem}", err=True)


def _address(settings: Settings) -> str:
    return f"http://{settings.host}:{settings.port}{settings.base_path}/"


def _stop(problem: Exception, code: int) -> NoReturn:
    for line in str(problem).splitlines() or [type(problem).__name__]:
        click.echo(f"board: {line}", err=True)
    sys.exit(code)
