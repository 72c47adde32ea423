"""What the engine does on one server it does on a cluster and behind Sentinels: the same tests, other servers.

The fixtures of this folder's conftest take the place of the single server's. Left out are the tests that start, break
or configure a server of their own, those of a single connection, and those of signals to a whole group of programs.
"""

from tests.engine.test_control import *  # noqa: F403
from tests.engine.test_events import *  # noqa: F403
from tests.engine.test_ordering import *  # noqa: F403
from tests.engine.test_processes import *  # noqa: F403
from tests.engine.test_processing import *  # noqa: F403
from tests.engine.test_recovery import *  # noqa: F403
from tests.engine.test_telemetry import *  # noqa: F403
