"""Wait for something to become true, instead of sleeping and hoping.

The only place in the tests that sleeps. Every wait has a deadline and says, when it passes, what never happened.
"""

import asyncio
import inspect
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, overload

T = TypeVar("T")

PATIENCE_S = 90.0
"""How long anything may take that a test waits for. A busy machine makes everything late, so this is long: only what
never happens costs it, and no test may tell early from late by it."""

POLL_SECONDS = 0.01
"""Short enough not to be felt by a test, long enough not to starve the server it waits for."""


def wait_until(
    predicate: Callable[[], T],
    what: str,
    timeout: float = PATIENCE_S,
    pause: Callable[[float], None] = time.sleep,
) -> T:
    """Return the first truthy value of `predicate`; fail with `what` once `timeout` seconds have passed.

    Args:
        predicate: asked at once, then every 10 ms; what it raises goes through.
        what: completes the sentence "waited 90 s for …".
        timeout: seconds.
        pause: how to let time pass, in seconds; in a test of the browser `lambda s: page.wait_for_timeout(s * 1000)`.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}; last seen: {value!r}")
        pause(POLL_SECONDS)


def hold(pid: int) -> None:
    """Send SIGSTOP and return once it holds every thread: until then one goes on, and may handle what comes later."""
    os.kill(pid, signal.SIGSTOP)

    def is_held() -> bool:
        try:
            return all("\nState:\tT" in one.read_text() for one in Path(f"/proc/{pid}/task").glob("*/status"))
        except OSError:  # a thread that ended meanwhile
            return False

    wait_until(is_held, f"process {pid} to be held")


@overload
async def wait_until_async(predicate: Callable[[], Awaitable[T]], what: str, timeout: float = PATIENCE_S) -> T: ...


@overload
async def wait_until_async(predicate: Callable[[], T], what: str, timeout: float = PATIENCE_S) -> T: ...


async def wait_until_async(predicate: Callable[[], Any], what: str, timeout: float = PATIENCE_S) -> Any:
    """Do as `wait_until` in an event loop; `predicate` may be a function or a coroutine function."""
    deadline = time.monotonic() + timeout
    while True:
        answer = predicate()
        value = await answer if inspect.isawaitable(answer) else answer
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}; last seen: {value!r}")
        await asyncio.sleep(POLL_SECONDS)
