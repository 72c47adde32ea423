"""A board whose people sign in at a provider on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from board.audit import Entry
from tests.security.identity_provider import (
    Idp,
    identity_provider,
)
from tests.web.site import Browser, Site

SUB = "248289761001"


@pytest.fixture
def idp() -> Iterator[Idp]:
    """An identity provider on loopback."""
    with identity_provider() as provider:
        yield provider


@pytest.fixture
def make_board(make_site: Callable[..., Site], idp: Idp) -> Callable[..., Site]:
    """A function that makes a board with that provider; it takes the rules and fields of `Settings`."""

    def make(rules: str = f"sub:{SUB}=operator", **settings: Any) -> Site:
        return make_site(**{**idp.settings, "oidc_roles": rules, **settings})

    return make


def come_back(browser: Browser, idp: Idp, path: str = "/login/oidc") -> TestResponse:
    """Press the button, sign in at the provider, and return the answer to coming back."""
    gone = browser.get(path)
    assert gone.status_code == 303, gone.text
    back, _ = idp.authorize(gone.headers["Location"])
    return browser.get(back.removeprefix("http://localhost"))


def is_in(browser: Browser) -> bool:
    """Whether this browser is signed in."""
    return browser.get("/").status_code == 200


def sign_ins(site: Site) -> list[Entry]:
    """Return what the audit log says of sign-ins, oldest first."""
    stored = site.service.connection.call(site.service.audit.read(None, 100))
    return [one.entry for one in reversed(stored) if one.entry and one.entry.action == "sign-in"]
