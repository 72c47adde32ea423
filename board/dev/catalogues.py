"""The catalogues of the pages' words: collected from the sources, and brought up to date. ``make words`` runs it.

``board/translations/messages.pot`` has every message. A language has one file beside it,
``<code>/LC_MESSAGES/messages.po``, which a new message enters without a translation; tests say what is missing.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from board import doctor
from board.web.language import TRANSLATIONS

__all__ = ["collected", "main", "read", "updated", "written"]

ROOT: Final = TRANSLATIONS.parent.parent
TEMPLATE: Final = TRANSLATIONS / "messages.pot"

KEYWORDS: Final = {
    "_": None,
    "gettext": None,
    "N_": None,
    "mark": None,
    "sentence": None,
    "ngettext": (1, 2),
    "sentences": (1, 2),
}
"""What marks a message, and which of its arguments are messages."""


def collected() -> Catalog:
    """Return every message of the templates and the code, in the order of the files."""
    found = Catalog(project="Queue Board", charset="utf-8", fuzzy=False)
    for folder, pattern, method in (
        ("templates", "**.html", "jinja2.ext:babel_extract"),
        ("board", "**.py", "python"),
    ):
        for name, _line, message, comments, _context in extract_from_dir(
            ROOT / folder,
            method_map=[(pattern, method)],
            options_map={pattern: {"newstyle_gettext": "true", "silent": "false"}},
            keywords=KEYWORDS,
            comment_tags=("Words:",),
            strip_comment_tags=True,
        ):
            found.add(message, None, [(f"{folder}/{name}", 0)], auto_comments=comments)
    for check in doctor.CHECKS:
        found.add(str(doctor.rule_of(check.__doc__)), None, [(f"{check.__module__.replace('.', '/')}.py", 0)])
    return found


def read(code: str) -> Catalog:
    """Return the catalogue of a language as it was written."""
    with _file(code).open("rb") as source:
        return read_po(source, locale=code)


def updated(code: str, messages: Catalog) -> Catalog:
    """Return the catalogue of a language with exactly these messages. A guess at a translation is never made."""
    catalogue = read(code) if _file(code).is_file() else Catalog(locale=code, project="Queue Board", fuzzy=False)
    catalogue.update(messages, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """Return a catalogue as its file holds it: without dates, versions and line numbers, which would change daily."""
    plain = BytesIO()
    write_po(plain, catalogue, width=110, omit_header=True, include_lineno=False, ignore_obsolete=True)
    rule = (
        f'"Language: {catalogue.locale}\\n"\n"Plural-Forms: {catalogue.plural_forms}\\n"\n' if catalogue.locale else ""
    )
    header = f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n{rule}\n'
    return header.encode() + plain.getvalue()


def main() -> None:
    """Write the template, and each language that has a folder or is named on the command line."""
    messages = collected()
    TEMPLATE.write_bytes(written(messages))
    codes = {path.parent.parent.name for path in TRANSLATIONS.glob("*/LC_MESSAGES/messages.po")} | set(sys.argv[1:])
    for code in sorted(codes):
        catalogue = updated(code, messages)
        _file(code).parent.mkdir(parents=True, exist_ok=True)
        _file(code).write_bytes(written(catalogue))


def _file(code: str) -> Path:
    return TRANSLATIONS / code / "LC_MESSAGES" / "messages.po"


if __name__ == "__main__":
    main()
