"""Pieces of pages that are remembered, so many that they take no more than a number of bytes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Hashable
from typing import Final

from markupsafe import Markup

__all__ = ["LONGEST", "MOST", "Remembered"]

MOST: Final = 8_388_608
"""Bytes that all pieces may take: some 1,800 lines of a table. One character beyond Latin-1 makes a piece twice as
large, an emoji four times."""

LONGEST: Final = 65_536
"""Bytes of a piece: the dialogs even with an emoji, or fourteen lines. Nothing bounds the length of a job id, and a
line has it some twenty times."""

_BESIDE: Final = 1_024
"""Bytes, about, of what a piece was made from, which is kept with it."""


class Remembered:
    """Pieces in two halves: one is filled, and once it is full takes the place of the other.

    What is asked for moves to the half that is being filled; so what nobody asked for while a half was filled goes. To
    find a piece takes no lock: threads that move the same one count it twice, which only fills the half sooner.
    """

    def __init__(self, most: int = MOST, longest: int = LONGEST) -> None:
        """Keep pieces of up to ``longest`` bytes, of ``most`` altogether."""
        self._half = most // 2
        self._longest = longest
        self._lock = threading.Lock()
        self._size = 0
        self._new: dict[Hashable, Markup] = {}
        self._old: dict[Hashable, Markup] = {}

    def __len__(self) -> int:
        """Return how many there are; one that moved counts twice."""
        return len(self._new) + len(self._old)

    def get(self, key: Hashable) -> Markup | None:
        """Return a piece, if it is remembered."""
        found = self._new.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.keep(key, found)
        return found

    def keep(self, key: Hashable, html: Markup) -> None:
        """Remember a piece, unless it is too long."""
        size = sys.getsizeof(html)
        if size > self._longest:
            return
        with self._lock:
            if self._size + size + _BESIDE > self._half:
                self._old, self._new, self._size = self._new, {}, 0
            self._new[key] = html
            self._size += size + _BESIDE
