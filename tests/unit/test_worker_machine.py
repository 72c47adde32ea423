"""The worker's mind alone: events in, actions out, the clock in our hands."""

from dataclasses import replace

import pytest

from board.engine.types import JobData
from board.engine.worker.machine import TRANSITIONS, MachineSettings, State, WorkerMachine, _Held
from board.engine.worker.messages import (
    Action,
    Announce,
    Arrived,
    Ask,
    Asked,
    Block,
    BlockBroke,
    CheckStalled,
    Close,
    Ended,
    Event,
    Fetch,
    FetchBroke,
    HandBack,
    Lease,
    Limited,
    LockLost,
    Reclaim,
    ReclaimBroke,
    Renew,
    RenewBroke,
    Renewed,
    Resized,
    Run,
    Ticked,
    Wake,
    Woken,
)

SETTINGS = MachineSettings(
    "w", concurrency=1, lock_ms=4000, renew_ms=2000, stalled_ms=None, drain_delay_ms=5000, most_retry_ms=1000
)


class Driven:
    """A machine with its clock; ``tell`` keeps the last actions."""

    def __init__(self, **settings: object) -> None:
        self.machine = WorkerMachine(replace(SETTINGS, **settings))  # type: ignore[arg-type] # names are checked there
        self.now = 1_000_000
        self.actions: list[Action] = []

    def tell(self, event: Event, after_ms: int = 0) -> list[Action]:
        """Report an event, a while later."""
        self.now += after_ms
        self.actions = self.machine.receive(event, self.now)
        return self.actions

    def start(self) -> str:
        """Start it and return the token of its first fetch."""
        self.tell(Asked(Ask.START))
        return self.fetch.token

    @property
    def fetch(self) -> Fetch:
        """The fetch among the last actions."""
        return next(action for action in self.actions if isinstance(action, Fetch))

    def run(self, job_id: str = "1") -> Lease:
        """Start it and let a job arrive."""
        token = self.start()
        self.tell(Arrived(token, (job(job_id),)))
        return Lease(job_id, token)

    def wait_until_due(self) -> list[Action]:
        """Let the clock go on to the next moment it wants to be woken at."""
        assert self.machine.wake_at_ms is not None
        self.now = self.machine.wake_at_ms
        return self.tell(Ticked())


def job(job_id: str) -> JobData:
    return JobData(id=job_id, name="x")


def only(actions: list[Action], kind: type[Action]) -> list[Action]:
    return [action for action in actions if isinstance(action, kind)]


# Taking jobs


def test_a_started_worker_fetches_under_a_token_of_its_own() -> None:
    driven = Driven()

    assert driven.tell(Asked(Ask.START)) == [Fetch("w:0", 1)]


def test_a_job_that_arrives_runs_and_fills_the_slot() -> None:
    driven = Driven()
    token = driven.start()

    assert driven.tell(Arrived(token, (job("1"),))) == [Run(job("1"), Lease("1", token))]


def test_free_slots_are_filled_one_fetch_after_the_other() -> None:
    driven = Driven(concurrency=3)
    token = driven.start()

    actions = driven.tell(Arrived(token, (job("1"),)))

    assert actions == [Run(job("1"), Lease("1", token)), Fetch("w:1", 1)]


def test_lanes_and_batches_only_widen_the_fetching() -> None:
    driven = Driven(concurrency=10, lanes=2, batch=4)

    assert driven.tell(Asked(Ask.START)) == [Fetch("w:0", 4)]

    arrived = driven.tell(Arrived("w:0", (job("1"), job("2"))))

    assert only(arrived, Run) == [Run(job("1"), Lease("1", "w:0")), Run(job("2"), Lease("2", "w:0"))]
    assert only(arrived, Fetch) == [Fetch("w:1", 4), Fetch("w:2", 4)]


def test_fetches_double_while_they_bring_jobs_and_begin_anew_after_an_empty_one() -> None:
    driven = Driven(concurrency=20, lanes=4)
    driven.tell(Asked(Ask.START))

    assert len(only(driven.tell(Arrived("w:0", (job("1"),))), Fetch)) == 2
    assert len(only(driven.tell(Arrived("w:1", (job("2"),))), Fetch)) == 3
    assert only(driven.tell(Arrived("w:2")), Fetch) == []
    for token in ("w:3", "w:4"):
        driven.tell(Arrived(token))
    assert only(driven.tell(Arrived("w:5")), Block)
    assert len(only(driven.tell(Woken(0.0)), Fetch)) == 1


