"""Every action that the audit log may name is among the words that pages translate."""

import ast
from collections.abc import Iterator
from pathlib import Path

from board.auth.policy import Permission
from board.bulk.acting import VERBS
from board.web.vocabulary import WORDS

BOARD = Path(__file__).parents[2] / "board"

RECORDERS = ("perform_account", "refuse", "_entry", "_record")
"""Functions that take an action as the first text of what they are given."""

FREE = "forged request: "
"""What follows is an address, which is not translated."""


def texts(node: ast.expr) -> Iterator[str]:
    """Yield the texts that an expression may be; a name of a bulk action stands for each of them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        told = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        starts = ("stop", "go on with") if told.startswith("{}") else ("",)
        for start in starts:
            for verb in VERBS:
                yield told.replace("{}", start, 1).replace("{}", verb) if start else told.replace("{}", verb)


def actions() -> dict[str, str]:
    """Return what the sources record, and where."""
    found: dict[str, str] = {permission.value: "policy.py" for permission in (Permission.RETRY, Permission.PROMOTE)}
    for path in sorted(BOARD.rglob("*.py")):
        if "engine" in path.parts or "dev" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            given: list[ast.expr] = []
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                given = [one.value for one in node.keywords if one.arg == "action"]
                if name in RECORDERS:
                    given += [one for one in node.args if any(texts(one))][:1]
            elif isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "action" for one in node.targets):
                given = [node.value]
            found |= {text: str(path.relative_to(BOARD)) for one in given for text in texts(one)}
    return found


def test_every_action_of_the_audit_log_has_words() -> None:
    found = actions()

    missing = {action: where for action, where in found.items() if action not in WORDS and not action.startswith(FREE)}
    assert missing == {}
    assert {"add job", "sign-in", "bulk retry", "stop bulk remove", "disable user", "reveal"} <= found.keys()
