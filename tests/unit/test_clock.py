"""Timers count in a time that nobody can set back."""

from board.engine.clock import SteadyClock, wall_ms


def test_steady_time_begins_as_wall_time() -> None:
    assert abs(SteadyClock().now_ms() - wall_ms()) < 1000


def test_a_clock_that_is_set_back_does_not_stop_steady_time() -> None:
    wall, monotonic = [1_000_000], [50]
    clock = SteadyClock(lambda: wall[0], lambda: monotonic[0])

    wall[0] -= 3_600_000
    monotonic[0] += 70

    assert clock.now_ms() == 1_000_070


def test_moments_of_wall_time_keep_their_distance() -> None:
    wall, monotonic = [1_000_000], [50]
    clock = SteadyClock(lambda: wall[0], lambda: monotonic[0])
    wall[0] -= 3_600_000

    assert clock.steady_ms(wall[0] + 500) == clock.now_ms() + 500
