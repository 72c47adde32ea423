"""The page on which a job's data are edited."""

from __future__ import annotations

from dataclasses import dataclass

from board.engine.calls import Batch
from board.engine.commands.pages import read_job
from board.engine.commands.repairs import digest_of
from board.engine.keys import QueueKeys
from board.errors import Fault, UnknownJobError
from board.queries.json_text import DiffLine, compact, difference, hide, is_json, lay_out, restore
from board.queries.shared import YES, Allowed, Known, QueueName, Reads, queue_name
from board.queries.text import display
from board.schemas import NO_SCHEMAS, Schemas
from board.words import sentence

__all__ = ["EDIT_LIMIT", "EditPage", "read_edit"]

EDIT_LIMIT = 65_536
"""Bytes of a payload that may be edited in a browser: what a page reads whole, and a form may send."""


@dataclass(frozen=True, slots=True)
class EditPage:
    """A job's data in a form.

    Attributes:
        queue: where the job is.
        id: exactly as stored.
        name: None when its hash has none.
        state: wire name.
        text: what the form holds; secrets are placeholders.
        digest: of the data as they are stored.
        editable: whether they can be edited.
        retryable: whether the job may be retried with the new data.
        difference: between what is stored and ``text``; empty when nothing changed, or before the first preview.
        is_preview: the person has sent a text.
        problem: why the text cannot be stored.
        faults: where the text differs from what the schema of these jobs allows, which is a problem.
        final: what will be stored; None when there is a problem.
        stored: what is stored now, without its secrets.
    """

    queue: QueueName
    id: str
    name: str | None
    state: str
    text: str
    digest: str
    editable: Allowed
    retryable: bool
    difference: tuple[DiffLine, ...]
    is_preview: bool
    problem: str
    final: str | None
    stored: str = ""
    faults: tuple[Fault, ...] = ()


def read_edit(
    connection: Reads,
    known: Known,
    queue: QueueKeys,
    job_id: str,
    draft: str | None = None,
    *,
    schemas: Schemas = NO_SCHEMAS,
) -> EditPage:
    """Read a job's data for editing, and hold ``draft`` against them.

    Data without line breaks are laid out for the eye and folded again before they are stored; others are left as typed.

    Raises:
        UnknownJobError: there is no such job.
    """
    reading = connection.batch(Batch.of([read_job(queue, job_id, log_lines=1, children=1)]))[0]
    if reading.kind != "hash":
        raise UnknownJobError(job_id, queue=queue.name, slug=known.slug(queue))
    data, name = reading.fields.get("data"), reading.fields.get("name")
    stored = (data.text if data else None) or ""
    editable = YES
    if data and (not data.is_whole or data.length > EDIT_LIMIT):
        editable = Allowed(ok=False, reason=sentence("its data are larger than 64 KB"))
    elif data and len(stored.encode()) != data.length:
        editable = Allowed(ok=False, reason=sentence("its data are not UTF-8 text"))
    elif reading.state == "active" or reading.lock_ms > 0 or reading.lock_ms == -1:
        editable = Allowed(ok=False, reason=sentence("a worker holds it"))
    hidden = hide(stored)
    folds = is_json(stored) and stored == compact(stored)
    final, problem = None, ""
    faults: tuple[Fault, ...] = ()
    if draft is not None:
        final, problem = _checked(draft, stored, folds=folds)
    if final is not None and (faults := schemas.faults(queue.name, (name.text if name else "") or "", final)):
        final, problem = None, sentence("The data do not fit the schema of these jobs.")
    return EditPage(
        queue=queue_name(queue, known),
        id=job_id,
        name=display(name.text) if name and name.text else None,
        state="waiting" if reading.state == "paused" else reading.state,
        text=(lay_out(hidden) if folds else hidden) if draft is None else draft,
        digest=digest_of(stored),
        editable=editable,
        retryable=reading.state in ("failed", "completed"),
        difference=() if draft is None or problem else difference(hidden, draft),
        is_preview=draft is not None,
        problem=problem,
        final=final,
        stored=hidden,
        faults=faults,
    )


def _checked(draft: str, stored: str, *, folds: bool) -> tuple[str | None, str]:
    """Return what is to be stored, or None and why the text cannot be."""
    if not is_json(draft):
        return None, sentence("This is not JSON.")
    try:
        draft.encode()
        final = restore(draft, stored)
    except UnicodeEncodeError:
        return None, sentence("This holds half a surrogate pair, which UTF-8 cannot store.")
    except ValueError as error:
        return None, f"{error}."
    final = compact(final) if folds else final
    if len(final.encode()) > EDIT_LIMIT:
        return None, sentence("This is larger than 64 KB.")
    return final, ""
