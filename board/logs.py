"""What the process logs: one line a record on standard error, with the extra fields behind the message.

The library parts only ever call ``logging.getLogger``; this is for the commands.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from board.redaction import redact_text

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
        return redact_text(f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line)


class _Json(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the extra fields, and the stack trace as `trace`."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record as one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in record.__dict__.items() if name not in _PLAIN}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        plain = {name: redact_text(value) if isinstance(value, str) else value for name, value in line.items()}
        return redact_text(json.dumps(plain, ensure_ascii=True, default=str))


def configure(level: int = logging.INFO, *, json_lines: bool = False) -> None:
    """Send the records of this process to standard error; calling it again changes nothing."""
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if json_lines else _Line())
    root.addHandler(handler)
    root.setLevel(level)
