"""Names and ids in addresses: any text becomes one segment of a path, and comes back as it was.

Servers, proxies and browsers disagree about what ``%2F``, ``//`` and ``..`` in a path mean, so a job id that holds them
may not rely on percent signs. ``escape`` spells every troublesome character with an exclamation mark and two hex digits
for each byte (``a/b`` is ``a!2Fb``), ``unescape`` reads it back. What is left needs no quoting that could go wrong:
letters and digits of any script, ``-``, ``_``, ``:``, ``@`` and dots that do not lead.
"""

from __future__ import annotations

import re

__all__ = ["escape", "unescape"]

_PLAIN_ASCII = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:@")
_ESCAPED = re.compile(r"(?:![0-9A-F]{2})+")
EMPTY = "!"
"""The empty text; a lone mark is nothing else's spelling."""


def escape(text: str) -> str:
    """Spell ``text`` as one segment of a path."""
    if not text:
        return EMPTY
    return "".join(_spell(character, leads=at == 0) for at, character in enumerate(text))


def unescape(segment: str) -> str | None:
    """Read a segment back; None when it is not what ``escape`` writes."""
    if segment == EMPTY:
        return ""
    text = _ESCAPED.sub(_read, segment)
    return text if escape(text) == segment else None


def _spell(character: str, *, leads: bool) -> str:
    if character == ".":
        return "!2E" if leads else "."
    if character in _PLAIN_ASCII or (character > "\x7f" and character.isalnum()):
        return character
    return "".join(f"!{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))


def _read(match: re.Match[str]) -> str:
    return bytes.fromhex(match.group().replace("!", "")).decode("utf-8", "surrogateescape")
