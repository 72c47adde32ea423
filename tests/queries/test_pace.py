"""Where a queue is heading, told from what was recorded and from its counts now."""

from typing import Any

import pytest

from board.engine.errors import ConnectionLostError
from board.history.figures import Figures
from board.history.store import Gap, State
from board.history.summary import Summary
from board.queries.pace import Pace, pace_of
from board.queries.shared import Counts
from tests.queries.conftest import MAIL

MINUTE = 60_000
NOW = 1_700_000_040_000 + 30_000
"""In the middle of a minute, so that the one it is compared with is a quarter of an hour old on average."""

STATE = State(since_ms=NOW - 60 * MINUTE, until_ms=NOW)


def replies(before: int, *, state: State = STATE, summary: Summary | None = None) -> list[Any]:
    figures = Figures(open_sum=2 * before, looks=2) if before else Figures()
    return [state, {} if summary is None else {MAIL.base: summary.pack()}, [figures]]


@pytest.mark.parametrize(
    ("before", "counts", "pace"),
    [
        (100, Counts(waiting=700), Pace(grows=40.0)),
        (0, Counts(waiting=150), Pace(grows=10.0)),
        (700, Counts(waiting=90, active=10), Pace(clears_ms=90 / 40 * MINUTE)),
        (700, Counts(prioritized=40, paused=40, waiting=10, active=10), Pace(clears_ms=90 / 40 * MINUTE)),
        (5_600, Counts(waiting=30, delayed=4_970), Pace(clears_ms=30 / 40 * MINUTE)),
        (700, Counts(active=100), Pace()),
        (100, Counts(waiting=109), Pace()),
        (100, Counts(waiting=91), Pace()),
        (10_000, Counts(waiting=10_150), Pace()),
        (1_000_000, Counts(waiting=970_000), Pace(clears_ms=970_000 / 2_000 * MINUTE)),
    ],
    ids=[
        *("grows", "grows out of nothing", "clears", "all that could start", "what is delayed is no backlog"),
        *("nothing waits", "a few more", "a few less", "a small part", "clears in hours"),
    ],
)
def test_the_backlog_grows_or_clears(before: int, counts: Counts, pace: Pace) -> None:
    told = pace_of(replies(before), MAIL, counts, NOW)

    assert told.grows == pytest.approx(pace.grows)
    assert told.clears_ms == pytest.approx(pace.clears_ms)


@pytest.mark.parametrize(
    "state",
    [
        State(),
        State(since_ms=NOW - 10 * MINUTE, until_ms=NOW),
        State(since_ms=NOW - 60 * MINUTE, until_ms=NOW - 3 * MINUTE),
        State(since_ms=NOW - 60 * MINUTE, until_ms=NOW, gaps=(Gap(NOW - 20 * MINUTE, NOW - 10 * MINUTE),)),
    ],
    ids=["never recorded", "recorded for ten minutes", "not recorded any more", "not recorded then"],
)
def test_nothing_is_said_of_what_was_not_recorded(state: State) -> None:
    assert pace_of(replies(100, state=state), MAIL, Counts(waiting=700), NOW) == Pace()


def test_the_wait_is_that_of_a_young_summary() -> None:
    young, old = Summary(NOW - 10_000, wait_p95_ms=6_100.0), Summary(NOW - 180_000, wait_p95_ms=6_100.0)

    assert pace_of(replies(0, summary=young), MAIL, Counts(), NOW).wait_p95_ms == 6_100.0
    assert pace_of(replies(0, summary=old), MAIL, Counts(), NOW).wait_p95_ms is None


def test_a_history_that_cannot_be_read_costs_only_its_own_words() -> None:
    broken = [*replies(100)[:2], ConnectionLostError("gone")]

    assert pace_of(broken, MAIL, Counts(waiting=700), NOW) == Pace()
