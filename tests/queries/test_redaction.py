import json
import random

import pytest

from board.queries.payload import payload, preview
from board.redaction import REDACTED, _Rules, hides, redact_text
from tests.queries.jobs import SECRET


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "userPassword",
        "api_key",
        "apiKey",
        "API-KEY",
        "x-api-key",
        "accessToken",
        "Authorization",
        "set-cookie",
    ],
)
def test_keys_that_name_a_secret_are_known_in_every_spelling(key: str) -> None:
    assert hides(key)


@pytest.mark.parametrize("key", ["max_tokens", "tokens", "keyboard", "passwordless", "monkey", "id", "secretary", ""])
def test_keys_that_only_sound_alike_are_left_alone(key: str) -> None:
    assert not hides(key)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"password": SECRET}),
        json.dumps({"a": [{"deep": {"apiKey": SECRET}}]}),
        json.dumps({"to": "ann", "token": SECRET + "\\\"'"}),
        f'{{"pass\\u0077ord":"{SECRET}"}}',
        f'{{"password":"{SECRET}", oops',
        f'{{"token":"{SECRET}',
    ],
)
def test_no_shape_of_data_lets_a_secret_through(text: str) -> None:
    whole = payload(text, len(text))
    cut = payload(text, 10_000, truncated=True)

    assert SECRET not in repr(whole)
    assert SECRET not in preview(text)
    if "\\u0077" not in text:  # a cut text is not read as JSON, so its escapes stay unread
        assert SECRET not in repr(cut)
        assert SECRET not in preview(text, whole=False)
        assert SECRET not in redact_text(text)


def test_the_rest_of_the_data_stays_as_it_was_stored() -> None:
    shown = payload('{"n":1.50,"token":"x","b":[true,null,"é"]}', 40)

    assert shown.text == f'{{"n":1.50,"token":"{REDACTED}","b":[true,null,"é"]}}'


NAMES = (
    *("password", "Passwords", "passwd", "PWD", "passphrase", "secret", "clientSecret", "token", "jwt"),
    *("authorization", "cookies", "credential", "cvv", "apikey", "otp", "SSN", "iban", "api key", "API_KEY"),
    *("privateKey", "access-key", "set-cookie", "redis_url", "databaseUrl", "connection.string", "cardNumber"),
    *("name", "url", "number"),
)
SHAPES = (
    *("-----BEGIN RSA PRIVATE KEY-----abc", "redis://ann:pass@host/1", "Bearer abcdefgh1", "BASIC YWJjZGVm"),
    *("eyJhbGciOi.eyJzdWIi", "sk_live_abcdefgh", "rk_live_abcdefgh", "PK_TEST_abcdefgh", "xoxb-abcdefghij"),
    *(f"{kind}_abcdefghijklmnopqrst" for kind in ("ghp", "gho", "ghu", "ghs", "ghr")),
    *("AKIAABCDEFGHIJKLMNOP", "glpat-abcdefghijklmnop"),
)


@pytest.mark.parametrize("text", [*(f"{name}: hidden" for name in NAMES[:-3]), *SHAPES])
def test_no_name_and_no_shape_is_passed_over_at_a_quick_look(text: str) -> None:
    assert REDACTED in redact_text(f"at once ({text})")


def test_a_quick_look_knows_what_was_added() -> None:
    rules = _Rules()
    texts = ("pin=1", "card: 1", "mycode=1")
    assert not any(map(rules.may_stand_in, texts))

    rules.add(["pin", "customer.card", "my code", "apikey"])

    assert all(map(rules.may_stand_in, texts))
    assert rules.may_stand_in("apikey=1")
    assert not rules.may_stand_in("nothing")


def test_a_quick_look_finds_whatever_a_closer_one_finds() -> None:
    """Text beyond ASCII is always looked at closely, so its first line decides how the rest is."""
    dice = random.Random(7)
    parts = (
        *NAMES,
        *SHAPES,
        *[":", "=", "{", "}", "[", "]", '"', "'", "\\", "\n", ",", ";", "1", "true"],
        " ",
        "\n",
        "value",
        "at Object.keys (a.js:1:2)",
    )

    for _ in range(3_000):
        text = "".join(dice.choices(parts, k=5))
        closely = redact_text(f"é\n{text}").removeprefix("é\n")

        assert redact_text(text) == closely, text
