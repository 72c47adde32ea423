"""The history that demo data begin with: as a recorder would have left it, and never above a real one."""

from collections.abc import Callable

from board.dev.yesterday import TRADES, remember
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.history.figures import ALL, RESOLUTIONS, Figures
from board.namespace import Namespace
from board.service import wall_clock_ms
from tests.recorder.conftest import HISTORY, Process

FINE, MINUTES, TENS, HOURS, _ = RESOLUTIONS


def test_stretches_add_up_and_all_queues_are_the_sum_of_each(connection: Connection) -> None:
    now_ms = 1_800_000_000_000
    remember(connection, Namespace(), "bull", now_ms)

    hour = HOURS.start(now_ms - 5 * HOURS.ms)
    coarse = connection.call(HISTORY.stretch_of_all(HOURS, hour))
    finer = [connection.call(HISTORY.stretch_of_all(TENS, hour + at * TENS.ms)) for at in range(6)]

    assert connection.call(HISTORY.state()).since_ms == now_ms - 24 * HOURS.ms
    for trade in TRADES:
        base = QueueKeys("bull", trade.queue).base
        assert coarse[base].finished == sum(one[base].finished for one in finer) > 0
    assert coarse[ALL].finished == sum(coarse[QueueKeys("bull", trade.queue).base].finished for trade in TRADES)
    assert coarse[ALL].looks == 360


def test_a_recorder_goes_on_from_there(connection: Connection, start: Callable[..., Process]) -> None:
    now_ms = wall_clock_ms()
    remember(connection, Namespace(), "bull", now_ms)

    start().step()

    state = connection.call(HISTORY.state())
    assert state.since_ms == now_ms - 24 * HOURS.ms
    assert state.gaps == ()


def test_what_a_recorder_wrote_is_left_alone(connection: Connection, start: Callable[..., Process]) -> None:
    start().step()
    since_ms = connection.call(HISTORY.state()).since_ms

    remember(connection, Namespace(), "bull", wall_clock_ms())

    assert connection.call(HISTORY.state()).since_ms == since_ms
    (before,) = connection.call(HISTORY.figures(HOURS, HOURS.start(wall_clock_ms() - 3 * HOURS.ms), [ALL]))
    assert before == Figures()
