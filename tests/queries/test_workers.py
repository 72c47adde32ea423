import base64

import pytest

from board.engine.errors import PermissionDeniedError
from board.engine.keys import QueueKeys
from board.queries.workers import count_workers

MAIL = QueueKeys("bull", "mail")
NODE = f"bull:{base64.b64encode(b'mail').decode()}"


@pytest.mark.parametrize(
    ("names", "count"),
    [
        ([], 0),
        ([NODE], 1),
        ([NODE, f"{NODE}:w:one", f"{NODE}:w:a:b"], 3),
        (["bull:mail", "bull:mail"], 1),
        (["bull:mail:w:py", "bull:mail:w:py", NODE], 2),
        ([f"{NODE}:qe", "acme:mail", "bull:mailing", "queue-board", f"x{NODE}"], 0),
    ],
)
def test_workers_are_told_by_the_names_of_their_connections(names: list[str], count: int) -> None:
    assert count_workers(names, [MAIL], is_cluster=False) == {MAIL: count}


def test_of_a_cluster_one_node_is_asked_so_none_means_unknown() -> None:
    other = QueueKeys("bull", "other")

    assert count_workers([NODE], [MAIL, other], is_cluster=True) == {MAIL: 1, other: None}


def test_names_that_may_not_be_listed_leave_workers_unknown() -> None:
    assert count_workers(PermissionDeniedError("NOPERM"), [MAIL], is_cluster=False) == {MAIL: None}
