"""``board queue``: what the pages do, for scripts. The same actions, refused and recorded the same way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import click

from board.actions import jobs as job_actions
from board.actions import queues as queue_actions
from board.actions.perform import MOST_JOBS, Actor, Desk, Outcome
from board.cli import opening
from board.cli.bulk import bulk, bulk_stop, runs
from board.cli.naming import actor_at_console, find_queue
from board.engine.calls import Batch
from board.engine.commands.queues import get_counts, get_meta
from board.engine.keys import QueueKeys
from board.engine.types import JobState
from board.service import Service

__all__ = ["queue"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DURATION = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
CLEANED = ("completed", "failed", "delayed", "waiting", "prioritized")


@click.group()
@click.option(
    "--connection", metavar="NAME", help="The server of that name in BOARD_CONNECTIONS, not that of REDIS_URL."
)
def queue(connection: str | None) -> None:
    """List queues and repair their jobs. QUEUE is a name, or PREFIX:NAME for another prefix than the first."""
    opening.choose(connection)


queue.add_command(bulk)
queue.add_command(runs)
queue.add_command(bulk_stop)


@queue.command("list")
@as_json
def list_queues(*, as_json: bool) -> None:
    """List the queues with their counts."""
    with opening.service() as service:
        rows = [_counted(service, keys) for keys in service.sources.list_all().queues]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        counts = "  ".join(f"{state} {count}" for state, count in row["counts"].items() if count)
        click.echo(f"{row['prefix']}:{row['name']}{'  paused' if row['paused'] else ''}  {counts or 'empty'}")


@queue.command()
@click.argument("name", metavar="QUEUE")
@as_json
def counts(name: str, *, as_json: bool) -> None:
    """Print how many jobs of a queue are in each state."""
    with opening.service() as service:
        row = _counted(service, find_queue(service, name))
    if as_json:
        click.echo(json.dumps(row))
        return
    for state, count in row["counts"].items():
        click.echo(f"{state}\t{count}")


@queue.command()
@click.argument("name", metavar="QUEUE")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All failed jobs.")
@as_json
def retry(name: str, ids: tuple[str, ...], *, everything: bool, as_json: bool) -> int:
    """Make failed or completed jobs runnable again."""
    return _jobs("retry", name, ids, queue_actions.retry_all if everything else None, as_json=as_json)


@queue.command()
@click.argument("name", metavar="QUEUE")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All delayed jobs.")
@as_json
def promote(name: str, ids: tuple[str, ...], *, everything: bool, as_json: bool) -> int:
    """Make delayed jobs runnable now."""
    return _jobs("promote", name, ids, queue_actions.promote_all if everything else None, as_json=as_json)


@queue.command()
@click.argument("name", metavar="QUEUE")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@as_json
def remove(name: str, ids: tuple[str, ...], *, as_json: bool) -> int:
    """Remove jobs and everything below them."""
    return _jobs("remove", name, ids, None, as_json=as_json)


@queue.command()
@click.argument("name", metavar="QUEUE")
@click.option("--state", type=click.Choice(CLEANED), default="completed", show_default=True)
@click.option("--older-than", "grace", default="0s", show_default=True, help="Such as 30m, 24h or 7d.")
@click.option("--limit", type=click.IntRange(0), default=0, help="At most this many; 0 for all.")
@as_json
def clean(name: str, *, state: str, grace: str, limit: int, as_json: bool) -> int:
    """Remove old jobs of one state, oldest first."""
    grace_ms = _milliseconds(grace)
    with opening.service() as service:
        outcome = queue_actions.clean(
            service.desk, actor_at_console(), find_queue(service, name), JobState(state), grace_ms=grace_ms, limit=limit
        )
    return _tell("removed", [outcome], as_json=as_json)


@queue.command()
@click.argument("name", metavar="QUEUE")
@as_json
def pause(name: str, *, as_json: bool) -> int:
    """Let workers take no more jobs of a queue."""
    with opening.service() as service:
        outcome = queue_actions.pause(service.desk, actor_at_console(), find_queue(service, name))
    return _tell("paused", [outcome], as_json=as_json)


@queue.command()
@click.argument("name", metavar="QUEUE")
@as_json
def resume(name: str, *, as_json: bool) -> int:
    """Let workers take jobs of a queue again."""
    with opening.service() as service:
        outcome = queue_actions.resume(service.desk, actor_at_console(), find_queue(service, name))
    return _tell("resumed", [outcome], as_json=as_json)


def _jobs(
    verb: str,
    name: str,
    ids: Sequence[str],
    everything: Callable[[Desk, Actor, QueueKeys], Outcome] | None,
    *,
    as_json: bool,
) -> int:
    """Act on the jobs named, as many at once as one action takes, or on all."""
    if bool(ids) == (everything is not None):
        raise click.UsageError("name the jobs, or say --all")
    with opening.service() as service:
        keys = find_queue(service, name)
        if everything is not None:
            outcomes = [everything(service.desk, actor_at_console(), keys)]
        else:
            steps = [ids[at : at + MOST_JOBS] for at in range(0, len(ids), MOST_JOBS)]
            outcomes = [job_actions.ACTIONS[verb](service.desk, actor_at_console(), keys, step) for step in steps]
    done = {"retry": "retried", "promote": "promoted", "remove": "removed"}[verb]
    return _tell(done, outcomes, as_json=as_json)


def _tell(done: str, outcomes: Sequence[Outcome], *, as_json: bool) -> int:
    """Print what happened; the exit code is 1 when any job was left alone."""
    refusals = [refusal for outcome in outcomes for refusal in outcome.change.refusals]
    number = sum(outcome.change.count for outcome in outcomes)
    keys = outcomes[0].queue
    if as_json:
        ids = [job_id for outcome in outcomes for job_id in outcome.change.done]
        told = {"queue": keys.name, "prefix": keys.prefix, "done": done, "count": number, "ids": ids}
        click.echo(json.dumps({**told, "left_alone": [asdict(refusal) for refusal in refusals]}))
    elif done in {"paused", "resumed"}:
        click.echo(f"{done} {keys.name}")
    else:
        click.echo(f"{done} {number} {'job' if number == 1 else 'jobs'} of {keys.name}")
        for refusal in refusals:
            click.echo(f"job {refusal.job_id} {refusal.reason}", err=True)
    for outcome in outcomes:
        if outcome.audit_problem:
            click.echo(f"not in the audit log: {outcome.audit_problem}", err=True)
    return 1 if refusals else 0


def _counted(service: Service, keys: QueueKeys) -> dict[str, Any]:
    reads: Batch[Any] = Batch.of([get_counts(keys), get_meta(keys)])
    found, meta = service.connection.batch(reads)
    named = {name.replace("_", "-"): count for name, count in asdict(found).items()}
    return {"prefix": keys.prefix, "name": keys.name, "paused": meta.paused, "counts": named}


def _milliseconds(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,9})(ms|s|m|h|d)", text)
    if match is None:
        raise click.UsageError(f"{text!r} is no duration; write 30m, 24h or 7d")
    return int(match.group(1)) * DURATION[match.group(2)]
