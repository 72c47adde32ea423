"""The worker's mind alone: locks, lost workers, a Redis that is away, pausing and closing."""

import pytest

from board.engine.types import Fetched
from board.engine.worker.machine import TRANSITIONS, State
from board.engine.worker.messages import (
    Announce,
    Arrived,
    Ask,
    Asked,
    Block,
    BlockBroke,
    CheckStalled,
    Close,
    Ended,
    Fetch,
    FetchBroke,
    HandBack,
    Lease,
    LockLost,
    Reclaim,
    ReclaimBroke,
    Renew,
    RenewBroke,
    Renewed,
    Run,
    Wake,
    Woken,
)
from tests.unit.driven import Driven, job, only

# Locks


def test_locks_are_renewed_each_half_renewal_time_in_one_call() -> None:
    driven = Driven()
    lease = driven.run()
    begun = driven.now

    assert driven.wait_until_due() == [Renew((lease,))]
    assert driven.now == begun + 1000

    driven.tell(Renewed(), after_ms=50)
    assert driven.wait_until_due() == [Renew((lease,))]
    assert driven.now == begun + 2000


def test_a_young_lock_waits_for_the_next_round() -> None:
    driven = Driven(concurrency=2)
    first = driven.run("1")
    driven.now += 600
    driven.tell(Arrived(driven.fetch.token, (job("2"),)))
    second = Lease("2", "w:1:stops")

    assert driven.wait_until_due() == [Renew((first,))]
    driven.tell(Renewed())
    assert driven.wait_until_due() == [Renew((first, second))]


def test_no_second_renewal_is_sent_while_one_is_under_way() -> None:
    driven = Driven()
    driven.run()
    driven.wait_until_due()

    assert only(driven.wait_until_due(), Renew) == []


def test_a_renewal_that_broke_is_repeated_soon() -> None:
    driven = Driven(lock_ms=40_000, renew_ms=20_000)
    lease = driven.run()
    driven.wait_until_due()
    driven.tell(RenewBroke())
    begun = driven.now

    assert driven.wait_until_due() == [Renew((lease,))]
    assert driven.now == begun + 1000


def test_a_lost_lock_is_told_once_and_no_longer_renewed() -> None:
    driven = Driven()
    lease = driven.run()
    driven.wait_until_due()

    assert driven.tell(Renewed(lost=(lease,))) == [LockLost(lease)]
    assert driven.wait_until_due() == []


def test_a_job_taken_again_while_it_still_runs_here_has_lost_its_first_lock() -> None:
    driven = Driven(concurrency=2)
    first = driven.run("1")
    second = Lease("1", "w:1:stops")

    assert driven.tell(Arrived("w:1:stops", (job("1"),))) == [LockLost(first), Run(job("1"), second)]
    assert driven.wait_until_due() == [Renew((second,))]
    assert driven.tell(Ended(first)) == [Fetch("w:2:stops", 1)]
    assert driven.machine.leases == (second,)


def test_a_job_that_comes_back_under_the_token_of_a_lost_lock_is_renewed_again() -> None:
    driven = Driven(concurrency=4, batch=2, lanes=2)
    token = driven.start()
    driven.tell(Arrived(token, (job("1"), job("2"))))
    other = driven.fetch.token
    driven.tell(Arrived(other, (job("1"),)))
    driven.tell(Ended(Lease("1", other)))

    lease = Lease("1", token)
    assert Run(job("1"), lease) in driven.tell(Ended(Lease("2", token), Fetched(job("1"))))
    assert driven.wait_until_due() == [Renew((lease,))]


def test_a_worker_told_not_to_renew_never_does() -> None:
    driven = Driven(renew_ms=None)
    driven.run()

    assert driven.machine.wake_at_ms is None


# Stalled jobs


def test_stalled_jobs_are_looked_for_at_the_start_and_each_interval() -> None:
    driven = Driven(stalled_ms=30_000)
    driven.start()
    begun = driven.now

    assert CheckStalled() in driven.actions
    driven.tell(Arrived("w:0:stops"))
    assert driven.wait_until_due() == [CheckStalled()]
    assert driven.now == begun + 30_000


def test_a_paused_worker_leaves_that_to_others() -> None:
    driven = Driven(stalled_ms=30_000)
    driven.start()
    driven.tell(Arrived("w:0:stops"))
    driven.tell(Asked(Ask.PAUSE))

    assert driven.machine.wake_at_ms is None


# When Redis is away


def test_attempts_to_reach_redis_are_spaced_wider_each_time_up_to_a_limit() -> None:
    driven = Driven()
    driven.start()
    waits = []
    for _ in range(6):
        driven.tell(FetchBroke(driven.fetch.token))
        begun = driven.now
        driven.wait_until_due()
        waits.append(driven.now - begun)

    assert waits == sorted(waits)
    assert waits[0] < 130
    assert waits[-1] <= 1250


