"""What a worker may be told: what cannot work is refused before anything runs."""

import pytest

from board.engine.errors import InvalidOptionError
from board.engine.worker.options import worker_options


@pytest.mark.parametrize("renew_ms", [30_000, 45_000])
def test_a_lock_that_would_run_out_before_it_is_renewed_is_refused(renew_ms: int) -> None:
    with pytest.raises(InvalidOptionError, match="shorter than lock_duration"):
        worker_options({"lock_duration": 30_000, "lock_renew_time": renew_ms})


def test_a_lock_may_be_renewed_late() -> None:
    assert worker_options({"lock_duration": 30_000, "lock_renew_time": 29_000}).lock_ms == 30_000