def test_fetches_under_way_and_jobs_together_never_exceed_the_concurrency() -> None:
    driven = Driven(concurrency=3, lanes=50)
    driven.tell(Asked(Ask.START))

    assert len(only(driven.tell(Arrived("w:0", (job("1"),))), Fetch)) == 2
    assert only(driven.tell(Arrived("w:1", (job("2"),))), Fetch) == []


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

    assert driven.tell(Woken(0.0)) == [Fetch("w:1", 1)]


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
    assert only(actions, Fetch) == [Fetch("w:1", 1)]


def test_a_wait_that_times_out_polls() -> None:
    driven = Driven()
    driven.tell(Arrived(driven.start()))

    assert driven.tell(Woken(None), after_ms=5000) == [Fetch("w:1", 1)]


def test_a_rate_limit_is_slept_through_without_waiting_on_the_marker() -> None:
    driven = Driven()

    assert driven.tell(Arrived(driven.start(), limited_ms=800)) == []
    assert driven.machine.wake_at_ms == driven.now + 800
    assert driven.wait_until_due() == [Fetch("w:1", 1)]


def test_a_long_rate_limit_is_asked_about_again() -> None:
    driven = Driven(most_limit_ms=30_000)
    driven.tell(Arrived(driven.start(), limited_ms=600_000))

    assert driven.machine.wake_at_ms == driven.now + 30_000


def test_a_returned_job_can_tell_of_a_rate_limit() -> None:
    driven = Driven()
    lease = driven.run()
    driven.tell(Limited(500))

    assert driven.tell(Ended(lease)) == []
    assert driven.wait_until_due() == [Fetch("w:1", 1)]


# Ending jobs


def test_a_job_that_came_with_the_end_of_another_takes_over_its_slot() -> None:
    driven = Driven()
    lease = driven.run()

    actions = driven.tell(Ended(lease, Arrived(lease.token, (job("2"),))))

    assert actions == [Run(job("2"), Lease("2", lease.token))]
    assert driven.machine.leases == (Lease("2", lease.token),)


def test_an_end_that_found_nothing_waits_at_once() -> None:
    driven = Driven()
    lease = driven.run()

    assert driven.tell(Ended(lease, Arrived(lease.token))) == [Announce("drained"), Block(5000)]


def test_an_end_that_was_not_to_fetch_is_followed_by_a_fetch() -> None:
    driven = Driven()
    lease = driven.run()

    assert driven.tell(Ended(lease)) == [Fetch("w:1", 1)]


def test_the_next_job_is_asked_for_only_while_running_and_within_the_concurrency() -> None:
    driven = Driven(concurrency=2)
    driven.run()
    asked = [driven.machine.fetch_next]
    driven.tell(Asked(Ask.PAUSE))
    asked.append(driven.machine.fetch_next)

    assert asked == [True, False]


def test_a_smaller_concurrency_lets_jobs_end_without_replacement() -> None:
    driven = Driven(concurrency=2)
    first = driven.run("1")
    driven.tell(Arrived(driven.fetch.token, (job("2"),)))

    driven.tell(Resized(1))

    assert not driven.machine.fetch_next
    assert driven.tell(Ended(first)) == []


def test_a_larger_concurrency_is_used_at_once() -> None:
    driven = Driven()
    driven.run()

    assert driven.tell(Resized(2)) == [Fetch("w:1", 1)]


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
    second = Lease("2", "w:1")

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
    second = Lease("1", "w:1")

    assert driven.tell(Arrived("w:1", (job("1"),))) == [LockLost(first), Run(job("1"), second)]
    assert driven.wait_until_due() == [Renew((second,))]
    assert driven.tell(Ended(first)) == [Fetch("w:2", 1)]
    assert driven.machine.leases == (second,)


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
    driven.tell(Arrived("w:0"))
    assert driven.wait_until_due() == [CheckStalled()]
    assert driven.now == begun + 30_000


def test_a_paused_worker_leaves_that_to_others() -> None:
    driven = Driven(stalled_ms=30_000)
    driven.start()
    driven.tell(Arrived("w:0"))
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

    assert driven.tell(Ended(lease, unsure=True)) == [Reclaim((lease.token,)), Fetch("w:1", 1)]


# Pausing and closing


def test_a_paused_worker_ends_its_wait_and_takes_nothing() -> None:
    driven = Driven()
    driven.tell(Arrived(driven.start()))

    assert driven.tell(Asked(Ask.PAUSE)) == [Wake(), Announce("paused")]
    assert driven.tell(Woken(None)) == []
    assert driven.tell(Asked(Ask.RESUME)) == [Announce("resumed"), Fetch("w:1", 1)]


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
    driven.machine._leases[Lease("1", "w:0")] = _Held(driven.now)  # with nothing to do it would close by itself

    driven.tell(Asked(ask))

    assert driven.machine.state is TRANSITIONS[state].get(ask, state)
