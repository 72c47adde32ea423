import json

import pytest

from board.queries.payload import payload, preview
from board.redaction import REDACTED, hides, redact_text
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
