"""The worker's mind alone: which jobs it takes, and what follows when they end."""

from board.engine.types import Fetched
from board.engine.worker.messages import (
    Announce,
    Arrived,
    Ask,
    Asked,
    Block,
    Ended,
    Fetch,
    Lease,
    Limited,
    Resized,
    Run,
    Woken,
)
from tests.unit.driven import Driven, job, only

# Taking jobs


def test_a_started_worker_fetches_under_a_token_of_its_own() -> None:
    driven = Driven()

    assert driven.tell(Asked(Ask.START)) == [Fetch("w:0:stops", 1)]


def test_a_job_that_arrives_runs_and_fills_the_slot() -> None:
    driven = Driven()
    token = driven.start()

    assert driven.tell(Arrived(token, (job("1"),))) == [Run(job("1"), Lease("1", token))]


def test_free_slots_are_filled_one_fetch_after_the_other() -> None:
    driven = Driven(concurrency=3)
    token = driven.start()

    actions = driven.tell(Arrived(token, (job("1"),)))

    assert actions == [Run(job("1"), Lease("1", token)), Fetch("w:1:stops", 1)]


def test_lanes_and_batches_only_widen_the_fetching() -> None:
    driven = Driven(concurrency=10, lanes=2, batch=4)

    assert driven.tell(Asked(Ask.START)) == [Fetch("w:0:stops", 4)]

    arrived = driven.tell(Arrived("w:0:stops", (job("1"), job("2"))))

    assert only(arrived, Run) == [Run(job("1"), Lease("1", "w:0:stops")), Run(job("2"), Lease("2", "w:0:stops"))]
    assert only(arrived, Fetch) == [Fetch("w:1:stops", 4), Fetch("w:2:stops", 4)]


def test_fetches_double_while_they_bring_jobs_and_begin_anew_after_an_empty_one() -> None:
    driven = Driven(concurrency=20, lanes=4)
    driven.tell(Asked(Ask.START))

    assert len(only(driven.tell(Arrived("w:0:stops", (job("1"),))), Fetch)) == 2
    assert len(only(driven.tell(Arrived("w:1:stops", (job("2"),))), Fetch)) == 3
    assert only(driven.tell(Arrived("w:2:stops")), Fetch) == []
    for token in ("w:3:stops", "w:4:stops"):
        driven.tell(Arrived(token))
    assert only(driven.tell(Arrived("w:5:stops")), Block)
    assert len(only(driven.tell(Woken(0.0)), Fetch)) == 1


def test_fetches_under_way_and_jobs_together_never_exceed_the_concurrency() -> None:
    driven = Driven(concurrency=3, lanes=50)
    driven.tell(Asked(Ask.START))

    assert len(only(driven.tell(Arrived("w:0:stops", (job("1"),))), Fetch)) == 2
    assert only(driven.tell(Arrived("w:1:stops", (job("2"),))), Fetch) == []


def test_an_empty_queue_is_announced_once_and_waited_for() -> None:
    driven = Driven()
    token = driven.start()

    assert driven.tell(Arrived(token)) == [Announce("drained"), Block(5000)]

    driven.tell(Woken(None))
    assert driven.tell(Arrived(driven.fetch.token)) == [Block(5000)]


def test_waits_soon_after_an_interrupted_one_are_short() -> None:
    driven = Driven()
    driven.tell(Arrived(driven.start()))
    driven.tell(Asked(Ask.PAUSE))
    driven.tell(Woken(None))
    driven.tell(Asked(Ask.RESUME))

    assert driven.tell(Arrived(driven.fetch.token)) == [Block(200)]

    driven.tell(Woken(None))
    assert driven.tell(Arrived(driven.fetch.token)) == [Block(200)]

    driven.tell(Woken(None), after_ms=1_000)
    assert driven.tell(Arrived(driven.fetch.token)) == [Block(5000)]


def test_a_marker_that_says_now_leads_to_a_fetch() -> None:
    driven = Driven()
    driven.tell(Arrived(driven.start()))

    assert driven.tell(Woken(0.0)) == [Fetch("w:1:stops", 1)]


