"""The words of the pages. Lower layers write English, and what is needed to say it in the language of the reader.

A ``Sentence`` is its English text. Programs, the audit log, logs and tests get that, whoever asks. Where a template
prints it, a page shows what the catalogue of the reader's language has for it, escaped like any other text: a
translation is no markup. So a reading can be shared between people of several languages.

``gettext`` and ``ngettext`` say a message at once in the language being spoken; they are for the web layer, which sets
that language for the time of a page (``speaking``). Everywhere else it is English.

No sentence is glued together from parts: what varies is a named placeholder, ``%(name)s``, and what depends on a number
is a pair of messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from gettext import NullTranslations
from typing import Any, Final, Protocol, Self

from markupsafe import Markup, escape

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "Amount",
    "Count",
    "Language",
    "Sentence",
    "begin",
    "clauses",
    "gettext",
    "listed",
    "mark",
    "ngettext",
    "of",
    "packed",
    "row",
    "said",
    "sentence",
    "sentences",
    "speak",
    "spoken",
    "told",
    "unpacked",
]


LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "de": "Deutsch"}
"""The languages that pages speak completely, by the name that each gives itself."""


class Catalogue(Protocol):
    """What has the translations of one language."""

    def gettext(self, message: str, /) -> str: ...
    def ngettext(self, one: str, many: str, n: int, /) -> str: ...


@dataclass(frozen=True, slots=True)
class Language:
    """A language, and how it writes numbers.

    Attributes:
        code: its tag, as in ``<html lang>``.
        catalogue: its translations.
        decimal: what stands before the decimals.
        group: what stands between thousands.
    """

    code: str = "en"
    catalogue: Catalogue = field(default_factory=NullTranslations, compare=False)
    decimal: str = "."
    group: str = ","

    def number(self, written: str) -> str:
        """Write a number that was written the English way."""
        if self.decimal == "." and self.group == ",":
            return written
        return written.translate({ord(","): self.group, ord("."): self.decimal})


ENGLISH: Final = Language()
"""The language of the source."""

_PLACEHOLDER: Final = re.compile(r"%\(\w+\)s|%%")

_spoken: ContextVar[Language] = ContextVar("spoken", default=ENGLISH)


def spoken() -> Language:
    """Return the language of the page being made."""
    return _spoken.get()


def speak(language: Language) -> None:
    """Speak this language from now on, in this thread or task."""
    _spoken.set(language)


class Sentence(str):
    """English text that a page shows in its reader's language.

    It is a ``str`` in every respect but one: a template that prints it asks ``__html__``.
    """

    __slots__ = ("_count", "_many", "_message", "_values")
    _message: str
    _many: str | None
    _count: int
    _values: Mapping[str, Any]

    def __new__(
        cls,
        text: str,
        message: str = "",
        many: str | None = None,
        count: int = 0,
        values: Mapping[str, Any] | None = None,
    ) -> Self:
        """Keep the English text, and the message or messages that it was made of."""
        made = super().__new__(cls, text)
        made._message, made._many, made._count, made._values = message or text, many, count, values or {}
        return made

    def __html__(self) -> str:
        """Say it in the language being spoken, escaped."""
        return escape(self.told())

    def told(self) -> str:
        """Say it in the language being spoken, as plain text."""
        if not self._message:  # to a catalogue that is the name of its header
            return ""
        catalogue = _spoken.get().catalogue
        if self._many is None:
            text = catalogue.gettext(self._message)
        else:
            text = catalogue.ngettext(self._message, self._many, self._count)
        return text % {name: told(value) for name, value in self._values.items()} if self._values else text

    def parts(self) -> dict[str, Any]:
        """Return what it is made of, for JSON."""
        made: dict[str, Any] = {
            "message": self._message,
            "values": {name: packed(value) for name, value in self._values.items()},
        }
        return made if self._many is None else {**made, "many": self._many, "count": int(self._count)}


def sentence(message: str, /, **values: Any) -> Sentence:
    """Return a sentence; ``values`` fill its placeholders. Without any, a per cent sign is only that."""
    return Sentence(message % values if values else message, message, values=values)


def sentences(one: str, many: str, n: int, /, **values: Any) -> Sentence:
    """Return a sentence that depends on a number: also the placeholder ``%(n)s``, unless a value is named so."""
    values = {"n": n, **values}
    return Sentence((one if n == 1 else many) % values, one, many, n, values)


class _Beginning(Sentence):
    """A sentence that begins with a capital letter, whatever its message does."""

    __slots__ = ()

    def told(self) -> str:
        """Say it, with a capital letter."""
        text = super().told()
        return text[:1].upper() + text[1:]

    def parts(self) -> dict[str, Any]:
        """Return what it is made of."""
        return {**super().parts(), "begins": True}


def begin(part: str) -> Sentence:
    """Return a part of a sentence as the beginning of one: with a capital letter, in every language."""
    return _Beginning(part[:1].upper() + part[1:], "%(part)s", values={"part": part})


def row(items: Sequence[Any]) -> Sentence:
    """Return words in a row: a, b, c."""
    return _folded(items, lambda first, rest: sentence("%(items)s, %(next)s", items=first, next=rest))


def clauses(items: Sequence[Any]) -> Sentence:
    """Return clauses that may have commas in them: a; b; c."""
    return _folded(items, lambda first, rest: sentence("%(items)s; %(next)s", items=first, next=rest))


def said(items: Sequence[Any]) -> Sentence:
    """Return whole sentences one after the other."""
    return _folded(items, lambda first, rest: sentence("%(sentences)s %(next)s", sentences=first, next=rest))


def listed(items: Sequence[Any]) -> Sentence:
    """Return words as a list: a, b and c."""
    if len(items) < 2:
        return row(items)
    return sentence("%(items)s and %(last)s", items=row(items[:-1]), last=items[-1])


def _folded(items: Sequence[Any], join: Callable[[Sentence, Sentence], Sentence]) -> Sentence:
    """Join items by halves, so that a thousand of them nest ten deep."""
    if len(items) > 1:
        half = len(items) // 2
        return join(_folded(items[:half], join), _folded(items[half:], join))
    return Sentence(str(items[0]), "%(item)s", values={"item": items[0]}) if items else Sentence("")


class Count(int):
    """A number in a sentence whose thousands are grouped."""

    def __str__(self) -> str:
        """Write it the English way."""
        return f"{int(self):,}"


class Amount(str):
    """A number in a sentence, written the English way, such as 1,234.5."""

    __slots__ = ()


def told(value: Any) -> Any:
    """Return a value as the language being spoken says it: a sentence translated, a number written, others as is."""
    if type(value) is str:  # most of them
        return value
    if isinstance(value, Sentence):
        return value.told()
    if isinstance(value, int) and not isinstance(value, bool):
        return _spoken.get().number(str(value))
    if isinstance(value, Amount):
        return _spoken.get().number(value)
    return value


def packed(value: Any) -> Any:
    """Return words as JSON that ``unpacked`` reads again: what a sentence is made of, and any other text as it is."""
    if isinstance(value, Sentence):
        return value.parts()
    if isinstance(value, Count):
        return {"number": int(value)}
    return {"amount": str(value)} if isinstance(value, Amount) else value


def unpacked(kept: Any, plain: str) -> str:
    """Return words that were ``packed``, or the plain text beside them where those cannot be read."""
    try:
        found = _unpacked(kept)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError):
        return plain
    return found if isinstance(found, str) else plain


def _unpacked(kept: Any) -> Any:
    if not isinstance(kept, Mapping):
        return kept
    if "number" in kept:
        return Count(kept["number"])
    if "amount" in kept:
        return Amount(kept["amount"])
    values = {name: _unpacked(one) for name, one in kept["values"].items()}
    is_counted = "many" in kept
    message = _message(kept["message"], is_filled=is_counted or bool(values))
    if is_counted:
        return sentences(message, _message(kept["many"], is_filled=True), Count(kept["count"]), **values)
    found = sentence(message, **values)
    return begin(values["part"]) if kept.get("begins") else found


def _message(kept: Any, *, is_filled: bool) -> str:
    """Return a message as ours are: no placeholder asks for more than a text, such as one of a billion characters."""
    if not isinstance(kept, str) or (is_filled and "%" in _PLACEHOLDER.sub("", kept)):
        raise ValueError("no message of ours")
    return kept


def mark(message: str, /) -> str:
    """Return a message as it is, and let it be collected: for what is said later, by a variable."""
    return message


def of(error: Exception) -> str:
    """Return what an error says; a sentence stays one, which ``str`` would make plain English of."""
    first = error.args[0] if len(error.args) == 1 else None
    return first if isinstance(first, Sentence) else str(error)


def gettext(message: str, /, **values: Any) -> str:
    """Say a message in the language being spoken.

    Markup among the values stays markup, and everything else is then escaped, the translation too.
    """
    said = _spoken.get().catalogue.gettext(message) if message else ""  # nothing is the key of a catalogue's header
    return _filled(said, values) if values else said


def ngettext(one: str, many: str, n: int, /, **values: Any) -> str:
    """Say one of two messages, as ``n`` asks for; it is also the placeholder ``%(n)s`` unless a value is named so."""
    values = {"n": n, **values}
    return _filled(_spoken.get().catalogue.ngettext(one, many, n), values)


def _filled(text: str, values: Mapping[str, Any]) -> str:
    is_markup = False
    filled: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Markup):
            is_markup = True
            filled[name] = value
        else:
            filled[name] = told(value)
    return (escape(text) if is_markup else text) % filled
