"""The form that adds a job to a queue: as a page, and with scripts in a dialog over the list."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import Response, flash, make_response, redirect, request, url_for
from markupsafe import Markup

from board import words
from board.actions import upkeep
from board.actions.perform import Outcome
from board.engine.errors import UsageError
from board.errors import BadRequestError, DataRefusedError, Fault
from board.queries.schema_outline import Outline, outline, skeleton
from board.queries.shared import QueueName, queue_name
from board.refusals import stated
from board.schemas import JobSchema
from board.sources import QueueKeys
from board.web import job_form, render, security
from board.web.state import actor, board, queue_or_404
from board.web.views.blueprints import queues
from board.web.wording import audit_missing, cut
from board.words import gettext, sentence

__all__ = ["AddPage", "add", "add_job"]


LONGEST_LINK = 1_000
"""Characters of an address in a message, which travels in a cookie."""

MOST_OUTLINES = 20
"""Schemas whose demands one form shows."""


@dataclass(frozen=True, slots=True)
class AddPage:
    """The form that adds a job.

    Attributes:
        queue: where it goes.
        values: what was typed, by field, or what the form begins with.
        back_url: where Cancel leads, and where to go once the job is added; empty for the job.
        outlines: what is demanded of the data of the queue's jobs.
        problems: by field, why nothing was added.
        problem: the same, where it is about no field.
        faults: where the data differ from what their schema allows.
    """

    queue: QueueName
    values: dict[str, str]
    back_url: str
    outlines: tuple[Outline, ...] = ()
    problems: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    faults: tuple[Fault, ...] = ()

    @property
    def is_refused(self) -> bool:
        """Whether it was sent, and something is wrong."""
        return bool(self.problems or self.problem)

    @property
    def has_options(self) -> bool:
        """Whether an option was asked for, or is wrong."""
        return any(
            self.problems.get(name) or (self.values.get(name) and not name.endswith("_unit"))
            for name in job_form.OPTIONS
            if name != "backoff"
        )


@queues.get("/q/<queue>/add")
def add(queue: str) -> Response:
    """Show the form that adds a job; ``name`` begins with the data of jobs of that name."""
    keys, name = queue_or_404(queue), request.args.get("name", "")[:200]
    entry = _begins_with(keys, name)
    if entry and not name and entry.names_one:
        name = entry.job
    values = {"name": name, "data": skeleton(entry) if entry else "{}"}
    return render.page("queues/add.html", page=_page(keys, values, request.args.get("next", "")))


@queues.post("/q/<queue>/add")
def add_job(queue: str) -> Response:
    """Add a job, or say what is wrong with it, field by field."""
    own, keys = board(), queue_or_404(queue)
    values = {name: request.form.get(name, "") for name in job_form.FIELDS}
    options, problems = job_form.read_options(values)
    name, text, problem = values["name"].strip(), "", ""
    faults: tuple[Fault, ...] = ()
    try:
        text = job_form.data_text(values["data"])
    except BadRequestError as refusal:
        problems["data"] = words.of(refusal)
    if not problems:
        try:
            outcome = upkeep.add_job(own.desk, actor(), keys, name, data_text=text, options=options)
        except DataRefusedError as refusal:
            faults, problems["data"] = refusal.faults, sentence("The data do not fit the schema of these jobs.")
        except UsageError as refusal:
            problem = _of_field(refusal, problems)
        else:
            return _leave(queue, outcome)
    back = request.form.get("next", "")
    page = _page(keys, values, back, problems=problems, problem=problem, faults=faults)
    return render.page("queues/add.html", page=page, status=400)


def _begins_with(queue: QueueKeys, name: str) -> JobSchema | None:
    """Return the schema whose data the form begins with: that of the name, or the only one of the queue."""
    schemas = board().desk.schemas
    if name:
        return schemas.of_job(queue.name, name)
    declared = schemas.of_queue(queue.name)
    return declared[0] if len(declared) == 1 else None


def _page(
    queue: QueueKeys,
    values: dict[str, str],
    back: str,
    *,
    problems: dict[str, str] | None = None,
    problem: str = "",
    faults: tuple[Fault, ...] = (),
) -> AddPage:
    own = board()
    return AddPage(
        queue_name(queue, own.sources),
        values,
        security.inside(back, request.script_root, "") if back else "",
        tuple(outline(one) for one in own.desk.schemas.of_queue(queue.name)[:MOST_OUTLINES]),
        problems or {},
        problem,
        faults,
    )


def _of_field(refusal: UsageError, problems: dict[str, str]) -> str:
    """Put a refusal of the engine beside its field; return it when it is about none."""
    told = stated(refusal)
    if named := job_form.field_of(refusal):
        problems[named] = told
        return ""
    return told


def _leave(queue: str, outcome: Outcome) -> Response:
    """Go back to where the form was opened, or to the job; either way the message leads to it."""
    added = outcome.change.done
    job_id = added[0] if added else outcome.change.refusals[0].job_id
    address = url_for("jobs.show", queue=queue, job_id=job_id)
    link: str = cut(job_id)
    if len(address) <= LONGEST_LINK:
        link = Markup('<a href="{}">{}</a>').format(address, link)
    if added:
        flash(gettext("Added job %(id)s.", id=link), "ok")
    else:
        flash(gettext("Job %(id)s is there already; nothing was added.", id=link), "warn")
    if outcome.audit_problem:
        flash(audit_missing(), "warn")
    return make_response(redirect(security.inside(request.form.get("next", ""), request.script_root, address), 303))
