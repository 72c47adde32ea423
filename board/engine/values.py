"""Dataclasses that nobody changes, for what is made several times a job.

A frozen dataclass sets each of its fields through a call of its own. These are frozen for the type checker, which reads
every line of ours, and plain at run time. Options and whatever else a caller makes by hand stay frozen for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:
    import dataclasses

    def value(*, frozen: bool, slots: bool) -> Any:
        """Make a class a dataclass that is hashed by its fields, as a frozen one would be."""
        return dataclasses.dataclass(slots=slots, unsafe_hash=frozen)


__all__ = ["value"]
