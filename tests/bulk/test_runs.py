"""A run acts on the jobs that were planned, once each, says what became of every one, and can be stopped."""

import threading
from collections.abc import Callable
from dataclasses import replace
from types import MethodType

import pytest

from board.actions.perform import Actor
from board.auth.policy import Grant, Identity, Permission
from board.background import LeaseLostError, Turn
from board.bulk import Runner, Source, Spec, go_on, plan, start, stop
from board.engine.commands.dead_letters import bury_job
from board.engine.connection.sync import Connection
from board.engine.errors import ConnectionLostError
from board.engine.keys import QueueKeys
from board.errors import BadRequestError, BoardError, ForbiddenError
from board.history.store import History
from board.service import wall_clock_ms
from tests.bulk.conftest import ADMIN, NAMESPACE, Bench
from tests.queries.conftest import MAIL
from tests.queries.jobs import Filler, fill_broken


def fill(bench: Bench, count: int, **fields: str) -> None:
    now = wall_clock_ms()
    for n in range(count):
        bench.mail.failed(f"{n}", now - 100_000 + n, **fields)


def test_all_that_failed_runs_again_each_once(bench: Bench) -> None:
    fill(bench, 250)

    run = bench.carry_out(bench.begin("retry", "failed"))

    assert (run.status, run.looked, run.done, run.left, run.unsure) == ("done", 250, 250, 0, 0)
    assert bench.failed_ids() == set()
    assert sorted(bench.waiting_ids(), key=int) == [f"{n}" for n in range(250)]
    assert run.share == 1.0


def test_only_what_matches_is_touched(bench: Bench) -> None:
    fill(bench, 30)
    fill(bench, 10, name="other")

    run = bench.carry_out(bench.begin("retry", "failed", text="name:other id:1,2,3,25"))

    assert run.done == 3
    assert sorted(bench.waiting_ids()) == ["1", "2", "3"]


def test_what_came_later_is_left_alone(bench: Bench) -> None:
    """The bound is the moment of the plan: a job that fails again afterwards is not retried twice."""
    fill(bench, 5)
    run_id = bench.begin("retry", "failed")
    bench.mail.failed("later", wall_clock_ms() + 60_000)

    run = bench.carry_out(run_id)

    assert run.done == 5
    assert bench.failed_ids() == {"later"}


def test_what_fails_again_meanwhile_is_not_retried_twice_by_a_board_whose_clock_is_ahead(bench: Bench) -> None:
    fill(bench, 150)
    bench.desk = replace(bench.desk, clock=lambda: wall_clock_ms() + 600_000)
    run_id = bench.begin("retry", "failed")
    runner = Runner(bench.desk, NAMESPACE)
    again: list[str] = []

    def fail_again() -> None:
        for job_id in bench.waiting_ids():
            bench.client.lrem(bench.mail.key("wait"), 0, job_id)
            bench.mail.failed(job_id, wall_clock_ms())
            again.append(job_id)

    while not bench.run(run_id).is_over:
        runner.step(bench.turn(keep=fail_again))
        assert len(again) <= 150, "a job was retried twice"

    assert bench.run(run_id).done == 150


@pytest.mark.parametrize(
    "state", ["waiting", "paused", "prioritized", "delayed", "waiting-children", "completed", "failed"]
)
def test_jobs_of_every_state_but_active_are_removed(bench: Bench, state: str) -> None:
    mail, past = bench.mail, wall_clock_ms() - 1_000
    adders: dict[str, Callable[[str], object]] = {
        "waiting": mail.waiting,
        "paused": mail.paused,
        "prioritized": lambda job_id: mail.prioritized(job_id, 3),
        "delayed": lambda job_id: mail.delayed(job_id, past + 90_000),
        "waiting-children": mail.parent,
        "completed": lambda job_id: mail.completed(job_id, past),
        "failed": lambda job_id: mail.failed(job_id, past),
    }
    for n in range(130):
        adders[state](f"{n}")
    mail.active("busy")

    run = bench.carry_out(bench.begin("remove", state))

    assert (run.status, run.done) == ("done", 130)
    assert not bench.client.exists(*(mail.key(f"{n}") for n in range(130)))
    assert bench.client.exists(mail.key("busy"))


def test_a_list_that_grows_meanwhile_is_searched_to_its_end(bench: Bench) -> None:
    for n in range(240):
        bench.mail.waiting(f"{n}", name="keep" if n % 3 else "drop")
    run_id = bench.begin("remove", "waiting", text="name:drop")

    class Growing:
        added = 0

        def keep(self) -> None:
            self.added += 1
            bench.mail.waiting(f"new-{self.added}", name="drop", timestamp=wall_clock_ms() + 60_000)

    growing = Growing()
    runner = Runner(bench.desk, NAMESPACE)
    while not bench.run(run_id).is_over:
        runner.step(bench.turn(keep=growing.keep))

    names = {bench.client.hget(bench.mail.key(one), "name") for one in bench.waiting_ids() if "new" not in one}
    assert names == {"keep"}
    assert bench.run(run_id).done == 80
    assert growing.added > 0


