"""What the process logs: one line a record on standard error, with the extra fields behind the message.

The library parts only ever call ``logging.getLogger``; this is for the commands.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

__all__ = ["configure"]

_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class _Line(logging.Formatter):
    """``time level logger message {extra}``: readable for people, and the extra is JSON for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record as one line, with a stack trace below it when there is one."""
        extra: dict[str, Any] = {name: value for name, value in record.__dict__.items() if name not in _PLAIN}
        line = f"{self.formatTime(record)} {record.levelname.lower()} {record.name} {record.getMessage()}"
        if extra:
            line += " " + json.dumps(extra, ensure_ascii=True, default=str)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(level: int = logging.INFO) -> None:
    """Send the records of this process to standard error; calling it again changes nothing."""
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    root.addHandler(handler)
    root.setLevel(level)
