"""A rule is tried on the recorded week, and the trial tells what the live looking would have told."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from board.alerts.measures import from_history
from board.alerts.rules import Rule
from board.alerts.state import Incident, Subject, advance
from board.alerts.trial import Stretch, replay, stretches, trial_of
from board.engine.calls import Batch
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.history.figures import RESOLUTIONS, Figures
from board.history.groups import Groups
from board.history.store import Failed, Gap, History, Recording, State
from board.namespace import Namespace
from board.queries.alerts import read_trial
from tests.alerts.conftest import Clock

MAIL = QueueKeys("bull", "mail")
_, MINUTE, TEN_MINUTES, HOUR, _ = RESOLUTIONS
NOW = 1_800_000_000_000 - 1_800_000_000_000 % HOUR.ms + 25 * 60_000 + 7_000
STATE = State(since_ms=1, until_ms=NOW)


def minutes(*figures: Figures, until: int = MINUTE.start(NOW)) -> list[Stretch]:
    """Return closed minutes, the last of which ended at ``until``."""
    first = until - len(figures) * MINUTE.ms
    return [Stretch(MINUTE, first + at * MINUTE.ms, {MAIL.base: one}) for at, one in enumerate(figures)]


def test_every_moment_of_the_week_is_read_once() -> None:
    read = list(stretches(NOW))

    assert read[0][1] <= NOW - 7 * 86_400_000
    assert all(one.ms + start == following for (one, start), (_, following) in pairwise(read))
    assert read[-1][0].ms + read[-1][1] == MINUTE.start(NOW)
    assert {one.name for one, _ in read} == {"1h", "10m", "1m"}


def test_the_times_and_the_length_are_told() -> None:
    rule = Rule("r1", "depth", threshold=10, for_ms=120_000)
    deep, flat = Figures(open_sum=20, looks=1), Figures(open_sum=1, looks=1)
    read = minutes(*[deep] * 5, flat, *[deep] * 3, flat, deep, flat)

    found = replay(rule, [MAIL], read, STATE)

    start = read[0].end
    assert [(one.from_ms - start, one.to_ms and one.to_ms - start) for one in found] == [
        (120_000, 300_000),
        (480_000, 540_000),
    ]
    assert all(one.words == "mail has 20 open jobs" for one in found)


def test_a_mean_above_the_limit_does_not_read_as_the_limit() -> None:
    read = minutes(Figures(open_sum=31, looks=3))

    (found,) = replay(Rule("r1", "depth", threshold=10), [MAIL], read, STATE)

    assert found.words == "mail has 11 open jobs"


def test_what_would_fire_now_has_no_end() -> None:
    found = replay(Rule("r1", "depth", threshold=10), [MAIL], minutes(Figures(open_sum=20, looks=1)), STATE)

    assert [one.to_ms for one in found] == [None]


def test_an_hour_that_broke_the_rule_counts_for_all_of_it() -> None:
    rule = Rule("r1", "oldest", threshold=60_000, for_ms=1_800_000)
    hours = [Stretch(HOUR, at * HOUR.ms, {MAIL.base: Figures(oldest_ms=90_000 * (at == 1))}) for at in range(3)]

    (one,) = replay(rule, [MAIL], hours, State(since_ms=-1, until_ms=NOW))

    assert (one.from_ms, one.to_ms) == (2 * HOUR.ms, 2 * HOUR.ms)


def test_a_gap_in_the_record_neither_fires_nor_heals() -> None:
    rule = Rule("r1", "absent", threshold=120_000)
    read = minutes(*[Figures()] * 6)

    with_gap = replay(rule, [MAIL], read, replace(STATE, gaps=(Gap(read[0].start, read[-1].end, MAIL.base),)))
    without = replay(rule, [MAIL], read, STATE)

    assert (with_gap, len(without)) == ([], 1)


@pytest.mark.parametrize("kind", ["failures", "stalls", "absent"])
@pytest.mark.parametrize("seed", range(5))
def test_a_trial_is_what_the_live_looking_does_on_the_same_trace(kind: str, seed: int) -> None:
    """One way through the record, the other as the watcher asks minute by minute."""
    dice = random.Random(seed)
    threshold = {"failures": 30, "stalls": 2, "absent": 180_000}[kind]
    rule = Rule("r1", kind, threshold=threshold, for_ms=0 if kind == "absent" else 120_000)
    trace = [
        Figures(completed=dice.choice((0, 0, 9)), failed=dice.choice((0, 0, 7)), stalled=dice.choice((0, 0, 2)))
        for _ in range(400)
    ]
    read = minutes(*trace)
    by_start = {stretch.start: stretch.figures[MAIL.base] for stretch in read}

    def recorded(_series: str, from_ms: int, to_ms: int) -> list[Figures]:
        starts = range(MINUTE.start(from_ms), to_ms, MINUTE.ms)
        return [by_start.get(start, Figures()) for start in starts]

    live: list[tuple[str, int]] = []
    incidents: dict[str, Incident] = {}
    for stretch in read:
        seen = {Subject("bull", "mail"): from_history(rule, MAIL, stretch.end, recorded)}
        incidents, changes = advance([rule], incidents, {rule.id: seen}, (), stretch.end)
        live += [(change.what, change.at_ms) for change in changes]

    found = replay(rule, [MAIL], read, STATE)

    told = [("fired", one.from_ms) for one in found] + [("resolved", one.to_ms) for one in found if one.to_ms]
    assert sorted(told) == sorted(live)
    assert live


def test_the_recorded_week_is_read_in_one_round_trip(connection: Connection, clock: Clock) -> None:
    history = History(Namespace())
    clock.now_ms = NOW
    connection.call(history.claim(1))
    recording = Recording(NOW, since_ms=NOW - 30 * 86_400_000)
    deep = {MAIL.base: Figures(open_sum=500, looks=1)}
    recording.figures = {
        (HOUR, HOUR.start(NOW) - 4 * 86_400_000): deep,
        (TEN_MINUTES, TEN_MINUTES.start(NOW) - 20 * HOUR.ms): deep,
        (MINUTE, MINUTE.start(NOW) - 30 * MINUTE.ms): deep,
    }
    assert connection.call(history.record(1, recording))
    sent: list[int] = []

    class Counted:
        is_cluster = False

        def batch(self, batch: Batch[object]) -> list[object]:
            sent.append(len(batch.calls))
            return connection.batch(batch)

    rule = Rule("r1", "depth", threshold=100)
    trial = read_trial(Counted(), history, Groups(Namespace()), rule, [MAIL], now_ms=NOW)  # type: ignore[arg-type] # as far as it is asked

    assert trial.sentence == "It would have fired 3 times in the last 7 days, for 1.2 h in all."
    assert [one.queue for one in trial.episodes] == ["mail"] * 3
    assert len(sent) == 1


def test_a_week_without_trouble_says_so() -> None:
    figures = [[Figures()] for _ in stretches(NOW)]

    trial = trial_of(Rule("r1", "depth", threshold=100), [MAIL], STATE, figures, NOW)

    assert trial.sentence == "It would not have fired in the last 7 days."


def test_new_causes_of_the_week_are_counted(connection: Connection, clock: Clock) -> None:
    history = History(Namespace())
    connection.call(history.claim(1))
    recording = Recording(clock.now_ms, since_ms=clock.now_ms - 30 * 86_400_000)
    for name, age_ms in (("old", 9 * 86_400_000), ("new", 86_400_000), ("newer", 60_000)):
        at_ms = clock.now_ms - age_ms
        recording.changes.append(Failed(MAIL.base, f"j-{name}", at_ms, name, "Oops", "m", "m", "f", "a.py:1", "send"))
    assert connection.call(history.record(1, recording))

    rule = Rule("r1", "new_group")
    trial = read_trial(connection, history, Groups(Namespace()), rule, [MAIL], now_ms=clock.now_ms)

    assert trial.times == 2
    assert [one.to_ms is None for one in trial.episodes] == [True, False]


@pytest.mark.parametrize("kind", ["workers", "missed", "memory"])
def test_what_is_not_recorded_says_so(connection: Connection, kind: str, clock: Clock) -> None:
    rule = Rule("r1", kind, threshold=60_000)

    trial = read_trial(connection, History(Namespace()), Groups(Namespace()), rule, [MAIL], now_ms=clock.now_ms)

    assert "is not recorded" in trial.sentence