def test_delayed_jobs_are_promoted(bench: Bench) -> None:
    for n in range(120):
        bench.mail.delayed(f"{n}", wall_clock_ms() + 90_000 + n)

    run = bench.carry_out(bench.begin("promote", "delayed"))

    assert run.done == 120
    assert len(bench.waiting_ids()) == 120


def test_failed_jobs_become_dead_letters_and_go_back(bench: Bench) -> None:
    grave = QueueKeys("bull", "mail-dead")
    fill(bench, 12)

    buried = bench.carry_out(bench.begin("bury", "failed", grave=grave.name))
    assert buried.done == 12
    dead = Filler(bench.client, grave.name)
    dead.waiting("no letter")

    back = plan(bench.desk, ADMIN, bench.known, "send-back", [(grave, "waiting")])
    run = bench.carry_out(start(bench.desk, ADMIN, NAMESPACE, back.spec))

    assert (run.done, run.left) == (12, 1)
    assert len(bench.waiting_ids()) == 12
    (left,) = [one for one in bench.connection.call(bench.runs.results(run.id, 0, 50)) if one.outcome == "left"]
    assert (left.job_id, "no dead letter" in left.reason) == ("no letter", True)


def test_broken_jobs_break_no_run(bench: Bench) -> None:
    fill_broken(bench.client)

    run = bench.carry_out(bench.begin("retry", "failed"))

    assert run.status == "done"
    assert run.done + run.left == run.looked == 9
    reasons = {one.job_id: one.reason for one in bench.connection.call(bench.runs.results(run.id, 0, 50))}
    assert "is not in Redis any more" in reasons["gone"]


def test_jobs_named_one_by_one_over_several_queues(bench: Bench) -> None:
    fill(bench, 5)
    other = Filler(bench.client, "other").open()
    other.failed("a", wall_clock_ms() - 1_000)
    spec = bench.plan("retry", "failed").spec
    both = replace(spec, sources=(*spec.sources, Source("bull", "other", "failed")))
    listed = [("bull", "mail", "failed", one) for one in ("1", "3", "gone")] + [("bull", "other", "failed", "a")]

    run = bench.carry_out(start(bench.desk, ADMIN, NAMESPACE, both, listed=listed, detail="group abc"))

    assert (run.looked, run.done, run.left) == (4, 3, 1)
    assert bench.failed_ids() == {"0", "2", "4"}
    assert other.client.lrange(other.key("wait"), 0, -1) == ["a"]


def test_a_run_is_stopped_and_goes_on(bench: Bench) -> None:
    fill(bench, 350)
    run_id = bench.begin("retry", "failed")
    ending = threading.Event()

    def stop_it() -> None:
        if bench.run(run_id).looked >= 100:
            stop(bench.desk, ADMIN, NAMESPACE, bench.run(run_id))

    Runner(bench.desk, NAMESPACE).step(Turn(1, is_first=True, keep=stop_it, ending=ending))

    stopped = bench.run(run_id)
    assert stopped.status == "stopped"
    assert 100 <= stopped.done < 350
    assert len(bench.failed_ids()) == 350 - stopped.done
    assert bench.connection.call(bench.runs.open()) == {}

    assert go_on(bench.desk, ADMIN, NAMESPACE, stopped)
    assert bench.carry_out(run_id).done == 350
    assert [entry.action for entry in bench.audit()] == [
        *("start bulk retry", "stop bulk retry", "bulk retry", "go on with bulk retry", "bulk retry")
    ]
    assert bench.audit()[-1].done == 350


