"""What a job may do about its family, on both fronts."""

import pytest

from board.engine import AsyncJob, FlowJob, Ignored, UnrecoverableError
from board.engine.errors import JobNotInStateError
from tests.engine.fronts import Front, behaviour, ended


async def broken(job: AsyncJob) -> None:
    """Fail for good."""
    raise UnrecoverableError("no sound")


async def told(job: AsyncJob) -> list[str]:
    """Return why children failed that are ignored."""
    return list((await job.get_ignored_children_failures()).values())


@behaviour
async def test_a_parent_goes_on_without_a_child_whose_failure_is_ignored(front: Front) -> None:
    async with front:
        tree = await front.flows().add(FlowJob("film", "mail", children=[FlowJob("audio", "parts")]))
        await front.worker("parts", broken).start()
        await front.worker("mail", told).start()
        child = await ended(front.queue("parts"), tree.children[0].job.id)

        assert await child.ignore_failure() is Ignored.RUNS

        parent = await ended(front.queue("mail"), tree.job.id)
        assert parent.return_value == ["no sound"]
        with pytest.raises(JobNotInStateError, match="does not wait for it"):
            await child.ignore_failure()
        assert await parent.ignore_failure() is None
