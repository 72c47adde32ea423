"""What filters mean, term by term, and what is said about those that make no sense."""

import pytest

from board.queries.search import FilterError, Subject, in_words, matches, parse, term_text

NOW = 1_767_225_600_000
HOUR = 3_600_000

JOB = Subject(
    id="repeat:x:17",
    state="failed",
    name="charge-card",
    added_ms=NOW - 2 * HOUR,
    started_ms=NOW - HOUR - 7_000,
    finished_ms=NOW - HOUR,
    attempts=3,
    priority=0,
    worker="mailer-1",
    error_class="GatewayTimeoutError",
    reason="POST /v1/charges took longer",
    data='{"customer":{"id":12345678901234567890,"vip":true,"note":null,"rate":1.50},"tags":["red","blue"],'
    '"items":[{"sku":"A1"},{"sku":"B2"}],"a.b":"x y","password":"hunter2","n":"41907"}',
    returned='{"ok":false}',
)

HOLD = [
    "",
    'id:"repeat:x:17"',
    "id:repeat*",
    "name:charge-card",
    "name:other,charge-*",
    "-name:charge",
    "NAME:charge-card",
    "state:failed",
    "state:delayed,failed",
    "error:gatewaytimeout",
    'error:"took LONGER"',
    "class:GatewayTimeoutError",
    "class:*Error",
    "worker:mailer-*",
    "attempts:3",
    "attempts:>2",
    "attempts:2..3",
    "attempts:..3",
    "-attempts:<3",
    "priority:0",
    "ran:>5s",
    "ran:7s..7s",
    "ran:<=7000ms",
    "age:>1h",
    "added:1h..3h",
    "added:<0.5d",
    "failed:<2h",
    "failed:*",
    "-completed:*",
    "finished:2025-12-31",
    "finished:>=2025-12-31T23:00",
    "-finished:>2025-12-31",
    "data.customer.id:12345678901234567890",
    "data.customer.id:1.2345678901234567890e19",
    "data.customer.id:>12345678901234567889",
    "-data.customer.id:12345678901234567891",
    "data.customer.vip:true",
    "data.customer.note:null",
    "data.customer.rate:1.5",
    "data.customer.rate:1..2",
    "data.tags:red",
    "data.tags.1:blue",
    "data.items.sku:B2",
    "data.items.0.sku:A1",
    '-data.items.0.sku:"B2"',
    'data."a.b":"x y"',
    "data.n:41907",
    'data.n:"41907"',
    "-data.n:>1",
    "data.customer:*",
    "-data.missing:*",
    "returned.ok:false",
    "charges",
    "CHARGE-card gateway",
    "nothing,charges",
    '"took longer"',
    "-hunter2",
    "-nothing",
]

HOLD_NOT = [
    "id:repeat",
    'id:"repeat*"',
    "name:Charge-Card",
    "state:delayed",
    "class:gatewaytimeouterror",
    "attempts:<3",
    "ran:>7s",
    "failed:<1h",
    "completed:*",
    "data.customer.id:12345678901234567891",
    "data.customer.vip:false",
    'data.customer.vip:"true"',
    'data.customer.id:"12345678901234567890"',
    "data.tags:re",
    "data.tags.7:red",
    "data.missing:null",
    "hunter2",
    "charges nothing",
    "-charges",
]


@pytest.mark.parametrize("text", HOLD)
def test_it_holds(text: str) -> None:
    assert matches(parse(text), JOB, NOW)


@pytest.mark.parametrize("text", HOLD_NOT)
def test_it_does_not_hold(text: str) -> None:
    assert not matches(parse(text), JOB, NOW)


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("nmae:x", 1, "Did you mean name:?"),
        ("x http://a", 3, "in quotes"),
        ("attempts:many", 10, "a whole number, >2, <=5 or 2..4"),
        ("ran:5", 5, "a length of time such as 500ms"),
        ("failed:1h", 8, "<1h"),
        ("failed:>2026-02-31", 8, "a date"),
        ("state:stuck", 7, "waiting-children"),
        ("name:", 6, "a value is missing here"),
        ("name:a,", 8, "a value is missing here"),
        ("name:a,,b", 8, "a comma stands between two values"),
        ('name:"a', 6, "never closed"),
        ('name:a"b"', 7, "a quote must begin a value"),
        ('"a"b', 4, "a space must follow"),
        ("data.user.apiKey:x", 11, "are hidden"),
        ('data."access_token":x', 6, "are hidden"),
        ('""', 1, "an empty text"),
        ("a " * 17, 33, "at most 16 terms"),
        ("id:" + ",".join("x" * 33), 68, "at most 32 alternatives"),
        ("x" * 401, 401, "at most 400 characters"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_place(text: str, position: int, says: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)

    assert caught.value.position == position
    assert str(caught.value).startswith(f"At character {position}: ")
    assert says in str(caught.value)


@pytest.mark.parametrize("job", [Subject("x", "failed"), Subject("x", "failed", data="{oops", attempts=0, priority=0)])
@pytest.mark.parametrize("text", [text for text in HOLD + HOLD_NOT if text])
def test_a_broken_job_is_decided_like_any_other(text: str, job: Subject) -> None:
    wish = parse(text)

    assert isinstance(matches(wish, job, NOW), bool)


@pytest.mark.parametrize("text", [text for text in HOLD if text])
def test_a_filter_is_told_in_words_and_can_be_typed_again(text: str) -> None:
    wish = parse(text)

    assert in_words(wish)
    assert parse(wish.text) == wish


@pytest.mark.parametrize("name", ["Error", 'a"b\\c', "a,b c", "-x", "*"])
def test_a_term_made_of_any_text_asks_for_that_text(name: str) -> None:
    assert matches(parse(term_text("class", name)), Subject("1", "failed", error_class=name), NOW)
    assert not matches(parse(term_text("class", name)), Subject("1", "failed", error_class=f"{name}x"), NOW)


def test_many_stars_cost_no_time() -> None:
    """A pattern that makes a regular expression run for ages is looked for part by part."""
    job = Subject("a" * 10_000, "failed")

    assert not matches(parse("id:" + "*a" * 190 + "b"), job, NOW)
