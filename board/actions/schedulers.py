"""Job schedulers: save, run now, hold back and put back, remove.

BullMQ has no paused scheduler. To hold one back its record is kept in the board's own key first and then taken out of
its queue, if it is still that record; to put it back it is made again from there and the copy deleted last. Whatever
stops in between, the record is in at least one of the two places, and the one in the queue counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from board.actions.perform import Actor, Change, Desk, Outcome, check_data, perform
from board.auth.policy import Permission
from board.engine.calls import Call
from board.engine.codec import integer
from board.engine.commands import jobs, repairs, schedulers
from board.engine.commands.templates import check_template
from board.engine.keys import QueueKeys
from board.engine.types import JobData, Repeat
from board.errors import BadRequestError
from board.held import Held, held_field, read_held
from board.namespace import Namespace
from board.words import sentence

__all__ = ["MOST_HELD", "Draft", "hold", "put_back", "remove", "run_now", "save"]

MOST_HELD = 500
"""Schedulers that may be held back at once: each page of schedulers reads them all."""

LARGEST_RECORD = 256 * 1024
"""Bytes of a record that may be held back."""


RULE = ("name", "pattern", "every", "tz", "offset", "limit", "startDate", "endDate")
"""Fields of a record that say when it runs."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A scheduler as somebody wants it.

    Attributes:
        id: its id.
        name: of its jobs; empty for its id.
        repeat: when it runs.
        data_text: payload of its jobs, JSON.
        template: options of its jobs, under the names of a stored record.
    """

    id: str
    name: str
    repeat: Repeat
    data_text: str
    template: Mapping[str, Any]


def save(desk: Desk, actor: Actor, namespace: Namespace, queue: QueueKeys, draft: Draft) -> Outcome:
    """Create a scheduler, or change it; its count of runs goes on.

    Raises:
        UsageError: a pattern, zone, date or option that makes no sense; nothing was changed.
        SchedulerError: it would never run, or its next run's id is taken; nothing was changed.
        DataRefusedError: data that the schema of its jobs does not allow; nothing was changed.
    """

    def change() -> Change:
        check_data(desk, actor, queue, draft.name or draft.id, draft.data_text)
        check_template(draft.template)
        before = desk.connection.call(schedulers.read_record(queue, draft.id))
        made = desk.connection.run(
            schedulers.upsert_scheduler(
                queue,
                draft.id,
                draft.repeat,
                name=draft.name or None,
                data_text=draft.data_text,
                template=draft.template,
                now_ms=desk.clock(),
            )
        )
        if made is None:
            raise BadRequestError(sentence("A limit below 1 leaves nothing to run. Nothing was changed."))
        desk.connection.call(_forget(namespace, queue, draft.id))
        after = desk.connection.call(schedulers.read_record(queue, draft.id))
        detail = f"scheduler {draft.id}, next run {made}"
        return Change(done=(made,), detail=detail, before=_told(before), after=_told(after))

    return perform(desk, actor, Permission.SCHEDULE, queue, change, action="save scheduler")


def run_now(desk: Desk, actor: Actor, namespace: Namespace, queue: QueueKeys, scheduler_id: str) -> Outcome:
    """Add one job like those the scheduler makes, beside its schedule, which stays as it is.

    Raises:
        BadRequestError: there is no such scheduler.
        DataRefusedError: its data are not what the schema of its jobs allows; nothing was added.
    """

    def change() -> Change:
        fields = _record(desk, namespace, queue, scheduler_id)
        name, opts = fields.get("name") or scheduler_id, fields.get("opts") or "{}"
        run = JobData("", name=name, data_text=fields.get("data") or "{}", raw={"opts": opts})
        check_data(desk, actor, queue, name, run.data_text)
        added = desk.connection.call(jobs.add_job(queue, repairs.copy_of(run, desk.clock())))
        return Change(done=(added,), detail=f"a run of scheduler {scheduler_id}")

    return perform(desk, actor, Permission.ADD, queue, change, action="run scheduler now")


def hold(desk: Desk, actor: Actor, namespace: Namespace, queue: QueueKeys, scheduler_id: str) -> Outcome:
    """Take a scheduler out of its queue and keep its record, so that it can be put back.

    A run that already waits in line or runs is left alone.

    Raises:
        BadRequestError: there is none, it is too large or too old to be put back as it was, or too many are held.
        SchedulerError: it was changed meanwhile.
    """

    def change() -> Change:
        fields = desk.connection.call(schedulers.read_record(queue, scheduler_id))
        if not fields:
            raise BadRequestError(
                sentence("There is no scheduler %(id)s in %(queue)s any more.", id=scheduler_id, queue=queue.name)
            )
        if "ic" not in fields:
            raise BadRequestError(
                sentence(
                    "This is a repeatable job of release 5, which cannot be put back as it was. Remove it, and make a "
                    "scheduler instead. Nothing was changed."
                )
            )
        held = Held(queue, scheduler_id, fields, desk.clock(), actor.identity.name).written()
        if len(held.encode()) > LARGEST_RECORD:
            raise BadRequestError(sentence("The data of its jobs are too large to be kept aside. Nothing was changed."))
        if desk.connection.call(Call(("HLEN", namespace.held_schedulers), int, writes=False)) >= MOST_HELD:
            raise BadRequestError(
                sentence(
                    "%(most)s schedulers are paused already; remove some first. Nothing was changed.", most=MOST_HELD
                )
            )
        field = held_field(queue, scheduler_id)
        desk.connection.call(Call(("HSET", namespace.held_schedulers, field, held), int))
        try:
            desk.connection.call(schedulers.remove_scheduler(queue, scheduler_id, expected=fields))
        except Exception:
            desk.connection.call(_forget(namespace, queue, scheduler_id))
            raise
        return Change(done=(scheduler_id,), detail=f"scheduler {scheduler_id}")

    return perform(desk, actor, Permission.SCHEDULE, queue, change, action="pause scheduler")


def put_back(desk: Desk, actor: Actor, namespace: Namespace, queue: QueueKeys, scheduler_id: str) -> Outcome:
    """Make a scheduler again that was held back; it goes on with its next moment, and its count with it.

    Raises:
        BadRequestError: it is not held back, or one of that id is in the queue again.
        SchedulerError: its end has passed, or its limit is used up.
    """

    def change() -> Change:
        held = _held(desk, namespace, queue, scheduler_id)
        if held is None:
            raise BadRequestError(sentence("Scheduler %(id)s is not paused. Nothing was changed.", id=scheduler_id))
        if desk.connection.call(schedulers.read_record(queue, scheduler_id)):
            raise BadRequestError(
                sentence(
                    "There is a scheduler %(id)s in %(queue)s again. Remove it first to put back the paused "
                    "one. Nothing was changed.",
                    id=scheduler_id,
                    queue=queue.name,
                )
            )
        fields = held.fields
        made = desk.connection.run(
            schedulers.upsert_scheduler(
                queue,
                scheduler_id,
                _repeat(fields),
                name=fields.get("name"),
                data_text=fields.get("data") or "{}",
                template=_template(fields),
                made=integer(fields.get("ic")) or 1,
                now_ms=desk.clock(),
            )
        )
        if made is None:
            raise BadRequestError(sentence("It has made all the runs of its limit. Nothing was changed."))
        desk.connection.call(_forget(namespace, queue, scheduler_id))
        return Change(done=(scheduler_id,), detail=f"scheduler {scheduler_id}, next run {made}")

    return perform(desk, actor, Permission.SCHEDULE, queue, change, action="resume scheduler")


def remove(desk: Desk, actor: Actor, namespace: Namespace, queue: QueueKeys, scheduler_id: str) -> Outcome:
    """Delete a scheduler with its next run, or one that is held back, or a repeatable job of release 5."""

    def change() -> Change:
        was_there = desk.connection.call(schedulers.remove_scheduler(queue, scheduler_id))
        was_held = desk.connection.call(_forget(namespace, queue, scheduler_id))
        if not was_there and not was_held:
            raise BadRequestError(
                sentence("There is no scheduler %(id)s in %(queue)s any more.", id=scheduler_id, queue=queue.name)
            )
        return Change(done=(scheduler_id,), detail=f"scheduler {scheduler_id}")

    return perform(desk, actor, Permission.SCHEDULE, queue, change, action="remove scheduler")


def _record(desk: Desk, namespace: Namespace, queue: QueueKeys, scheduler_id: str) -> dict[str, str]:
    fields = desk.connection.call(schedulers.read_record(queue, scheduler_id))
    if not fields:
        held = _held(desk, namespace, queue, scheduler_id)
        if held is None:
            raise BadRequestError(
                sentence("There is no scheduler %(id)s in %(queue)s any more.", id=scheduler_id, queue=queue.name)
            )
        fields = held.fields
    return fields


def _held(desk: Desk, namespace: Namespace, queue: QueueKeys, scheduler_id: str) -> Held | None:
    field = held_field(queue, scheduler_id)
    stored = desk.connection.call(Call(("HGET", namespace.held_schedulers, field), lambda reply: reply, writes=False))
    return None if stored is None else read_held(stored)


def _forget(namespace: Namespace, queue: QueueKeys, scheduler_id: str) -> Call[bool]:
    return Call(("HDEL", namespace.held_schedulers, held_field(queue, scheduler_id)), bool)


def _told(record: Mapping[str, str]) -> str:
    """Write a schedule for the audit log, without what its jobs carry."""
    return ", ".join(f"{name} {record[name]}" for name in RULE if name in record)


def _repeat(fields: Mapping[str, str]) -> Repeat:
    every = integer(fields.get("every"))
    offset = integer(fields.get("offset"))
    return Repeat(
        pattern=fields.get("pattern") if every is None else None,
        every=every,
        tz=fields.get("tz"),
        limit=integer(fields.get("limit")),
        start_date_ms=integer(fields.get("startDate")),
        end_date_ms=integer(fields.get("endDate")),
        # An offset of a whole interval is the same grid as none, but does not run at once.
        offset=None if every is None else offset or every,
    )


def _template(fields: Mapping[str, str]) -> dict[str, Any]:
    try:
        stored = json.loads(fields.get("opts") or "{}")
    except ValueError:
        raise BadRequestError(sentence("The options of its jobs cannot be read. Nothing was changed.")) from None
    return stored if isinstance(stored, dict) else {}
