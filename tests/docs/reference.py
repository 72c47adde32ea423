"""The tables of the reference, as the code has them.

    python -m tests.docs.reference

writes them into docs/configuration.md.
"""

from __future__ import annotations

import re
from pathlib import Path

from board.auth.policy import GRANTS, Permission, Role
from board.config import SETTINGS

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"

ACL_RULE = (
    "ACL SETUSER board on >password ~bull:* ~board:* -@all "
    "+@read +@write +@connection +@transaction +@scripting -@dangerous +info +client|list"
)
"""A Redis user that suffices for everything the board does."""

MEANING = {
    Permission.VIEW: "`view`: see that queues and jobs are there, their counts, states, times and names of errors",
    Permission.DATA: "`data`: see what jobs carry: data, results, progress, messages, stack traces, logs",
    Permission.REVEAL: "`reveal`: see values that are hidden as secrets",
    Permission.RETRY: "`retry`: retry failed and completed jobs",
    Permission.PROMOTE: (
        "`promote`: promote delayed jobs; let a parent go on without a child that failed, in the queues of both"
    ),
    Permission.PAUSE: "`pause`: pause and resume queues",
    Permission.ADD: "`add`: add and duplicate jobs, run a scheduler's job now",
    Permission.EDIT: "`edit`: edit data, delay and priority of a job, move it to the dead letters and back",
    Permission.LIMIT: "`limit`: set and lift rate limit and concurrency of a queue",
    Permission.REMOVE: "`remove`: remove jobs",
    Permission.EMPTY: "`empty`: drain and clean queues",
    Permission.SILENCE: "`silence`: silence alerts for a time",
    Permission.ALERT: "`alert`: make, change and remove rules and channels of alerts",
    Permission.ACCEPT: "`accept`: let a finding of the checklist stay as it is for a time",
    Permission.SCHEDULE: "`schedule`: create, change and remove schedulers",
    Permission.OBLITERATE: "`obliterate`: obliterate queues",
    Permission.AUDIT: "`audit`: read the audit log",
    Permission.USERS: "`users`: add, change and remove people and API tokens; only as a grant for all queues",
}


def settings_table() -> str:
    """Return the settings, one a row."""
    rows = [f"| `{one.variable}` | {one.unit} | {_default(one.default)} | {one.about} |" for one in SETTINGS]
    return "\n".join(("| variable | value | default | what for |", "|---|---|---|---|", *rows))


def roles_table() -> str:
    """Return what each role may do, one a row."""
    head = "| may | " + " | ".join(role.value for role in Role) + " |"
    rows = [
        f"| {MEANING[permission]} | " + " | ".join("yes" if permission in GRANTS[role] else "–" for role in Role) + " |"
        for permission in Permission
    ]
    return "\n".join((head, "|---" * (len(Role) + 1) + "|", *rows))


def write() -> None:
    """Put the tables into the page."""
    text = PAGE.read_text(encoding="utf-8")
    for marker, now in (("SETTINGS_TABLE", settings_table()), ("ROLES_TABLE", roles_table()), ("ACL_RULE", ACL_RULE)):
        text = text.replace(marker, now)
    text = re.sub(r"\| variable \|.*?\n\n", lambda _: settings_table() + "\n\n", text, flags=re.DOTALL)
    text = re.sub(r"\| may \|.*?\n\n", lambda _: roles_table() + "\n\n", text, flags=re.DOTALL)
    text = re.sub(r"^ACL SETUSER.*$", lambda _: ACL_RULE, text, flags=re.MULTILINE)
    PAGE.write_text(text, encoding="utf-8")


def _default(value: object) -> str:
    if isinstance(value, bool):
        return "`1`" if value else "`0`"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`" if value else "–"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{value}`" if value != "" else "–"


if __name__ == "__main__":
    write()
