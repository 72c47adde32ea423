"""What the dashboard refuses, and why.

The queue engine has a tree of its own (``board.engine.errors``): there Redis or a job says no, here the board does.

::

    BoardError                  never raised itself
      SettingsError             the environment does not add up; nothing was started
      UnknownQueueError         no such queue, or none that this board shows
      UnknownGroupError         no such group of failures, or none in a queue that is shown
      UnknownJobError           the queue is there, the job is not
      UnknownAlertError         no such rule of alerts
      UnknownSchedulerError     the queue is there, the scheduler is not
      ForbiddenError            the role does not reach
      ReadOnlyBoardError        this board only looks
      TooManyError              more at once than the named limit
      BadRequestError           a form or an address that makes no sense
        CrossSiteError          the request did not come from a page of this board
        DataRefusedError        data that the schema of their jobs does not allow
      UserError                 a user cannot be made or changed like this
      SignInError               an identity provider vouched for nobody who may come in
      OutboundError             a call to another place was not made, or not answered
        OutboundRefusedError    the place, or the address it is at, is not on the allow-list
        OutboundFailedError     no answer in time, or one that makes no sense
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from board.words import Sentence, said, sentence

__all__ = [
    "BadRequestError",
    "BoardError",
    "CrossSiteError",
    "DataRefusedError",
    "Fault",
    "ForbiddenError",
    "OutboundError",
    "OutboundFailedError",
    "OutboundRefusedError",
    "ReadOnlyBoardError",
    "SettingsError",
    "SignInError",
    "TooManyError",
    "UnknownAlertError",
    "UnknownGroupError",
    "UnknownJobError",
    "UnknownQueueError",
    "UnknownSchedulerError",
    "UserError",
]


class BoardError(Exception):
    """Root of everything the dashboard refuses. Its text is a sentence that may be shown to the person who asked."""

    @property
    def recorded(self) -> str:
        """What the audit log keeps of it, which is read by others than the one who asked."""
        return str(self)


class SettingsError(BoardError):
    """The settings do not add up.

    Attributes:
        problems: one sentence for each thing that is wrong; never holds a password.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class UnknownQueueError(BoardError):
    """No such queue. Also raised for queues outside the allow-list, so that they cannot be told apart."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(sentence("There is no queue %(name)s here.", name=name))


class UnknownGroupError(BoardError):
    """No such group of failures, or none of whose failed jobs the person who asks may see."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(sentence("There is no such group of failures any more."))


class UnknownAlertError(BoardError):
    """There is no such rule, or none about a queue that the person who asks may see."""

    def __init__(self) -> None:
        super().__init__(sentence("There is no such rule of alerts any more."))


class UnknownJobError(BoardError):
    """The queue is there, the job is not.

    Attributes:
        slug: the queue's name in addresses.
        queue: the queue's name.
        job_id: the job asked for.
    """

    def __init__(self, job_id: str, *, queue: str, slug: str) -> None:
        self.job_id = job_id
        self.queue = queue
        self.slug = slug
        super().__init__(sentence("Job %(id)s is not in queue %(queue)s any more.", id=job_id, queue=queue))


class UnknownSchedulerError(BoardError):
    """There is no such scheduler, neither in the queue nor held back by the board."""

    def __init__(self, scheduler_id: str, queue: str) -> None:
        super().__init__(
            sentence("There is no scheduler %(id)s in queue %(queue)s any more.", id=scheduler_id, queue=queue)
        )


_SAID = {
    "alert": "change alerts",
    "audit": "read the audit log",
    "data": "see what jobs carry",
    "schedule": "change schedulers",
    "silence": "silence alerts",
    "users": "manage users and tokens",
    "view": "see this",
}
"""Permissions whose name is no verb that a sentence can take as it is."""


class ForbiddenError(BoardError):
    """The role does not reach.

    Attributes:
        action: what was asked for, a verb such as "remove".
        role: the role of the person who asked.
        needed: the smallest role that may.
    """

    def __init__(self, action: str, *, role: str, needed: str) -> None:
        self.action = action
        self.role = role
        self.needed = needed
        super().__init__(
            sentence(
                "Your role is %(role)s. To %(action)s you need the role %(needed)s.",
                role=role,
                action=_SAID.get(action, action),
                needed=needed,
            )
        )


class ReadOnlyBoardError(BoardError):
    """This board only looks: BOARD_READ_ONLY is set."""

    def __init__(self) -> None:
        super().__init__(sentence("This board is read-only. Nothing was changed."))


class TooManyError(BoardError):
    """More at once than the named limit."""

    def __init__(self, count: int, limit: int) -> None:
        self.count = count
        self.limit = limit
        super().__init__(
            sentence(
                "%(count)s jobs were selected and at most %(limit)s are done at once. Nothing was changed.",
                count=count,
                limit=limit,
            )
        )


class BadRequestError(BoardError):
    """A form or an address that makes no sense.

    Attributes:
        problems: one sentence each.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__(problems[0] if len(problems) == 1 else said(problems))


class CrossSiteError(BadRequestError):
    """The request did not come from a page of this board, or from one that is too old."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the data of a job that their schema does not allow.

    Attributes:
        path: where, such as ``items[2].price``; empty for the data as a whole.
        rule: what is allowed there, the rest of a sentence that began with the place. Holds no value of the data.
    """

    path: str
    rule: str

    @property
    def told(self) -> Sentence:
        """The whole sentence."""
        return sentence("%(path)s %(rule)s.", path=self.path or sentence("The value as a whole"), rule=self.rule)


class DataRefusedError(BadRequestError):
    """Data that the schema of their jobs does not allow. Nothing was changed.

    Attributes:
        faults: what is wrong, and where; empty for people who may not see what jobs carry.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        said = [sentence("The data do not fit the schema of these jobs. Nothing was changed.")]
        super().__init__(*said, *(fault.told for fault in self.faults))

    @property
    def recorded(self) -> str:
        """How much is wrong. Where it is would tell names within the data, of which any may be a secret."""
        return f"{self.problems[0]} Faults: {len(self.faults)}." if self.faults else self.problems[0]


class UserError(BoardError):
    """A user cannot be made or changed like this: bad name, short password, unknown role, last administrator."""


class SignInError(BoardError):
    """An identity provider vouched for nobody who may come in.

    Attributes:
        detail: what was wrong, for the audit log; the person is told less.
        status: of the answer.
    """

    def __init__(self, sentence: str, detail: str, status: int) -> None:
        self.detail = detail
        self.status = status
        super().__init__(sentence)


class OutboundError(BoardError):
    """A call to another place was not made, or not answered. Its sentence names the host, never path or parameters."""


class OutboundRefusedError(OutboundError):
    """The place, or the address that its name resolved to, is not on the allow-list. Nothing was sent."""


class OutboundFailedError(OutboundError):
    """The place is allowed and gave no answer that could be used.

    Attributes:
        host: the place.
        why: the rest of a sentence that began with the host.
    """

    def __init__(self, host: str, why: str) -> None:
        self.host = host
        self.why = why
        super().__init__(f"{host} {why}.")
