"""What the engine does on one server it does on a cluster and behind Sentinels: the same tests, other servers.

The fixtures of this folder's conftest take the place of the single server's. Left out are tests that start a program or
a server of their own, and those of a single connection.
"""

from tests.engine.test_control import *  # noqa: F403
from tests.engine.test_processing import *  # noqa: F403
