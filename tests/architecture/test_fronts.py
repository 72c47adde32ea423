"""The two fronts offer the same, in the same words."""

import inspect

import pytest

from board.engine.aio.events import AsyncQueueEvents
from board.engine.sync.events import QueueEvents
from tests.architecture.fronts import DERIVED, ENGINE, derive


@pytest.mark.parametrize("name", DERIVED)
def test_the_blocking_module_is_the_asyncio_one_without_await(name: str) -> None:
    ours = (ENGINE / "sync" / name).read_text()

    assert ours == derive((ENGINE / "aio" / name).read_text()), (
        "run `python -m tests.architecture.fronts --write`; change board/engine/aio, never board/engine/sync"
    )


def test_queue_events_have_the_same_methods_with_the_same_arguments() -> None:
    def public(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in vars(kind).items()
            if callable(member) and not name.startswith("_")
        }

    assert public(QueueEvents) == public(AsyncQueueEvents)
