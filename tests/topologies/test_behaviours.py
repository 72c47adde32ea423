"""What the engine does on one server it does on a cluster and behind Sentinels: the same tests, other servers.

The fixtures of this folder's conftest take the place of the single server's. Left out are the tests that start a
server of their own (what becomes of a lost one is tested with the faults), those of a single connection, and those of
names alone.
"""

from tests.engine.test_broken_connections import (
    test_every_job_runs_once_however_often_connections_break,  # noqa: F401
)
from tests.engine.test_closing import *  # noqa: F403
from tests.engine.test_control import *  # noqa: F403
from tests.engine.test_door import *  # noqa: F403
from tests.engine.test_events import *  # noqa: F403
from tests.engine.test_ordering import *  # noqa: F403
from tests.engine.test_processes import *  # noqa: F403
from tests.engine.test_processing import *  # noqa: F403
from tests.engine.test_recovery import *  # noqa: F403
from tests.engine.test_signals_and_loops import *  # noqa: F403
from tests.engine.test_stopping import *  # noqa: F403
from tests.engine.test_telemetry import *  # noqa: F403
from tests.engine.test_testing import *  # noqa: F403
