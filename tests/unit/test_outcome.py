"""What becomes of a job once its processor returned or raised."""

from datetime import timedelta
from typing import Any

import pytest

from board.engine.errors import (
    DelayedError,
    RateLimitError,
    UnrecoverableError,
    WaitingChildrenError,
    WaitingError,
)
from board.engine.types import JobData, Keep
from board.engine.worker.outcome import (
    Complete,
    Delay,
    Fail,
    Nothing,
    PutBack,
    Raised,
    Retry,
    Returned,
    Rules,
    decide,
    failure_before_run,
    retention,
)


def job(**fields: Any) -> JobData:
    return JobData(id="1", name="x", **fields)


def decided(the_job: JobData, error: BaseException, rules: Rules | None = None) -> object:
    return decide(the_job, Raised(error), rules or Rules(), 0.5)


@pytest.mark.parametrize(("value", "text"), [(None, "null"), ("a", '"a"'), ({"é": [1]}, '{"é":[1]}'), (0, "0")])
def test_what_was_returned_is_stored_as_json(value: object, text: str) -> None:
    assert decide(job(), Returned(value), Rules(), 0.5) == Complete(text)


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), "\ud800"])
def test_what_json_cannot_hold_is_a_failure(value: object) -> None:
    decision = decide(job(), Returned(value), Rules(), 0.5)

    assert isinstance(decision, Fail)


def test_the_rate_limit_signal_puts_the_job_back() -> None:
    assert decided(job(options={"attempts": 3}), RateLimitError()) == PutBack()


@pytest.mark.parametrize("signal", [DelayedError, WaitingError, WaitingChildrenError])
def test_a_processor_that_moved_its_job_is_left_alone(signal: type[Exception]) -> None:
    assert decided(job(), signal()) == Nothing()


def test_attempts_left_without_backoff_retry_at_once() -> None:
    decision = decided(job(options={"attempts": 3, "lifo": True}, attempts_made=1), ValueError("boom"))

    assert isinstance(decision, Retry)
    assert decision.lifo
    assert decision.failure.reason == "boom"


def test_attempts_left_with_backoff_wait() -> None:
    backoff = {"type": "exponential", "delay": 100}
    decision = decided(job(options={"attempts": 3, "backoff": backoff}, attempts_made=1), ValueError("boom"))

    assert isinstance(decision, Delay)
    assert decision.delay_ms == 200


@pytest.mark.parametrize("options", [{}, {"attempts": 0}, {"attempts": 1}, {"attempts": "x"}])
def test_without_attempts_the_first_failure_is_the_last(options: dict[str, object]) -> None:
    assert isinstance(decided(job(options=options), ValueError("boom")), Fail)


def test_the_last_attempt_fails() -> None:
    assert isinstance(decided(job(options={"attempts": 3}, attempts_made=2), ValueError()), Fail)


def test_an_error_of_that_name_from_elsewhere_is_unrecoverable_too() -> None:
    foreign = type("UnrecoverableError", (Exception,), {})

    assert isinstance(decided(job(options={"attempts": 9}), foreign("no")), Fail)
    assert isinstance(decided(job(options={"attempts": 9}), UnrecoverableError("no")), Fail)


def test_a_job_started_too_often_is_not_retried() -> None:
    rules = Rules(max_started_attempts=2)

    assert isinstance(decided(job(options={"attempts": 9}, attempts_started=2), ValueError(), rules), Fail)
    assert isinstance(decided(job(options={"attempts": 9}, attempts_started=1), ValueError(), rules), Retry)


@pytest.mark.parametrize(
    ("answer", "kind"), [(-1, Fail), (0, Retry), (250, Delay), (timedelta(seconds=1), Delay), ("soon", Retry)]
)
def test_a_strategy_of_ones_own_decides(answer: Any, kind: type) -> None:
    rules = Rules(strategies={"mine": lambda *_asked: answer})

    assert isinstance(decided(job(options={"attempts": 9, "backoff": {"type": "mine"}}), ValueError(), rules), kind)


def test_a_strategy_that_is_missing_or_raises_costs_no_attempts_and_is_noted_in_the_trace() -> None:
    def broken(attempt: int, error: BaseException, the_job: JobData) -> int:
        raise KeyError("oops")

    the_job = job(options={"attempts": 9, "backoff": {"type": "mine"}})
    for rules, note in (
        (Rules(), "no backoff strategy named 'mine'"),
        (Rules(strategies={"mine": broken}), "KeyError"),
    ):
        decision = decided(the_job, ValueError("boom"), rules)

        assert isinstance(decision, Retry)
        assert note in decision.failure.stacktrace[-1]


@pytest.mark.parametrize(("limit", "kept"), [(None, 4), (2, 2), (1, 1), (0, 0)])
def test_only_the_newest_stack_traces_are_kept(limit: int | None, kept: int) -> None:
    options = {"stackTraceLimit": limit} if limit is not None else {}
    decision = decided(job(options=options, stacktrace=("one", "two", "three")), ValueError("four"))

    assert isinstance(decision, Fail)
    assert len(decision.failure.stacktrace) == kept
    if kept:
        assert "ValueError: four" in decision.failure.stacktrace[-1]


def test_an_error_without_words_is_named_by_its_class() -> None:
    decision = decided(job(), KeyboardInterrupt())

    assert isinstance(decision, Fail)
    assert decision.failure.reason == "KeyboardInterrupt"


def test_a_message_that_utf8_cannot_hold_is_escaped() -> None:
    decision = decided(job(), ValueError("half \ud800"))

    assert isinstance(decision, Fail)
    assert decision.failure.reason == "half \\ud800"


@pytest.mark.parametrize(
    ("the_job", "reason"),
    [
        (job(deferred_failure="child bull:q:1 failed"), "child bull:q:1 failed"),
        (job(attempts_started=3), "job started more than allowable limit"),
        (job(problems=("data is not JSON: x",)), "the job cannot be read: data is not JSON: x"),
    ],
)
def test_why_a_job_fails_without_being_run(the_job: JobData, reason: str) -> None:
    raised = failure_before_run(the_job, Rules(max_started_attempts=2))

    assert raised is not None
    assert str(raised.error) == reason
    assert isinstance(decide(the_job, raised, Rules(), 0.5), Fail)


def test_a_sound_job_is_run() -> None:
    assert failure_before_run(job(attempts_started=2), Rules(max_started_attempts=2)) is None


@pytest.mark.parametrize(
    ("option", "keep"),
    [
        (None, Keep(count=7)),
        (True, Keep(count=0)),
        (False, None),
        (0, Keep(count=0)),
        (5, Keep(count=5)),
        (-1, None),
        ({"age": 60}, Keep(age=60_000)),
        ({"age": 60, "count": 3, "limit": 10}, Keep(3, 60_000, 10)),
        ({"count": 0}, Keep(count=0)),
    ],
)
def test_what_a_finished_job_leaves_behind(option: object, keep: Keep | None) -> None:
    assert retention(option, Keep(count=7)) == keep
