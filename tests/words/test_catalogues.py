"""The catalogues have every message of the sources, and every language that is there has all of them."""

import re
from collections import Counter

import pytest
from babel.messages.catalog import Message

from board import words
from board.dev import catalogues
from board.web.language import TRANSLATIONS

LANGUAGES = sorted(path.name for path in TRANSLATIONS.iterdir() if path.is_dir())
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def messages_of(code: str) -> list[Message]:
    return [message for message in catalogues.read(code) if message.id]


def forms(message: Message) -> list[str]:
    found = message.string
    return [found] if isinstance(found, str) else list(found or ())


def test_the_template_has_what_the_sources_have() -> None:
    """When this fails: make words, then translate what is new."""
    assert catalogues.TEMPLATE.read_bytes() == catalogues.written(catalogues.collected())


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_catalogue_has_exactly_the_messages_of_the_template(code: str) -> None:
    """When this fails: make words, then translate what is new."""
    file = TRANSLATIONS / code / "LC_MESSAGES" / "messages.po"

    assert file.read_bytes() == catalogues.written(catalogues.updated(code, catalogues.collected()))


def test_nothing_is_missing_or_a_guess_in_a_language_that_is_offered() -> None:
    offered = [code for code in words.LANGUAGES if code != "en"]
    messages = [message for code in offered for message in messages_of(code)]

    assert [message.id for message in messages if message.fuzzy or not all(forms(message))] == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_translation_has_the_placeholders_of_its_message(code: str) -> None:
    wrong = []
    for message in messages_of(code):
        one, many = (message.id, message.id) if isinstance(message.id, str) else message.id
        wanted = Counter(PLACEHOLDER.findall(many))
        for index, form in enumerate(forms(message)):
            plain = PLACEHOLDER.sub("", form) if wanted else ""
            allowed = [wanted] if index else [wanted, Counter(PLACEHOLDER.findall(one))]
            if form and (Counter(PLACEHOLDER.findall(form)) not in allowed or "%" in plain.replace("%%", "")):
                wrong.append((message.id, form))

    assert wrong == []


def test_no_message_holds_markup() -> None:
    """A translator writes words; a template puts markup around or into them."""
    found = [message.id for message in catalogues.collected() if re.search(r"</?[a-z]+\b[^>]*>|&\w+;", str(message.id))]

    assert found == []


def test_every_placeholder_has_a_name() -> None:
    assert [one.id for one in catalogues.collected() if re.search(r"%[sd]|\{\w*\}", str(one.id))] == []


def test_every_language_offered_has_a_catalogue() -> None:
    assert set(words.LANGUAGES) - {"en"} <= set(LANGUAGES)
