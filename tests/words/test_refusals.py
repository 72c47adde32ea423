"""What the engine refuses is said in the language of the reader, in the words that the engine really uses."""

from collections.abc import Callable
from typing import Any

import pytest

from board import refusals, words
from board.engine.commands.schedulers import remove_scheduler, upsert_scheduler
from board.engine.commands.templates import check_template
from board.engine.errors import EngineError, InvalidOptionError
from board.engine.keys import QueueKeys
from board.engine.options import check_job_id, prepare_job, to_ms
from board.engine.schedule import next_run_ms
from board.engine.types import Repeat
from board.web import language

QUEUE = QueueKeys("bull", "mail")


@pytest.fixture(autouse=True)
def _english_again() -> Any:
    yield
    words.speak(words.ENGLISH)


def scheduled(**rule: Any) -> None:
    next(upsert_scheduler(QUEUE, "nightly", Repeat(**rule), now_ms=1_767_225_600_000))


def taken() -> None:
    plan = upsert_scheduler(QUEUE, "nightly", Repeat(every=5), now_ms=1_767_225_600_000)
    next(plan)
    plan.send(-10)


REFUSED: dict[str, Callable[[], object]] = {
    "Der Name eines Jobs muss Text sein und nicht leer, nicht ''.": lambda: prepare_job("", {}, now_ms=0),
    "Job-ID '0:a' ist nicht erlaubt: IDs, die mit 0: beginnen, sind vorbehalten.": lambda: check_job_id("0:a"),
    "Job-ID '12' ist nicht erlaubt: ganze Zahlen vergibt die Queue selbst; fügen Sie einen Buchstaben hinzu, etwa "
    "order-7.": (lambda: check_job_id("12")),
    "Job-ID 'a:b' ist nicht erlaubt: Doppelpunkte sind nur in IDs mit genau drei Teilen erlaubt.": (
        lambda: check_job_id("a:b")
    ),
    "Job-ID 'meta' ist nicht erlaubt: die Queue hat einen Schlüssel dieses Namens.": lambda: check_job_id("meta"),
    "Priority muss eine ganze Zahl von 0 bis 2097151 sein, nicht -1.": lambda: check_template({"priority": -1}),
    "Lifo muss True oder False sein, nicht 'ja\\n'.": lambda: check_template({"lifo": "ja\n"}),
    "Backoff muss 0 bis 9007199254740991 ms sein, nicht -1.": lambda: check_template({"backoff": -1}),
    "Backoff muss in Millisekunden oder ein timedelta sein, nicht str 'x'.": lambda: to_ms("x", "backoff"),  # type: ignore[arg-type]
    "Der Typ eines Backoffs muss fixed, exponential oder der Name einer Strategie sein.": (
        lambda: check_template({"backoff": {"type": ""}})
    ),
    "Der Jitter eines Backoffs muss zwischen 0 und 1 liegen, nicht bei 2.": (
        lambda: check_template({"backoff": {"jitter": 2}})
    ),
    "RemoveOnFail nimmt age in Sekunden und count, ganze Zahlen.": lambda: check_template({"removeOnFail": {}}),
    "JobId gehört zu jedem einzelnen Lauf; ein Scheduler kann es nicht setzen.": lambda: check_template({"jobId": "a"}),
    "Cron-Muster '0 0 30 2 *' trifft in 8 Jahren keinen Zeitpunkt.": lambda: next_run_ms("0 0 30 2 *", 0),
    "Scheduler 'nightly' liefe nie: sein Enddatum ist vorbei.": lambda: scheduled(every=5, end_date_ms=1),
    "Scheduler 'nightly' liefe nie: vor seinem Enddatum liegt kein Zeitpunkt.": (
        lambda: scheduled(pattern="0 9 * * *", tz="UTC", end_date_ms=1_767_225_600_001)
    ),
    "Der nächste Lauf des Schedulers 'nightly' in Queue mail bekäme eine ID, die es schon gibt.": taken,
    "Scheduler 'nightly' wurde inzwischen geändert; nichts wurde getan.": (
        lambda: remove_scheduler(QUEUE, "nightly").decode(2)
    ),
}
"""What a German page says, and what makes the engine refuse it."""


def refusal(act: Callable[[], object]) -> EngineError:
    with pytest.raises(EngineError) as caught:
        act()
    return caught.value


@pytest.mark.parametrize("german", REFUSED)
def test_a_refusal_of_the_engine_is_said_in_the_language_of_the_reader(german: str) -> None:
    error = refusal(REFUSED[german])

    told = refusals.of(error)
    words.speak(language.load("de"))

    assert told == str(error)
    assert words.told(refusals.stated(error)) == german


def test_no_message_is_kept_that_the_engine_does_not_say() -> None:
    said = [refusals.of(refusal(act)) for act in REFUSED.values()]

    messages = {one.parts()["message"] for one in said if isinstance(one, words.Sentence)}
    reasons = {why.parts()["message"] for one in said if (why := getattr(one, "_values", {}).get("why"))}
    assert messages | reasons == set(refusals.MESSAGES)


def test_a_refusal_that_nobody_translated_stays_as_it_is() -> None:
    error = InvalidOptionError("moon", "the moon must be full, not 'new'")
    words.speak(language.load("de"))

    assert words.told(refusals.stated(error)) == "The moon must be full, not 'new'."
    assert refusals.of(InvalidOptionError("x", "x must be True or False, not " + "y" * 10_000)).endswith("y")