def test_an_answer_forgets_the_failures() -> None:
    driven = Driven()
    driven.start()
    for _ in range(5):
        driven.tell(FetchBroke(driven.fetch.token))
        driven.wait_until_due()
    driven.tell(Arrived(driven.fetch.token))

    driven.tell(BlockBroke())

    assert driven.machine.wake_at_ms is not None
    assert driven.machine.wake_at_ms < driven.now + 130


def test_jobs_of_a_fetch_that_broke_are_looked_for_once_redis_answers() -> None:
    driven = Driven()
    token = driven.start()
    driven.tell(FetchBroke(token, unsure=True))
    driven.wait_until_due()

    assert driven.tell(Arrived(driven.fetch.token)) == [Reclaim((token,)), Announce("drained"), Block(5000)]


def test_a_search_that_broke_is_repeated() -> None:
    driven = Driven()
    token = driven.start()
    driven.tell(FetchBroke(token, unsure=True))
    driven.wait_until_due()
    driven.tell(Arrived(driven.fetch.token))
    driven.tell(ReclaimBroke((token,)))
    driven.tell(Woken(None))

    assert only(driven.tell(Arrived(driven.fetch.token)), Reclaim) == [Reclaim((token,))]


def test_jobs_of_an_end_that_may_have_fetched_are_looked_for_at_once() -> None:
    """Redis has answered, and the worker may go on to wait for a marker that this job has used up."""
    driven = Driven()
    lease = driven.run()

    assert driven.tell(Ended(lease, unsure=True)) == [Reclaim((lease.token,)), Fetch("w:1:stops", 1)]


# Pausing and closing


def test_a_paused_worker_ends_its_wait_and_takes_nothing() -> None:
    driven = Driven()
    driven.tell(Arrived(driven.start()))

    assert driven.tell(Asked(Ask.PAUSE)) == [Wake(), Announce("paused")]
    assert driven.tell(Woken(None)) == []
    assert driven.tell(Asked(Ask.RESUME)) == [Announce("resumed"), Fetch("w:1:stops", 1)]


def test_a_job_that_arrives_while_paused_runs() -> None:
    driven = Driven()
    token = driven.start()
    driven.tell(Asked(Ask.PAUSE))

    assert driven.tell(Arrived(token, (job("1"),))) == [Run(job("1"), Lease("1", token))]


def test_closing_waits_for_what_runs() -> None:
    driven = Driven()
    lease = driven.run()

    assert driven.tell(Asked(Ask.CLOSE)) == []
    assert driven.tell(Ended(lease)) == [Close()]
    assert driven.machine.state is State.CLOSED


def test_closing_an_idle_worker_is_done_at_once() -> None:
    driven = Driven()
    driven.tell(Arrived(driven.start()))

    assert driven.tell(Asked(Ask.CLOSE)) == [Wake(), Wake(), Close()]


def test_closing_waits_for_a_fetch_under_way_and_hands_back_what_it_brings() -> None:
    driven = Driven()
    token = driven.start()
    lease = Lease("1", token)

    assert driven.tell(Asked(Ask.CLOSE)) == []
    assert driven.tell(Arrived(token, (job("1"),))) == [HandBack(lease, started=False)]
    assert driven.tell(Ended(lease)) == [Close()]


def test_what_runs_past_the_grace_period_is_handed_back() -> None:
    driven = Driven()
    lease = driven.run()
    driven.tell(Asked(Ask.CLOSE, grace_ms=500))

    assert driven.wait_until_due() == [HandBack(lease, started=True)]
    assert driven.machine.state is State.GIVING_UP
    assert driven.tell(Ended(lease)) == [Close()]


def test_a_second_ask_hands_back_at_once() -> None:
    driven = Driven()
    lease = driven.run()
    driven.tell(Asked(Ask.CLOSE))

    assert driven.tell(Asked(Ask.GIVE_UP)) == [HandBack(lease, started=True)]


def test_locks_are_renewed_while_closing() -> None:
    driven = Driven()
    lease = driven.run()
    driven.tell(Asked(Ask.CLOSE))

    assert driven.wait_until_due() == [Renew((lease,))]


def test_a_later_close_may_shorten_the_grace_period() -> None:
    driven = Driven(renew_ms=None)
    driven.run()
    driven.tell(Asked(Ask.CLOSE))
    driven.tell(Asked(Ask.CLOSE, grace_ms=100))

    assert driven.machine.wake_at_ms == driven.now + 100


def test_a_worker_that_never_started_closes() -> None:
    assert Driven().tell(Asked(Ask.CLOSE)) == [Close()]


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("ask", list(Ask))
def test_what_the_table_does_not_list_changes_nothing(state: State, ask: Ask) -> None:
    driven = Driven()
    driven.machine.state = state
    driven.machine._leases[Lease("1", "w:0:stops")] = driven.now  # with nothing to do it would close by itself

    driven.tell(Asked(ask))

    assert driven.machine.state is TRANSITIONS[state].get(ask, state)