def test_a_marker_for_later_is_waited_for_without_fetching() -> None:
    driven = Driven()
    driven.tell(Arrived(driven.start()))

    assert driven.tell(Woken(driven.now + 700.5)) == [Block(700)]


def test_an_earlier_moment_that_was_known_is_kept() -> None:
    driven = Driven()
    driven.tell(Arrived(driven.start(), next_delayed_ms=driven.now + 300))

    assert driven.actions == [Block(300)]
    assert driven.tell(Woken(driven.now + 900.0), after_ms=100) == [Block(200)]


def test_the_wait_for_a_delayed_job_ends_when_it_is_due_and_never_takes_longer_than_ten_seconds() -> None:
    driven = Driven()
    driven.tell(Arrived(driven.start(), next_delayed_ms=driven.now + 60_000))

    assert driven.actions == [Block(10_000)]


def test_a_moment_that_has_passed_is_not_waited_for() -> None:
    driven = Driven()

    actions = driven.tell(Arrived(driven.start(), next_delayed_ms=driven.now - 5))

    assert only(actions, Block) == []
    assert only(actions, Fetch) == [Fetch("w:1:stops", 1)]


def test_a_wait_that_times_out_polls() -> None:
    driven = Driven()
    driven.tell(Arrived(driven.start()))

    assert driven.tell(Woken(None), after_ms=5000) == [Fetch("w:1:stops", 1)]


def test_a_rate_limit_is_slept_through_without_waiting_on_the_marker() -> None:
    driven = Driven()

    assert driven.tell(Arrived(driven.start(), limited_ms=800)) == []
    assert driven.machine.wake_at_ms == driven.now + 800
    assert driven.wait_until_due() == [Fetch("w:1:stops", 1)]


def test_a_long_rate_limit_is_asked_about_again() -> None:
    driven = Driven(most_limit_ms=30_000)
    driven.tell(Arrived(driven.start(), limited_ms=600_000))

    assert driven.machine.wake_at_ms == driven.now + 30_000


def test_a_returned_job_can_tell_of_a_rate_limit() -> None:
    driven = Driven()
    lease = driven.run()
    driven.tell(Limited(500))

    assert driven.tell(Ended(lease)) == []
    assert driven.wait_until_due() == [Fetch("w:1:stops", 1)]


# Ending jobs


def test_a_job_that_came_with_the_end_of_another_takes_over_its_slot() -> None:
    driven = Driven()
    lease = driven.run()

    actions = driven.tell(Ended(lease, Fetched(job("2"))))

    assert actions == [Run(job("2"), Lease("2", lease.token))]
    assert driven.machine.leases == (Lease("2", lease.token),)


def test_an_end_that_found_nothing_waits_at_once() -> None:
    driven = Driven()
    lease = driven.run()

    assert driven.tell(Ended(lease, Fetched())) == [Announce("drained"), Block(5000)]


def test_an_end_that_was_not_to_fetch_is_followed_by_a_fetch() -> None:
    driven = Driven()
    lease = driven.run()

    assert driven.tell(Ended(lease)) == [Fetch("w:1:stops", 1)]


def test_the_next_job_is_asked_for_only_while_running_and_within_the_concurrency() -> None:
    driven = Driven(concurrency=2)
    driven.run()
    asked = [driven.machine.may_fetch()]
    driven.tell(Asked(Ask.PAUSE))
    asked.append(driven.machine.may_fetch())

    assert asked == [True, False]


def test_a_smaller_concurrency_lets_jobs_end_without_replacement() -> None:
    driven = Driven(concurrency=2)
    first = driven.run("1")
    driven.tell(Arrived(driven.fetch.token, (job("2"),)))

    driven.tell(Resized(1))

    assert not driven.machine.may_fetch()
    assert driven.tell(Ended(first)) == []


def test_a_larger_concurrency_is_used_at_once() -> None:
    driven = Driven()
    driven.run()

    assert driven.tell(Resized(2)) == [Fetch("w:1:stops", 1)]
