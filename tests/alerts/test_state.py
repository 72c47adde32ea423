"""What becomes of an incident, with a clock that the test turns: no server, no network."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from board.alerts.rules import Rule
from board.alerts.state import MOST_INCIDENTS, Incident, Measured, Silence, Subject, Transition, advance, read_incident

MAIL = Subject("bull", "mail")
RULE = Rule(id="r1", kind="depth", threshold=10, for_ms=60_000, remind_ms=600_000)
MIN = 60_000


class Machine:
    """Goes on from look to look."""

    def __init__(self, rule: Rule = RULE) -> None:
        self.rule = rule
        self.incidents: dict[str, Incident] = {}
        self.silences: list[Silence] = []

    def look(self, at_ms: int, value: float | None) -> list[Transition]:
        self.incidents, changes = advance(
            [self.rule], self.incidents, {self.rule.id: {MAIL: Measured(value)}}, self.silences, at_ms
        )
        return changes

    def said(self, *looks: tuple[int, float | None]) -> list[tuple[str, int, bool]]:
        return [(one.what, one.at_ms, one.is_told) for look in looks for one in self.look(*look)]

    @property
    def states(self) -> list[str]:
        return [one.state for one in self.incidents.values()]


def test_it_is_pending_until_it_lasted_then_fires_once_and_resolves_once() -> None:
    machine = Machine()

    assert machine.said((0, 11), (MIN - 1, 12)) == []
    assert machine.states == ["pending"]
    assert machine.said((MIN, 13), (2 * MIN, 14), (3 * MIN, 9), (4 * MIN, 9)) == [
        ("fired", MIN, True),
        ("resolved", 3 * MIN, True),
    ]
    assert machine.incidents == {}


def test_what_heals_in_time_says_nothing() -> None:
    assert Machine().said((0, 11), (MIN - 1, 10), (MIN, 11), (MIN * 2 - 1, 11)) == []


def test_a_rule_without_a_time_fires_at_once() -> None:
    assert Machine(replace(RULE, for_ms=0)).said((5, 11)) == [("fired", 5, True)]


def test_a_figure_that_is_not_known_changes_nothing() -> None:
    machine = Machine()

    assert machine.said((0, 11), (MIN, None)) == []
    assert machine.said((2 * MIN, 11), (3 * MIN, None)) == [("fired", 2 * MIN, True)]
    assert machine.states == ["firing"]


def test_a_rule_that_could_not_be_looked_at_keeps_its_incidents() -> None:
    machine = Machine(replace(RULE, for_ms=0))
    machine.look(0, 11)

    incidents, changes = advance([machine.rule], machine.incidents, {}, (), MIN)

    assert (incidents, changes) == (machine.incidents, [])


def test_a_queue_that_is_gone_resolves() -> None:
    machine = Machine(replace(RULE, for_ms=0))
    machine.look(0, 11)

    incidents, changes = advance([machine.rule], machine.incidents, {"r1": {}}, (), MIN)

    assert incidents == {}
    assert [one.what for one in changes] == ["resolved"]


def test_an_incident_of_a_removed_rule_ends_without_a_word() -> None:
    machine = Machine(replace(RULE, for_ms=0))
    machine.look(0, 11)

    assert advance([], machine.incidents, {}, (), MIN) == ({}, [])


def test_it_is_told_again_at_the_interval_of_the_rule() -> None:
    looks = [(at * MIN, 11) for at in range(25)]

    assert Machine().said(*looks) == [("fired", MIN, True), ("reminded", 11 * MIN, True), ("reminded", 21 * MIN, True)]


def test_a_rule_without_reminders_is_told_once() -> None:
    looks = [(at * MIN, 11) for at in range(500)]

    assert Machine(replace(RULE, remind_ms=0)).said(*looks) == [("fired", MIN, True)]


def test_a_silenced_incident_is_noted_and_not_told() -> None:
    machine = Machine(replace(RULE, for_ms=0))
    machine.silences = [Silence("s", "r1", "ma*", until_ms=100 * MIN)]

    assert machine.said((0, 11), (20 * MIN, 11), (21 * MIN, 1)) == [("fired", 0, False), ("resolved", 21 * MIN, False)]


def test_what_still_fires_when_its_silence_ends_is_told_then_and_noted_once() -> None:
    machine = Machine(replace(RULE, for_ms=0))
    machine.silences = [Silence("s", "", "*", until_ms=10 * MIN)]
    changes = [one for look in ((0, 11), (9 * MIN, 11), (10 * MIN, 11), (11 * MIN, 1)) for one in machine.look(*look)]

    assert [(one.what, one.is_told, one.is_recorded) for one in changes] == [
        ("fired", False, True),
        ("fired", True, False),
        ("resolved", True, True),
    ]


def test_the_end_of_what_was_told_is_told_although_it_was_silenced_since() -> None:
    machine = Machine(replace(RULE, for_ms=0))
    machine.look(0, 11)
    machine.silences = [Silence("s", "r1", "mail", until_ms=100 * MIN)]

    assert machine.said((50 * MIN, 11), (51 * MIN, 1)) == [("resolved", 51 * MIN, True)]


@pytest.mark.parametrize(
    ("silence", "is_covered"),
    [
        (Silence("s", "r1", "mail", 10), True),
        (Silence("s", "", "m*", 10), True),
        (Silence("s", "r2", "mail", 10), False),
        (Silence("s", "r1", "orders", 10), False),
        (Silence("s", "r1", "mail", 5), False),
    ],
)
def test_a_silence_covers_its_rule_its_queues_and_its_time(silence: Silence, is_covered: bool) -> None:  # noqa: FBT001
    assert silence.covers("r1", "mail", 5) is is_covered


def test_too_few_breaks_a_rule_about_too_few() -> None:
    rule = Rule(id="r1", kind="workers", threshold=2)

    assert [rule.is_broken(value) for value in (0, 1, 2, 3)] == [True, True, False, False]


def test_incidents_are_bounded() -> None:
    rule = replace(RULE, for_ms=0)
    many = {Subject("bull", f"q{number}"): Measured(11) for number in range(MOST_INCIDENTS + 50)}

    incidents, changes = advance([rule], {}, {"r1": many}, (), 0)

    assert len(incidents) == len(changes) == MOST_INCIDENTS


def test_the_next_incident_of_the_same_queue_has_another_id() -> None:
    machine = Machine(replace(RULE, for_ms=0))
    ids: Sequence[str] = [one.incident.id for at in (0, 1, 2) for one in machine.look(at * MIN, 11 if at != 1 else 1)]

    assert len(ids) == 3
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    "stored",
    ["", "{}", "[]", "7", '"x"', "null", '{"rule": 1}', b"\xff", '{"subject": {"x": 1}}', "[" * 100_000, "9" * 5_000],
    ids=range(11),
)
def test_nonsense_is_no_incident(stored: str | bytes) -> None:
    assert read_incident(stored) is None


def test_an_incident_is_read_as_it_was_written() -> None:
    machine = Machine()
    machine.look(0, 11)

    assert [read_incident(one.written()) for one in machine.incidents.values()] == list(machine.incidents.values())
