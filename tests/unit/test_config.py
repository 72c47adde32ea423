"""Settings: what is accepted, what is refused, in which words, and that no password is ever repeated."""

from dataclasses import fields

import pytest

from board.config import SETTINGS, Settings, from_environment, without_secrets
from board.errors import SettingsError

URL = "redis://localhost:6379/0"


def read(**environment: str) -> Settings:
    return from_environment({"REDIS_URL": URL, **environment})


def problems(**environment: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        from_environment(environment)
    return caught.value.problems


def test_a_redis_url_is_all_that_is_needed() -> None:
    assert from_environment({"REDIS_URL": URL}) == Settings(redis_url=URL)


def test_without_a_redis_url_one_sentence_says_what_to_write() -> None:
    assert problems() == ("REDIS_URL is not set: say where Redis is, for example redis://localhost:6379/0",)
    assert from_environment({}, needs_redis=False).redis_url == ""


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://:p%40ss@redis.example:6380/3",
        "rediss://user:pass@redis.example:6380",
        "unix:///run/redis.sock?db=1",
        "redis+sentinel://a:26379,b:26379/mymaster/0",
        "redis+cluster://a:7000,b:7001",
        "redis://[::1]:6379",
    ],
)
def test_every_form_of_address_is_taken(url: str) -> None:
    assert from_environment({"REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("localhost:6379", "REDIS_URL must begin with one of redis://"),
        ("http://localhost", "REDIS_URL must begin with one of redis://"),
        ("redis://", "REDIS_URL names no host"),
        ("redis://:hunter2@", "REDIS_URL names no host"),
        ("redis://user:hunter2@host:port/0", "REDIS_URL has a host or port that cannot be read"),
        ("redis://:hunter2#x@host/0", "REDIS_URL has a host or port that cannot be read"),
        ("redis://:hunter2℀@host/0", "REDIS_URL has a host or port that cannot be read"),
        ("redis://:hunter2[@host/0", "REDIS_URL has a host or port that cannot be read"),
        ("unix://:hunter2℀@/redis.sock", "REDIS_URL has a host or port that cannot be read"),
        ("redis://:hunter2@host:0", "REDIS_URL has the port 0"),
        ("redis://:hunter2@host/first", "REDIS_URL must end in the number of a database"),
        ("unix://", "REDIS_URL names no socket"),
    ],
)
def test_a_wrong_address_is_one_sentence_without_its_password(url: str, sentence: str) -> None:
    (problem,) = problems(REDIS_URL=url)

    assert problem.startswith(sentence)
    assert "hunter2" not in problem


def test_every_problem_is_told_at_once() -> None:
    found = problems(REDIS_URL="nonsense", PORT="http", BOARD_READ_ONLY="maybe", BOARD_BASE_PATH="/a/../b")

    assert [problem.split()[0] for problem in found] == ["REDIS_URL", "BOARD_READ_ONLY", "BOARD_BASE_PATH", "PORT"]


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("BOARD_PREFIX", "bull, acme,bull", ("bull", "acme")),
        ("BOARD_QUEUES", "mail,billing.*", ("mail", "billing.*")),
        ("BOARD_READ_ONLY", "Yes", True),
        ("BOARD_READ_ONLY", "0", False),
        ("BOARD_BASE_PATH", "admin/queues/", "/admin/queues"),
        ("BOARD_BASE_PATH", "/", ""),
        ("BOARD_BASE_PATH", "//elsewhere.example", "/elsewhere.example"),
        ("PORT", "8080", 8080),
        ("BOARD_REDIS_TIMEOUT_SECONDS", "0.5", 0.5),
        ("BOARD_CONNECTION_NAME", "production, eu", "production, eu"),
    ],
)
def test_values_are_read(variable: str, text: str, value: object) -> None:
    attribute = next(setting.attribute for setting in SETTINGS if setting.variable == variable)

    assert getattr(read(**{variable: text}), attribute) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "８０"),
        ("BOARD_SECRET_KEY", "short"),
        ("BOARD_ADMIN_PASSWORD", "short"),
        ("BOARD_PREFIX", " , "),
        ("BOARD_NAMESPACE", "a b"),
        ("BOARD_BASE_PATH", "/a b"),
        ("BOARD_LIVE_SECONDS", "0"),
        ("BOARD_TRUSTED_PROXIES", "99"),
        ("BOARD_REDIS_TIMEOUT_SECONDS", "1e9"),
        ("BOARD_CONNECTION_NAME", "two\nlines"),
    ],
)
def test_values_that_make_no_sense_are_refused(variable: str, text: str) -> None:
    (problem,) = problems(REDIS_URL=URL, **{variable: text})

    assert problem.startswith(f"{variable} ")


def test_a_secret_is_never_part_of_a_message() -> None:
    found = problems(REDIS_URL="redis://:hunter2@h:x", BOARD_SECRET_KEY="hunter2", BOARD_ADMIN_PASSWORD="hunter2")
    settings = Settings(redis_url="redis://:hunter2@h", secret_key="hunter2", admin_password="hunter2")

    assert "hunter2" not in " ".join(found)
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.connection_label


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://user:secret@localhost/0?password=secret", "redis://…@localhost/0"),
        ("redis://:sec@ret@localhost/0", "redis://…@localhost/0"),
        ("redis://:sec#ret@localhost/0", "redis://…@localhost/0"),
        ("redis://:sec?ret@localhost/0", "redis://…@localhost/0"),
        ("unix:///run/redis.sock?password=secret", "unix:///run/redis.sock"),
    ],
)
def test_an_address_is_shown_without_secrets(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("redis://:secret@redis.example:6380/3", "redis.example"),
        ("unix:///run/redis.sock", "redis.sock"),
        ("redis+sentinel://a:26379,b:26379/mymaster", "a"),
        ("redis://[::1]:6379", "[::1]"),
    ],
)
def test_a_redis_is_called_by_its_host(url: str, label: str) -> None:
    assert Settings(redis_url=url).connection_label == label
    assert Settings(redis_url=url, connection_name="production").connection_label == "production"


def test_every_setting_is_in_the_reference_with_its_reason() -> None:
    assert {setting.attribute for setting in SETTINGS} == {known.name for known in fields(Settings)}
    assert len({setting.variable for setting in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.unit
        assert setting.about.endswith(".")
