"""A job that was taken is decoded alike however Redis told it: as values of a new one, or as its hash before."""

import pytest

from board.engine.codec import decode_job, decode_taken
from board.engine.types import JobData

NEW = {
    "name": "send",
    "data": '{"a":[1,2.5,null,"ü"]}',
    "opts": '{"attempts":3,"kl":2}',
    "timestamp": "1767225600000",
    "delay": "0",
    "priority": "0",
}
TAKEN_MS = 1767225600123

ODD: list[dict[str, str]] = [
    {},
    {"opts": '{"attempts":0}'},
    {"delay": "5000", "priority": "2097152"},
    {"timestamp": "0"},
    {"timestamp": "12345678901234567"},
    {"timestamp": "1767225600000.5"},
    {"timestamp": "176722560000x"},
    {"timestamp": "-767225600000"},
    {"timestamp": ""},
    {"delay": "1_0"},
    {"delay": " 5", "priority": "٣"},
    {"delay": "nan"},
    {"delay": ""},
    {"delay": "0" * 20},
    {"priority": "9" * 400},
    {"data": "{"},
    {"data": "[" * 100_000},
    {"data": "NaN"},
    {"data": ""},
    {"opts": "[]"},
    {"opts": "{"},
    {"name": ""},
]


def flat(fields: dict[str, str]) -> list[str]:
    """Return fields and values in turn, as Redis tells a hash."""
    return [part for pair in fields.items() for part in pair]


def stored(fields: dict[str, str], started: str, worker: str | None) -> JobData | None:
    """Decode the hash as it stands after the job was taken, in an order of its own."""
    after = fields | {"processedOn": str(TAKEN_MS), "ats": started} | ({} if worker is None else {"pb": worker})
    return decode_job("7", flat(dict(reversed(after.items()))))


@pytest.mark.parametrize("worker", [None, "somebody"])
@pytest.mark.parametrize(
    "odd", ODD, ids=lambda odd: ", ".join(f"{name} {str(value)[:20]}" for name, value in odd.items())
)
def test_a_new_job_is_decoded_as_any_other(odd: dict[str, str], worker: str | None) -> None:
    fields = NEW | odd

    job = decode_taken(["7", *fields.values()], TAKEN_MS, worker)

    assert job is not None
    assert job == stored(fields, "1", worker)
    assert job.processed_on_ms == TAKEN_MS


@pytest.mark.parametrize("worker", [None, "somebody"])
def test_a_job_that_was_taken_before_shows_the_latest_time(worker: str | None) -> None:
    before = NEW | {"processedOn": "1767225600001", "ats": "1", "pb": "another", "atm": "1"}

    job = decode_taken([flat(before), "7", "2"], TAKEN_MS, worker)

    assert job is not None
    assert job == stored(before, "2", worker)
    assert (job.attempts_started, job.processed_on_ms, job.worker) == (2, TAKEN_MS, worker or "another")


@pytest.mark.parametrize("worker", [None, "somebody"])
def test_bytes_are_decoded_as_texts_are(worker: str | None) -> None:
    new = ["7", *NEW.values()]
    old = flat(NEW | {"deid": "once"})

    assert decode_taken([part.encode() for part in new], TAKEN_MS, worker) == decode_taken(new, TAKEN_MS, worker)
    assert decode_taken([[part.encode() for part in old], b"7", b"1"], TAKEN_MS, worker) == decode_taken(
        [old, "7", "1"], TAKEN_MS, worker
    )


def test_bytes_that_are_no_utf_8_are_shown_as_escapes() -> None:
    job = decode_taken([b"7", b"\xff", *(value.encode() for value in list(NEW.values())[1:])], TAKEN_MS, None)

    assert job is not None
    assert job.name == "\\xff"


@pytest.mark.parametrize("count", range(13))
def test_a_hash_is_decoded_wherever_it_ends(count: int) -> None:
    """A field without a value, which Redis never sends, is left out."""
    job = decode_job("7", flat(NEW)[:count])

    assert (job.raw if job else {}) == dict(list(NEW.items())[: count // 2])


def test_a_field_that_stands_twice_has_the_value_that_comes_last() -> None:
    job = decode_job("7", [*flat(NEW), "ats", "1", "ats", "2"])

    assert job is not None
    assert job.attempts_started == 2


def test_texts_and_bytes_of_a_hash_are_decoded_alike() -> None:
    texts = flat(NEW)

    assert decode_job("7", texts) == decode_job("7", [part.encode() for part in texts])
    assert decode_job("7", texts) == decode_job("7", {name.encode(): value.encode() for name, value in NEW.items()})
