"""``board queue bulk``: the dashboard's bulk runs for scripts: planned, carried out in steps, told as they go."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from board.background import Background, Duty
from board.bulk import VERBS, Run, Runner, Runs, plan, start, stop
from board.bulk.planning import PACE
from board.bulk.runner import IDLE_SECONDS
from board.cli import opening
from board.cli.naming import actor_at_console, find_queue
from board.queries.shared import STATES
from board.service import Service

__all__ = ["bulk", "bulk_stop", "runs"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
STATE_OF = {"retry": "failed", "promote": "delayed", "bury": "failed", "send-back": "waiting"}
WAIT_SECONDS = 0.2


@click.command("bulk")
@click.argument("verb", type=click.Choice(list(VERBS)))
@click.argument("names", metavar="QUEUE...", nargs=-1, required=True)
@click.option(
    "--state", "states", type=click.Choice([*STATES, "paused"]), multiple=True, help="Where; may be repeated."
)
@click.option("--filter", "text", default="", help="Which of them, as in the box above a list of jobs.")
@click.option("--to", "grave", default="", help="The dead-letter queue to move jobs to, for bury.")
@click.option("--pace", type=click.IntRange(0), default=PACE, show_default=True, help="Most jobs a second; 0 for all.")
@click.option("--dry-run", is_flag=True, help="Count what it would touch, and do nothing.")
@click.option("--detach", is_flag=True, help="Leave it to the processes that serve the board.")
@as_json
def bulk(verb: str, names: tuple[str, ...], *, dry_run: bool, detach: bool, as_json: bool, **asked: Any) -> int:
    """Act on all jobs that match, in steps that leave Redis to others. The exit code is 1 when any was left alone."""
    states = asked["states"] or ((STATE_OF[verb],) if verb in STATE_OF else ())
    if not states:
        raise click.UsageError("say of which state with --state")
    with opening.service() as service:
        who = actor_at_console()
        wanted = [(find_queue(service, name), state) for name in names for state in states]
        found = plan(
            *(service.desk, who, service.sources, verb, wanted),
            text=asked["text"],
            grave=asked["grave"],
            pace=asked["pace"],
        )
        if dry_run:
            told = {"verb": verb, "matching": found.matching, "exact": found.is_exact, "total": found.spec.total}
            words = f"{'' if found.is_exact else 'at least '}{found.matching} of {found.spec.total} jobs would be "
            click.echo(json.dumps(told) if as_json else words + VERBS[verb].done)
            return 0
        run_id = start(service.desk, who, service.namespace, found.spec)
        if detach:
            click.echo(json.dumps({"run": run_id}) if as_json else f"started {run_id}")
            return 0
        return _tell(_wait(service, run_id, quiet=as_json), as_json=as_json)


@click.command("runs")
@as_json
def runs(*, as_json: bool) -> None:
    """List the latest bulk runs, newest first."""
    with opening.service() as service:
        found = service.connection.call(Runs(service.namespace).latest(50))
    if as_json:
        click.echo(json.dumps([_told(run) for run in found]))
        return
    for run in found:
        queues = ",".join(queue.name for queue in run.spec.queues)
        click.echo(f"{run.id}\t{run.spec.verb}\t{queues}\t{run.status}\t{run.done} of {run.spec.total}")


@click.command("stop")
@click.argument("run_id", metavar="RUN")
def bulk_stop(run_id: str) -> int:
    """Let a bulk run end before its next step."""
    with opening.service() as service:
        run = service.connection.call(Runs(service.namespace).read(run_id))
        if run is None:
            raise click.UsageError(f"there is no run {run_id}")
        changed = stop(service.desk, actor_at_console(), service.namespace, run)
    click.echo(f"{run_id} stops" if changed else f"{run_id} was over")
    return 0 if changed else 1


def _wait(service: Service, run_id: str, *, quiet: bool) -> Run:
    """Wait until a run is over, and carry it out here if no other process has the duty."""
    runner = Runner(service.desk, service.namespace)
    background = Background(service.connection, service.namespace, [Duty("bulk", runner.step, IDLE_SECONDS)])
    background.start()
    try:
        shown = time.monotonic()
        while True:
            run = service.connection.call(Runs(service.namespace).read(run_id))
            if run is None or run.is_over:
                break
            if not quiet and time.monotonic() - shown > 2:
                shown = time.monotonic()
                click.echo(f"{run.done} {VERBS[run.spec.verb].done}, {run.share:.0%}", err=True)
            time.sleep(WAIT_SECONDS)
    finally:
        background.stop()
    if run is None:
        raise click.ClickException("the run is not in Redis any more")
    return run


def _tell(run: Run, *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps(_told(run)))
    else:
        click.echo(
            f"{VERBS[run.spec.verb].done} {run.done} {'job' if run.done == 1 else 'jobs'}, left {run.left} alone"
        )
        if run.detail:
            click.echo(run.detail, err=True)
    return 0 if run.status == "done" and not run.left else 1


def _told(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "verb": run.spec.verb,
        "queues": [{"prefix": queue.prefix, "name": queue.name} for queue in run.spec.queues],
        "filter": run.spec.filter,
        "status": run.status,
        "total": run.spec.total,
        "looked": run.looked,
        "done": run.done,
        "left": run.left,
        "unsure": run.unsure,
    }
