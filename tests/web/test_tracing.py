"""Requests as spans of OpenTelemetry: by route, with what they asked of Redis, and nothing of what they are about."""

import sys
from collections.abc import Callable

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.web.site import Site


def test_a_request_is_a_span(make_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch) -> None:
    told, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(told))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    site = make_site()
    site.jobs.failed("one")
    browser = site.signed_in()
    browser.get("/q/mail/job/one")
    told.clear()

    browser.get("/q/mail/job/one")
    browser.get("/nowhere/secret")

    page, missing = told.get_finished_spans()
    assert page.name == "GET /q/<queue>/job/<job_id:job_id>"
    assert page.attributes is not None
    assert page.attributes["http.response.status_code"] == 200
    assert page.attributes["queue_board.redis.round_trips"] in range(1, 4)
    assert page.kind is trace.SpanKind.SERVER
    assert "mail" not in str(dict(page.attributes))
    assert (missing.name, "secret" in str(dict(missing.attributes or {}))) == ("GET unknown", False)


def test_without_opentelemetry_nothing_is_done(make_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch) -> None:
    with_it = len(make_site().app.before_request_funcs[None])
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    site = make_site()

    assert len(site.app.before_request_funcs[None]) == with_it - 1
    assert site.signed_in().get("/").status_code == 200
