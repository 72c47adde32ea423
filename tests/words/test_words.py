"""A sentence is English for programs, and what the reader's catalogue has for it on a page."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask, render_template_string
from markupsafe import Markup

from board import words
from board.web import language


class Shouted:
    """A language that shouts, and knows no number but one and many."""

    def gettext(self, message: str, /) -> str:
        return re.sub(r"%\(\w+\)S", lambda found: found[0].lower(), message.upper())

    def ngettext(self, one: str, many: str, n: int, /) -> str:
        return ("EINS %(n)s" if n == 1 else "VIELE %(n)s") if one else many


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    words.speak(words.ENGLISH)


def shout() -> None:
    words.speak(words.Language("xx", Shouted(), ",", "."))


def test_a_sentence_is_its_english_text_whoever_reads() -> None:
    told = words.sentence("Job %(name)s is gone.", name="7")
    shout()

    assert told == "Job 7 is gone."
    assert f"{told}" == "Job 7 is gone."
    assert json.dumps([told]) == '["Job 7 is gone."]'
    assert hash(told) == hash("Job 7 is gone.")


def test_a_page_says_it_in_the_language_of_the_reader() -> None:
    told = words.sentence("Job %(name)s is gone.", name="7")

    assert told.told() == "Job 7 is gone."
    shout()
    assert told.told() == "JOB 7 IS GONE."


def test_what_is_packed_is_told_in_any_language_later() -> None:
    part = words.sentence("%(name)s ms", name=words.Amount("1,234.5"))
    told = (
        words.sentence("Job %(name)s is gone.", name="7"),
        words.sentences("%(n)s job", "%(n)s jobs", 2, n=words.Count(2_000)),
        words.begin(words.sentence("took %(name)s", name=part)),
        "100 %(name)s",
        words.sentence("100 % of all"),
        words.sentence("%(name)s %% of all", name="7"),
    )

    again = [words.unpacked(json.loads(json.dumps(words.packed(one))), "lost") for one in told]

    assert again == list(told)
    shout()
    assert [words.told(one) for one in again] == [words.told(one) for one in told]
    assert words.told(again[1]) == "VIELE 2.000"


@pytest.mark.parametrize(
    "kept",
    [
        None,
        7,
        {},
        {"message": "a"},
        {"message": "%(b)s", "values": {"a": 1}},
        {"message": [], "values": {"a": 1}},
        {"message": ["a"], "values": {}},
        {"message": "%(n)d", "values": {"n": {"number": 3_000}}},
        {"message": "%(n)9999s", "values": {"n": "a"}},
        {"message": "%9999s", "values": {"n": "a"}},
        {"message": "a", "many": "%9999s", "count": 2, "values": {}},
        {"message": "a", "many": 7, "count": 2, "values": {}},
        {"message": "a", "many": "b", "count": "c", "values": {}},
        {"number": float("inf")},
        {"message": "%(n)s", "values": {"n": {"number": float("inf")}}},
    ],
)
def test_what_cannot_be_unpacked_is_the_plain_text(kept: object) -> None:
    assert words.unpacked(kept, "plain") == "plain"


def test_a_number_chooses_between_two_messages() -> None:
    one, many = (words.sentences("%(n)s job", "%(n)s jobs", n) for n in (1, 2))
    assert (one, many) == ("1 job", "2 jobs")

    shout()

    assert (one.told(), many.told()) == ("EINS 1", "VIELE 2")
    assert words.ngettext("%(n)s job", "%(n)s jobs", 2) == "VIELE 2"


def test_a_sentence_within_a_sentence_is_said_too() -> None:
    inner = words.sentence("paused")
    outer = words.sentence("The queue is %(name)s", name=inner)
    shout()

    assert outer == "The queue is paused"
    assert outer.told() == "THE QUEUE IS PAUSED"


def test_a_grouped_count_is_written_as_the_language_writes_it() -> None:
    told = words.sentence("About %(name)s", name=words.Count(1234567))
    assert told == "About 1,234,567"

    shout()

    assert told.told() == "ABOUT 1.234.567"


@pytest.fixture
def app() -> Flask:
    app = Flask("test")
    app.jinja_env.globals.update(_=words.gettext)
    return app


def test_a_translation_is_no_markup_and_a_value_neither(app: Flask) -> None:
    shout()
    page = '{{ sentence }}|{{ _("<i>%(name)s", name="<b>") }}|{{ _("<i>") }}|{{ "" ~ sentence }}'

    with app.test_request_context():
        shown = render_template_string(page, sentence=words.sentence("<i>%(name)s", name="<b>"))

    assert shown == "&lt;I&gt;&lt;b&gt;|&lt;I&gt;&lt;b&gt;|&lt;I&gt;|&lt;I&gt;&lt;b&gt;"


def test_markup_that_a_template_puts_into_a_message_stays_markup(app: Flask) -> None:
    shout()
    page = '{{ _("<i>%(name)s", name=name) }}'

    with app.test_request_context():
        shown = render_template_string(page, name=Markup("<b>x</b>"))

    assert shown == "&lt;I&gt;<b>x</b>"


def test_without_values_a_per_cent_sign_is_only_that() -> None:
    assert words.sentence("100 % done") == "100 % done"
    assert words.gettext("100 % done") == "100 % done"
    assert words.sentence("100 % done").told() == "100 % done"


def test_german_writes_numbers_the_german_way() -> None:
    assert language.load("de").number("1,234.5") == "1.234,5"
    assert language.load("en").number("1,234.5") == "1,234.5"


class Known:
    """A language of a few messages."""

    def __init__(self, **known: str) -> None:
        self.known = known

    def gettext(self, message: str, /) -> str:
        return self.known.get(message, message)

    def ngettext(self, one: str, many: str, n: int, /) -> str:
        return one if n == 1 else many


def test_the_beginning_of_a_sentence_is_a_capital_letter_in_every_language() -> None:
    told = words.begin(words.sentence("hourly"))
    assert told == "Hourly"

    words.speak(words.Language("de", Known(hourly="stündlich", data="daten")))

    assert told.told() == "Stündlich"
    assert words.begin("data").told() == "Data"


@pytest.mark.parametrize(
    ("items", "row", "listed"),
    [([], "", ""), ([1], "1", "1"), (["a", 2], "a, 2", "a and 2"), (["a", "b", "c"], "a, b, c", "a, b and c")],
)
def test_words_stand_in_a_row_or_make_a_list(items: list[object], row: str, listed: str) -> None:
    assert words.row(items) == row
    assert words.listed(items) == listed
    assert words.clauses(items) == row.replace(",", ";")


def test_each_word_of_a_list_is_said_in_the_language_of_the_reader() -> None:
    items = [words.sentence("paused"), "gone", words.sentence("gone")]
    words.speak(words.Language("de", Known(paused="angehalten", gone="weg")))

    assert words.listed(items) == "paused, gone and gone"
    assert words.listed(items).told() == "angehalten, gone and weg"
    assert words.row(items[1:]).told() == "gone, weg"


@pytest.mark.parametrize("joined", [words.row, words.clauses, words.said, words.listed])
def test_thousands_of_words_in_a_row_are_told(joined: Callable[[list[str]], words.Sentence]) -> None:
    """A pattern of a scheduler may hold as many, whoever wrote it into Redis."""
    items = [str(number) for number in range(5_000)]
    told = joined(items)
    words.speak(language.load("de"))

    assert told.told().replace(";", ",").replace(" und ", ", ").replace(",", "").split() == items
    assert told.replace(";", ",").replace(" and ", ", ").replace(",", "").split() == items
