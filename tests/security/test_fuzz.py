"""Nonsense in every field of every form and every parameter of every page: an answer, never a fault of ours."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.security.test_requests import FORM, WHO_MAY, address
from tests.web.site import Browser, Site

PAGES = sorted(endpoint for endpoint, method in WHO_MAY if method == "GET" and endpoint != "static")
FORMS = sorted(endpoint for endpoint, method in WHO_MAY if method == "POST" and not endpoint.startswith("login."))
NAMES = st.sampled_from(
    sorted(
        {*FORM, "q", "queue", "error", "sort", "size", "after", "job", "attempt", "logs", "only", "who", "action"}
        | {"result", "from", "to", "next", "period", "span", "reason", "format", "age_unit", "delay_unit", "kind"}
        | {"pattern", "every", "tz", "limit", "start", "end", "offset", "options", "job_id", "attempts", "backoff_ms"}
    )
)
ODD = (
    *("", "-1", "0", "1e309", "9" * 50, "\x00", "\ud7ff", "null", "{}", "[" * 500, '{"a":', "%", "%00", "../..", "a:b"),
    *("'", '"', "<x>", "|", "1-1", "99999999999999999999-1", "2026-02-30", "*/5 * * * * *", "Europe/Nowhere", "\u202e"),
    *("1|2|3", "nan", "١", "a" * 3_000, "\r\nSet-Cookie: a=b", "redis://a:b@c"),
)
VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(ODD),
)
FIELDS = st.dictionaries(NAMES, VALUES, max_size=6)

many = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""By hand, ten times as many: ``pytest tests/security/test_fuzz.py --hypothesis-profile`` with a larger profile."""


@pytest.fixture
def admin(site: Site) -> Browser:
    site.jobs.failed("1a")
    return site.signed_in()


@given(endpoint=st.sampled_from(PAGES), fields=FIELDS)
@many
def test_no_parameter_breaks_a_page(site: Site, admin: Browser, endpoint: str, fields: dict[str, str]) -> None:
    query = urlencode(fields, errors="surrogatepass")

    answer = admin.get(f"{address(site.app, endpoint)}?{query}")

    assert answer.status_code < 500 or (answer.status_code, endpoint) == (503, "health.queues")  # it has a failed job
    assert "\n" not in answer.headers.get("Location", "")


@given(endpoint=st.sampled_from(FORMS), fields=FIELDS)
@many
def test_no_field_breaks_a_form(site: Site, admin: Browser, endpoint: str, fields: dict[str, Any]) -> None:
    sent = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()}

    answer = admin.post(address(site.app, endpoint), {**FORM, **sent})

    assert answer.status_code < 500
    assert "\n" not in answer.headers.get("Location", "")


@given(path=st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=5))
@many
def test_no_address_breaks_anything(admin: Browser, path: list[str]) -> None:
    from urllib.parse import quote

    answer = admin.get("/" + "/".join(quote(part.encode("utf-8", "replace"), safe="!~") for part in path))

    assert answer.status_code < 500


@pytest.mark.parametrize(
    "path",
    [
        *("/healthz/", "/healthz/x", "/healthz/../q/mail/failed", "/healthz;/q/mail", "//healthz", "/healthz%2f..%2fq"),
        *(
            "/HEALTHZ",
            "/healthz.json",
            "/static/../q/mail/failed",
            "/static/%2e%2e/audit",
            "/static//q/mail",
            "/login/../",
        ),
        *("/login/x", "/readyz/../audit", "/readyz%00", "/q/mail/failed/healthz", "/settings/theme/../../audit"),
    ],
)
def test_no_path_tricks_its_way_past_the_sign_in(site: Site, path: str) -> None:
    """What is open is open by its exact route."""
    site.jobs.failed("my-job")

    answer = site.browser().get(path)

    assert answer.status_code in {303, 308, 404}
    assert "my-job" not in answer.text
    assert "Queues" not in answer.text
