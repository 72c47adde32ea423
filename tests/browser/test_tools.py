"""The browser and the checks of the browser tests work, and find what they are there to find."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

GOOD = '<!doctype html><html lang="en"><title>Fine</title><main><h1>Fine</h1><p>All is well.</p></main></html>'
BAD = '<!doctype html><html lang="en"><title>Bad</title><main><h1>Bad</h1><img src="data:,"></main></html>'


@pytest.fixture
def site(serve: Callable[[Any], str]) -> str:
    application = Flask("site")
    application.add_url_rule("/good", "good", lambda: GOOD)
    application.add_url_rule("/bad", "bad", lambda: BAD)
    application.add_url_rule("/strict", "strict", lambda: (GOOD, {"Content-Security-Policy": "default-src 'none'"}))
    return serve(application)


def test_a_served_page_is_shown(site: str, quiet_page: Page) -> None:
    quiet_page.goto(f"{site}/good")

    expect(quiet_page.get_by_role("heading", name="Fine")).to_be_visible()


def test_an_accessible_page_has_no_faults(site: str, page: Page, axe: Callable[[Page], list[str]]) -> None:
    page.goto(f"{site}/strict")

    assert axe(page) == []


def test_a_picture_without_a_text_is_a_fault(site: str, page: Page, axe: Callable[[Page], list[str]]) -> None:
    page.goto(f"{site}/bad")

    assert "image-alt" in " ".join(axe(page))
