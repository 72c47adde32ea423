"""Whatever a hash holds, its job has a row and a page, and the list around it stands."""

from typing import Any
from urllib.parse import quote

import pytest
import redis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from board.addresses import escape
from tests.queries.jobs import NOW, Filler
from tests.web.site import Browser, Site

FIELDS = [
    *("name", "data", "opts", "timestamp", "delay", "priority", "parentKey", "parent", "rjk", "deid", "processedOn"),
    *("pb", "ats", "atm", "attemptsMade", "stc", "finishedOn", "returnvalue", "failedReason", "stacktrace", "progress"),
    *("defa", "tm", "id", "wait"),
]
SORTED = ["failed", "completed", "delayed", "prioritized", "waiting-children"]
LISTS = ["wait", "active", "paused"]
NUMBERS = [
    *(
        "-1",
        "0",
        "0.5",
        "1e17",
        "1e300",
        "-9e99",
        "1e400",
        "nan",
        "inf",
        "-inf",
        "9" * 400,
        "٣",
        "1_000",
        "0x1F",
        " 5 ",
    ),
]
TEXTS = [
    *("", "null", "{}", "[]", '""', "[[]]", '{"a":', "[" * 3_000, '{"":{"":[]}}', "\x00", "\ud7ff\U0010ffff", "\u202e"),
    *('["a","b"]', "[1,null,{}]", '{"id":1,"queueKey":2}', '{"id":"x","queueKey":"no colon"}', ":", "::", "bull::x"),
    '{"attempts":1e99,"delay":"x","backoff":{"delay":1e300,"type":[]},"removeOnFail":{"age":1e308},"repeat":{}}',
    '{"attempts":-5,"backoff":-1,"de":{"id":{}},"repeat":{"every":-1,"pattern":3},"kl":-1}',
    *("Error\n    at", "   at ", "Traceback (most recent call last):", "\x1b[", "\x1b[31;;;999m"),
]
VALUES = st.one_of(st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.text(max_size=40), st.binary(max_size=20))
ODD_OPTIONS = {"opts": '{"attempts":1e99,"backoff":{"delay":1e300,"type":"exponential"}}', "timestamp": "1e300"}

few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""Each example asks for some pages; the fixtures may be shared by them, as each begins by emptying the queue."""


@pytest.fixture
def visitor(site: Site) -> Browser:
    return site.signed_in()


def emptied(client: redis.Redis) -> Filler:
    mail = Filler(client)
    client.delete(*client.scan_iter("bull:mail:*"), "no such key")
    return mail.open()


@given(
    fields=st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1),
    state=st.sampled_from(SORTED + LISTS),
    score=st.sampled_from([NOW, NOW * 4096, -1, 0.5, 1e300, float("inf"), float("-inf")]),
)
@example(fields=ODD_OPTIONS, state="delayed", score=float("inf"))
@few
def test_no_hash_breaks_a_page(
    visitor: Browser, redis_client: redis.Redis, fields: dict[Any, Any], state: str, score: float
) -> None:
    mail = emptied(redis_client)
    redis_client.hset(mail.key("odd"), mapping=fields)
    if state in LISTS:
        redis_client.lpush(mail.key(state), "odd")
    else:
        redis_client.zadd(mail.key(state), {"odd": score})
    mail.failed("sound")
    shown = "waiting" if state == "wait" else state

    for path in (f"/q/mail/{shown}?job=odd", f"/q/mail/{shown}?q=odd", "/q/mail/job/odd", "/flows/mail/odd", "/"):
        assert visitor.get(path).status_code == 200, path
    assert "sound" in visitor.get("/failures").text


@given(text=st.text(min_size=1, max_size=30).filter(lambda text: text.strip("./") != ""))
@few
def test_no_id_breaks_a_page(visitor: Browser, redis_client: redis.Redis, text: str) -> None:
    job_id = text.encode("utf-8", "replace").decode()
    emptied(redis_client).failed(job_id, NOW)

    assert visitor.get(f"/q/mail/job/{quote(escape(job_id))}").status_code == 200
    assert visitor.get("/q/mail/failed").status_code == 200
