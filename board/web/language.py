"""In which language a page speaks: the first of those there are that the reader asks for.

A checkout reads the catalogues as people write them (``.po``), a wheel carries them compiled (``.mo``).
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask import Flask, Response, request
from flask_babel import Babel

from board import words
from board.web import programs
from board.web.state import board
from board.web.varying import depends_on

__all__ = ["TRANSLATIONS", "install", "load"]

TRANSLATIONS = Path(__file__).resolve().parent.parent / "translations"
"""Where the catalogues are: a folder a language."""


def install(app: Flask) -> None:
    """Let each page of an application speak the language of who asks."""
    Babel(app, default_locale="en", locale_selector=lambda: words.spoken().code, configure_jinja=False)
    env = app.jinja_env
    env.add_extension("jinja2.ext.i18n")
    # Not the callables that Jinja would wrap around ours: they take a translation for markup.
    env.globals.update(_=words.gettext, gettext=words.gettext, ngettext=words.ngettext, N_=words.mark)
    env.newstyle_gettext = True  # type: ignore[attr-defined] # set by the extension
    app.before_request(_begin)
    app.teardown_request(lambda _error: words.speak(words.ENGLISH))
    app.after_request(_finish)
    app.context_processor(lambda: {"language": words.spoken().code})


def _begin() -> None:
    words.speak(words.ENGLISH if programs.is_program() else load(_wanted()))


def _wanted() -> str:
    """Return the code of the language to speak."""
    fixed = board().settings.language
    return fixed or request.accept_languages.best_match(tuple(words.LANGUAGES), "en")


def _finish(response: Response) -> Response:
    if response.mimetype == "text/html":
        depends_on(response, "Accept-Language")
    return response


@cache
def load(code: str) -> words.Language:
    """Return a language with its catalogue."""
    if code == "en":
        return words.ENGLISH
    symbols = Locale.parse(code).number_symbols["latn"]
    return words.Language(code, _catalogue(code), symbols["decimal"], symbols["group"])


def _catalogue(code: str) -> Translations:
    folder = TRANSLATIONS / code / "LC_MESSAGES"
    written = folder / "messages.po"
    if not written.is_file():
        return Translations((folder / "messages.mo").open("rb"))
    compiled = BytesIO()
    with written.open("rb") as source:
        write_mo(compiled, read_po(source, locale=code))
    compiled.seek(0)
    return Translations(compiled)
