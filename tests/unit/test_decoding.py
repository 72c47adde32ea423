"""A job's hash is decoded alike the short way, for jobs that run for the first time, and the way of all others."""

import random
from dataclasses import replace

import pytest

from board.engine import codec
from board.engine.codec import decode_job
from board.engine.types import JobData

USUAL = {
    "name": "send",
    "data": '{"a":[1,2.5,null,"ü"]}',
    "opts": '{"attempts":3,"kl":2}',
    "timestamp": "1767225600000",
    "delay": "0",
    "priority": "0",
    "processedOn": "1767225600123",
    "ats": "1",
    "pb": "somebody",
}

ODD: list[dict[str, str | None]] = [
    {},
    {"pb": None},
    {"processedOn": None, "ats": None, "pb": None},
    {"delay": None, "priority": None},
    {"delay": "5000", "priority": "2097152"},
    {"ats": "12"},
    {"timestamp": "0"},
    {"timestamp": "12345678901234567"},
    {"timestamp": "1767225600000.5"},
    {"timestamp": "176722560000x"},
    {"timestamp": "-767225600000"},
    {"timestamp": ""},
    {"processedOn": "0000000000000"},
    {"processedOn": ""},
    {"processedOn": "1e12"},
    {"ats": ""},
    {"ats": "-1"},
    {"ats": "1_0", "delay": " 5", "priority": "٣"},
    {"ats": "99999999999999999999"},
    {"ats": "0" * 20},
    {"delay": "nan"},
    {"priority": "9" * 400},
    {"data": "{"},
    {"data": "[" * 100_000},
    {"data": "NaN"},
    {"data": ""},
    {"opts": "[]"},
    {"opts": "{"},
    {"name": ""},
]


def decoded(fields: dict[str, str]) -> JobData:
    """Decode a hash, and forget what it was made of."""
    job = decode_job("7", [part for pair in fields.items() for part in pair])
    assert job is not None
    assert job.raw == fields
    return replace(job, raw={})


@pytest.mark.parametrize(
    "odd", ODD, ids=lambda odd: ", ".join(f"{name} {str(value)[:20]}" for name, value in odd.items())
)
def test_a_job_that_runs_for_the_first_time_is_decoded_as_any_other(odd: dict[str, str | None]) -> None:
    fields = {name: value for name, value in (USUAL | odd).items() if value is not None}

    assert decoded(fields) == decoded(fields | {"stc": "0"})  # a field that such a job has not


@pytest.mark.parametrize("absent", [(), ("pb",), ("processedOn", "ats", "pb")])
def test_a_job_is_decoded_alike_whatever_the_order_of_its_fields(
    monkeypatch: pytest.MonkeyPatch, absent: tuple[str, ...]
) -> None:
    """Redis tells the fields of a hash in an order of its own when one of them is long."""
    monkeypatch.setattr(codec, "_ORDERS", {})
    dice = random.Random(4)
    fields = sorted((name, value) for name, value in USUAL.items() if name not in absent)
    expected = decoded(dict(fields))

    for _ in range(codec._MOST_ORDERS + 100):
        assert decoded(dict(dice.sample(fields, len(fields)))) == expected
    assert len(codec._ORDERS) == codec._MOST_ORDERS
    assert expected == decoded(dict(fields) | {"stc": "0"})


@pytest.mark.parametrize("count", range(20))
def test_a_hash_is_decoded_wherever_it_ends(count: int) -> None:
    """A field without a value, which Redis never sends, is left out."""
    job = decode_job("7", [part for pair in USUAL.items() for part in pair][:count])

    assert (job.raw if job else {}) == dict(list(USUAL.items())[: count // 2])


def test_a_field_that_stands_twice_has_the_value_that_comes_last() -> None:
    fields = [part for pair in USUAL.items() for part in pair]
    first, second = decode_job("7", fields), decode_job("7", [*fields, "ats", "2"])

    assert first is not None
    assert second is not None
    assert (first.attempts_started, second.attempts_started) == (1, 2)


def test_texts_and_bytes_are_decoded_alike() -> None:
    texts = [part for pair in USUAL.items() for part in pair]

    assert decode_job("7", texts) == decode_job("7", [part.encode() for part in texts])
    assert decode_job("7", texts) == decode_job("7", {name.encode(): value.encode() for name, value in USUAL.items()})
