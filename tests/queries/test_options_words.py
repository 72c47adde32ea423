import json

import pytest

from board.queries.options_words import options_in_words
from board.queries.payload import parse


def words(options: object) -> str:
    return " ".join(options_in_words(parse(json.dumps(options))))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"attempts": 0}, "One attempt only."),
        ({"attempts": 3}, "Up to 3 attempts, retried at once."),
        (
            {"attempts": 3, "backoff": {"type": "exponential", "delay": 5000}},
            "Up to 3 attempts, waiting 5 s and then twice as long each time.",
        ),
        (
            {"attempts": 2, "backoff": {"type": "fixed", "delay": 90_000, "jitter": 0.5}},
            "Up to 2 attempts, waiting 1.5 min before each retry, of which 50% is random.",
        ),
        ({"attempts": 2, "backoff": 250}, "waiting 250 ms before each retry"),
        ({"attempts": 2, "backoff": {"type": "mine"}}, "as its worker's strategy “mine” says"),
        (
            {"removeOnFail": {"age": 604_800}, "removeOnComplete": 1000},
            "Kept for 7 days after failing, the newest 1,000 are kept after success.",
        ),
        ({"removeOnComplete": True}, "Removed at once after success."),
        ({}, "No priority, no delay."),
        (
            {"delay": 300_000, "priority": 2, "lifo": True},
            "Delayed by 5 min, priority 2, runs before everything that waits already.",
        ),
        (
            {"de": {"id": "order-7", "ttl": 60_000}},
            "Other jobs with the deduplication id “order-7” are ignored for 1 min.",
        ),
        ({"de": {"id": "x"}}, "until it has finished"),
        ({"fpof": True}, "If it fails, its parent fails."),
        ({"ignoreDependencyOnFailure": True}, "If it fails, its parent does not wait for it."),
        (
            {"repeat": {"pattern": "0 9 * * 1", "tz": "Asia/Saigon", "count": 3}},
            "Made by a job scheduler, “0 9 * * 1” in Asia/Saigon, run 3.",
        ),
        ({"kl": 50, "stackTraceLimit": 1}, "Keeps 50 log lines, keeps 1 stack trace."),
    ],
)
def test_options_read_as_sentences(options: object, told: str) -> None:
    assert told in words(options)


@pytest.mark.parametrize(
    "options", [None, [], "x", {"attempts": "3", "backoff": [], "removeOnFail": "x", "de": 1, "repeat": []}]
)
def test_options_that_make_no_sense_break_nothing(options: object) -> None:
    words(options)