class Dying:
    """A connection whose process is killed at one of its round trips: before it, or after the server did its part."""

    def __init__(self, whole: object, at: int, *, after: bool) -> None:
        self._whole, self._left, self._after = whole, at, after

    def __getattr__(self, name: str) -> object:
        if name == "run":  # a plan is as many round trips as it has steps
            return MethodType(Connection.run, self)
        method = getattr(self._whole, name)
        if name not in ("call", "batch", "step"):
            return method

        def counted(what: object) -> object:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise ConnectionLostError("killed")
            result = method(what)
            if self._left == 0:
                raise ConnectionLostError("killed")
            return result

        return counted


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("verb", ["retry", "remove"])
def test_killed_anywhere_it_acts_on_each_job_at_most_once(bench: Bench, verb: str, after: bool) -> None:  # noqa: FBT001
    """Killed at its first, second, third … round trip; jobs that ran meanwhile failed again and must not be retried."""
    for at in range(1, 14):
        bench.client.flushdb()
        bench.mail.open()
        fill(bench, 210)
        run_id = bench.begin(verb, "failed")
        dying = replace(bench.desk, connection=Dying(bench.connection, at, after=after))  # type: ignore[arg-type]
        runner = Runner(dying, NAMESPACE)
        with pytest.raises(ConnectionLostError):
            runner.step(bench.turn(1))
        again = bench.waiting_ids()
        for job_id in again:  # a worker ran what was retried, and it failed once more
            bench.client.lrem(bench.mail.key("wait"), 0, job_id)
            bench.mail.failed(job_id, wall_clock_ms() + 1)

        run = bench.carry_out(run_id, fence=2)

        assert run.status == "done"
        assert run.done + run.unsure == 210
        assert run.left == 0
        if verb == "retry":
            assert not set(again) & set(bench.waiting_ids())
            assert bench.failed_ids() == set(again)
        else:
            assert bench.failed_ids() == set()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("state", ["waiting", "delayed", "failed"])
def test_a_removal_that_was_killed_leaves_jobs_alone_that_were_added_anew(
    bench: Bench,
    state: str,
    after: bool,  # noqa: FBT001
) -> None:
    """A custom id is free once its job is gone; another job may have it before the run goes on."""
    mail, now = bench.mail, wall_clock_ms()

    def add(job_id: str, at: int) -> None:
        if state == "waiting":
            mail.waiting(job_id, timestamp=at)
        elif state == "delayed":
            mail.delayed(job_id, at + 90_000, timestamp=at)
        else:
            mail.failed(job_id, at)

    for n in range(150):
        add(f"{n}", now - 1_000 + n)
    run_id = bench.begin("remove", state)
    dying = replace(bench.desk, connection=Dying(bench.connection, 6, after=after))  # type: ignore[arg-type]
    with pytest.raises(ConnectionLostError):
        Runner(dying, NAMESPACE).step(bench.turn(1))
    gone = {f"{n}" for n in range(150) if not bench.client.exists(mail.key(f"{n}"))}
    assert bool(gone) is after
    for job_id in gone:
        add(job_id, now + 60_000)

    run = bench.carry_out(run_id, fence=2)

    assert {f"{n}" for n in range(150) if bench.client.exists(mail.key(f"{n}"))} >= gone
    assert run.unsure == len(gone)


def test_a_letter_that_was_sent_back_is_not_sent_twice_though_its_job_failed_again(bench: Bench) -> None:
    bench.mail.failed("a", wall_clock_ms() - 50)
    graves = QueueKeys("bull", "graves")
    bury = bury_job(MAIL, "a", graves, wall_clock_ms() - 40)
    bench.connection.call(bury)
    letters = Filler(bench.client, "graves").open()
    spec = plan(bench.desk, ADMIN, bench.known, "send-back", [(graves, "waiting")]).spec
    run_id = start(bench.desk, ADMIN, NAMESPACE, spec)
    dying = replace(bench.desk, connection=Dying(bench.connection, 7, after=True))  # type: ignore[arg-type]
    with pytest.raises(ConnectionLostError):
        Runner(dying, NAMESPACE).step(bench.turn(1))
    assert bench.waiting_ids() == ["a"]
    bench.client.lrem(bench.mail.key("wait"), 0, "a")
    bench.mail.failed("a", wall_clock_ms())
    bench.connection.call(bury_job(MAIL, "a", graves, wall_clock_ms() + 5))

    run = bench.carry_out(run_id, fence=2)

    assert bench.waiting_ids() == []
    assert letters.client.llen(letters.key("wait")) == 1
    assert (run.done, run.unsure) == (0, 1)


def test_a_process_that_was_held_up_does_nothing_beside_its_successor(bench: Bench) -> None:
    fill(bench, 300)
    run_id = bench.begin("retry", "failed")
    bench.connection.call(bench.runs.claim(run_id, 7, ""))

    with pytest.raises(LeaseLostError):
        Runner(bench.desk, NAMESPACE).step(bench.turn(fence=6))

    assert bench.waiting_ids() == []
    assert bench.carry_out(run_id, fence=7).done == 300


@pytest.fixture
def operator_of_mail() -> Actor:
    may = frozenset({Permission.VIEW, Permission.DATA, Permission.RETRY, Permission.REMOVE})
    return Actor(Identity("bob", "mailers", (Grant(may, ("mail",)),)))


