"""No view can reach queues that the person who asks may not see, because there is only one way to queues.

``board.web.state.board()`` gives sources, and shared readings, that are scoped to that person. What is looked for here
is every way around it; ``ALLOWED`` says who may take it, and why.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "board" / "web"

AROUND = {
    "whole_board": "the service with all queues",
    "EXTENSION": "the service itself",
    "extensions": "the service itself",
    "seen_by": "sources as somebody else sees them",
    "narrowed": "sources narrowed by hand",
    "Sources": "sources of one's own",
    "Service": "a service of one's own",
    "QueueKeys": "a queue that was not looked up",
}

ALLOWED = {
    ("__init__.py", "EXTENSION"): "puts the service into the application",
    ("__init__.py", "extensions"): "puts the service into the application, and prepares it before anybody is known",
    ("__init__.py", "Service"): "makes it",
    ("state.py", "whole_board"): "scopes it",
    ("monitor.py", "whole_board"): "programs with the token of BOARD_MONITOR_TOKEN see all queues",
    ("state.py", "EXTENSION"): "scopes it",
    ("state.py", "extensions"): "scopes it",
    ("state.py", "seen_by"): "scopes it",
    ("assets.py", "extensions"): "keeps its files there",
    ("assets.py", "EXTENSION"): "its own name for them",
    ("login.py", "extensions"): "keeps the host's callable there",
    ("provider.py", "extensions"): "keeps the identity provider there",
    ("views/repairs.py", "QueueKeys"): "a dead-letter queue may be new; asks is_shown, and the action asks again",
    ("api/acting.py", "QueueKeys"): "a dead-letter queue may be new; asks is_shown, and the action asks again",
}


def ways_around(source: str) -> Iterator[tuple[str, int]]:
    """Yield each use of a way around the scope with its line; annotations and imports of types count for nothing."""
    tree = ast.parse(source)
    notes = {
        id(part)
        for node in ast.walk(tree)
        for note in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if note is not None
        for part in ast.walk(note)
    }
    for node in ast.walk(tree):
        if id(node) in notes:
            continue
        if isinstance(node, ast.Name) and node.id in AROUND:
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and node.attr in AROUND:
            yield node.attr, node.lineno


@pytest.mark.parametrize("path", sorted(WEB.rglob("*.py")), ids=lambda path: str(path.relative_to(WEB)))
def test_a_view_takes_no_way_around_the_scope(path: Path) -> None:
    place = path.relative_to(WEB).as_posix()

    found = [
        f"line {line}: {name}, {AROUND[name]}"
        for name, line in ways_around(path.read_text())
        if (place, name) not in ALLOWED and not _is_type_argument(name, path.read_text(), line)
    ]

    assert found == []


def _is_type_argument(name: str, source: str, line: int) -> bool:
    """Whether the name only stands in a local annotation such as ``list[tuple[QueueKeys, …]]``."""
    return name == "QueueKeys" and "QueueKeys(" not in source.splitlines()[line - 1]


@pytest.mark.parametrize(("place", "name"), sorted(ALLOWED))
def test_every_exception_is_still_needed(place: str, name: str) -> None:
    assert name in {found for found, _ in ways_around((WEB / place).read_text())}


@pytest.mark.parametrize(
    "line",
    [
        "queues = whole_board().sources.list().queues",
        "queues = current_app.extensions['queue-board'].sources.list()",
        "own = cast('Service', current_app.extensions[EXTENSION])",
        "queues = board().sources.seen_by(admin).list()",
        "found = Sources(board().connection, board().settings).list()",
        "page = read_job(own.connection, own.sources, QueueKeys('bull', name), job_id)",
    ],
)
def test_each_way_around_is_noticed(line: str) -> None:
    assert list(ways_around(line))


@pytest.mark.parametrize(
    "line",
    [
        "queues = board().sources.list().queues",
        "keys = queue_or_404(queue)",
        "def ask(queue: QueueKeys) -> None: ...",
    ],
)
def test_the_way_is_not_noticed(line: str) -> None:
    assert not list(ways_around(line))
