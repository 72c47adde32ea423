from dataclasses import replace

import pytest

from board.queries.timeline import Life, timeline

ADDED = 1_767_225_600_000
DONE = Life(
    state="completed",
    now_ms=ADDED + 9_000,
    added_ms=ADDED,
    processed_ms=ADDED + 1_000,
    finished_ms=ADDED + 3_000,
    attempts_made=1,
    attempts_started=1,
)


def told(life: Life) -> list[tuple[str, str, int]]:
    return [(step.kind, step.label, step.duration_ms) for step in timeline(life)[0]]


def test_a_job_that_ran_once_waited_and_ran() -> None:
    assert told(DONE) == [("waited", "Waited", 1_000), ("attempt", "Attempt 1", 2_000)]
    assert timeline(DONE)[1] == 3_000


def test_a_delay_is_told_apart_from_waiting() -> None:
    assert told(replace(DONE, delay_ms=600))[:2] == [("delayed", "Delayed", 600), ("waited", "Waited", 400)]


def test_attempts_that_left_no_times_are_one_step_that_says_so() -> None:
    failed = replace(DONE, state="failed", attempts_made=3, attempts_started=3)

    assert told(failed) == [
        ("waited", "2 earlier attempts, with the waits between", 1_000),
        ("attempt", "Attempt 3", 2_000),
    ]
    assert timeline(failed)[0][1].failed


def test_a_job_that_runs_has_an_open_attempt() -> None:
    running = replace(DONE, state="active", finished_ms=None, attempts_made=0)

    assert told(running)[-1] == ("attempt", "Attempt 1, running", 8_000)


def test_a_backoff_begins_where_the_failed_attempt_ended() -> None:
    waiting = replace(
        DONE, state="delayed", finished_ms=None, due_ms=ADDED + 12_000, retry_delay_ms=8_000, now_ms=ADDED + 6_000
    )

    assert told(waiting) == [
        ("waited", "Waited", 1_000),
        ("attempt", "Attempt 1", 3_000),
        ("backoff", "Backoff", 2_000),
    ]


def test_a_job_put_back_by_hand_does_not_pretend_to_have_waited_all_the_time() -> None:
    """A manual retry clears the times of the attempts before it."""
    again = replace(DONE, state="waiting", processed_ms=None, finished_ms=None, attempts_made=2)

    assert told(again) == [("waited", "2 earlier attempts, with the waits between", 9_000)]


def test_a_parent_waited_for_its_children() -> None:
    assert told(replace(DONE, has_children=True))[0] == ("waiting-children", "Waited for its children", 1_000)


@pytest.mark.parametrize(
    "life",
    [
        replace(DONE, added_ms=None),
        replace(DONE, processed_ms=ADDED - 5_000, finished_ms=ADDED - 6_000),
        replace(DONE, processed_ms=None, finished_ms=None, now_ms=ADDED - 1),
        replace(DONE, state="delayed", finished_ms=None, due_ms=0, retry_delay_ms=10**12),
    ],
)
def test_clocks_that_disagree_never_draw_outside_the_scale(life: Life) -> None:
    for step in timeline(life)[0]:
        assert step.duration_ms > 0
        assert 0 <= step.start_pct <= 100
        assert step.start_pct + step.width_pct <= 100.001