def test_who_may_not_starts_nothing_and_it_is_recorded(bench: Bench, operator_of_mail: Actor) -> None:
    fill(bench, 3)
    spec = bench.plan("retry", "failed").spec

    with pytest.raises(ForbiddenError):
        start(bench.desk, Actor(Identity("eve", "viewer")), NAMESPACE, spec)

    assert bench.connection.call(bench.runs.open()) == {}
    assert [(entry.who, entry.result) for entry in bench.audit()] == [("eve", "refused")]


def test_marks_on_the_charts_cost_one_round_trip_and_their_trouble_breaks_no_run(bench: Bench) -> None:
    fill(bench, 1)
    Filler(bench.client, "other").open().failed("x")
    both = [(MAIL, "failed"), (QueueKeys("bull", "other"), "failed")]

    def trips(spec: Spec) -> int:
        before = bench.connection.round_trips
        start(bench.desk, ADMIN, NAMESPACE, spec)
        return bench.connection.round_trips - before

    one, two = (plan(bench.desk, ADMIN, bench.known, "retry", wanted).spec for wanted in (both[:1], both))
    assert trips(two) == trips(one)
    marked = bench.connection.call(History(NAMESPACE).marks(0, wall_clock_ms()))
    assert {mark.base for mark in marked} == {"bull:mail:", "bull:other:"}

    bench.client.delete(f"{NAMESPACE.history}marks")
    bench.client.set(f"{NAMESPACE.history}marks", "no list of marks")
    run_id = bench.begin("retry", "failed")

    assert bench.run(run_id).status == "running"
    assert bench.audit()[-1].detail == f"run {run_id}"


def test_a_run_reaches_no_farther_than_who_started_it(bench: Bench, operator_of_mail: Actor) -> None:
    """The tree below a job may lie in a queue that the person may not remove from."""
    fill(bench, 1)
    other = Filler(bench.client, "secret").open()
    other.waiting("child")
    bench.client.sadd(bench.mail.key("0:dependencies"), other.key("child"))
    spec = bench.plan("remove", "failed", actor=operator_of_mail).spec

    run = bench.carry_out(start(bench.desk, operator_of_mail, NAMESPACE, spec))

    assert (run.done, run.left) == (0, 1)
    assert bench.client.exists(other.key("child"))


def test_a_plan_counts_says_what_is_not_eligible_and_freezes_the_set(bench: Bench) -> None:
    fill(bench, 12)
    fill(bench, 3, name="other")
    bench.mail.active("busy")

    found = bench.plan("retry", "failed", "active", text="name:other")

    assert (found.matching, found.is_exact, found.words) == (3, True, "name is “other”")
    failed, active = found.parts
    assert set(failed.samples) == {"0", "1", "2"}
    assert (active.matching, active.refused) == (1, "only failed and completed jobs can be retried")
    assert [source.state for source in found.spec.sources] == ["failed"]
    assert found.typed == ""
    assert bench.plan("remove", "failed").typed == "mail"


@pytest.mark.parametrize(
    ("verb", "states", "text", "says"),
    [
        ("destroy", ["failed"], "", "There is no bulk action “destroy”"),
        ("retry", [], "", "1 to 50 queues"),
        ("retry", ["stuck"], "", "There is no state “stuck”"),
        ("retry", ["failed"], "attempts:many", "At character 10"),
        ("bury", ["failed"], "", "Name a dead-letter queue"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(
    bench: Bench, verb: str, states: list[str], text: str, says: str
) -> None:
    with pytest.raises(BadRequestError, match=says):
        bench.plan(verb, *states, text=text)


def test_a_run_whose_description_cannot_be_read_is_no_trouble_for_others(bench: Bench) -> None:
    fill(bench, 3)
    bench.client.hset(NAMESPACE.bulk("open"), "broken", "")
    bench.client.hset(NAMESPACE.bulk("run", "broken"), mapping={"spec": "{", "status": "running"})
    run_id = bench.begin("retry", "failed")

    assert bench.carry_out(run_id).done == 3
    assert bench.connection.call(bench.runs.open()) == {}


def test_letters_are_guarded_by_what_was_seen(bench: Bench) -> None:
    fill(bench, 1)
    score = bench.client.zscore(bench.mail.key("failed"), "0")
    assert score is not None

    with pytest.raises(Exception, match="failed"):
        bench.connection.call(bury_job(MAIL, "0", QueueKeys("bull", "dead"), wall_clock_ms(), seen="1"))
    bench.connection.call(bury_job(MAIL, "0", QueueKeys("bull", "dead"), wall_clock_ms(), seen=f"{score:.0f}"))

    assert bench.failed_ids() == set()


def test_a_board_for_looking_starts_nothing(bench: Bench) -> None:
    fill(bench, 1)
    spec = bench.plan("retry", "failed").spec

    with pytest.raises(BoardError):
        start(replace(bench.desk, is_read_only=True), ADMIN, NAMESPACE, spec)
