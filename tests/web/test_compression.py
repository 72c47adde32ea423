"""Pages are sent compressed, and what is secret in them never stands there twice the same."""

import gzip
import re

import pytest

from tests.web.site import Site

GZIP = {"Accept-Encoding": "gzip, br"}


def test_a_page_is_compressed_for_those_who_take_it(site: Site) -> None:
    browser = site.signed_in()

    answer = browser.get("/", **GZIP)

    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert "<h1>Overview</h1>" in gzip.decompress(answer.data).decode()


def test_each_header_is_sent_once_and_names_each_thing_that_the_answer_depends_on_once(site: Site) -> None:
    browser = site.signed_in()
    opened, refreshed = browser.get("/", **GZIP), browser.tick("/")
    tag = refreshed.headers["ETag"]
    unchanged = browser.get("/", **{"HX-Request": "true", "HX-Target": "div#live", "If-None-Match": tag})
    redirected, unknown, nobody = browser.get("/login"), browser.get("/q/none/failed"), site.browser().get("/")
    answers = (opened, refreshed, unchanged, redirected, unknown, nobody)

    assert [answer.status_code for answer in answers] == [200, 200, 304, 303, 404, 303]
    for answer in answers:
        names = [name.lower() for name, _ in answer.headers]
        depends_on = answer.headers["Vary"].split(", ")
        assert len(names) == len(set(names))
        assert len(depends_on) == len(set(depends_on))
        assert {"Cookie", "Accept-Encoding", "Accept-Language"} <= set(depends_on)


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity"])
def test_a_page_is_sent_as_it_is_to_others(site: Site, accepted: str) -> None:
    answer = site.signed_in().get("/", **{"Accept-Encoding": accepted})

    assert "Content-Encoding" not in answer.headers
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert "<h1>Overview</h1>" in answer.text


def test_what_fits_into_a_packet_is_left_alone(site: Site) -> None:
    answer = site.browser().get("/healthz", **GZIP)

    assert "Content-Encoding" not in answer.headers


def test_an_error_page_is_compressed_too(site: Site) -> None:
    answer = site.signed_in().get("/q/none/failed", **GZIP)

    assert answer.status_code == 404
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "</html>" in gzip.decompress(answer.data).decode()


def tokens(text: str) -> list[str]:
    return re.findall(r'name="csrf_token" value="([^"]+)"', text)


def test_the_form_token_is_masked_anew_in_every_answer(site: Site) -> None:
    """Else the length of a compressed page that repeats what was asked for would tell it, a letter at a time."""
    browser = site.signed_in()
    pages = [tokens(browser.get("/?q=some-guess").text) for _ in range(3)]

    assert all(len(set(found)) == 1 and len(found) > 1 for found in pages)
    assert len({found[0] for found in pages}) == 3


def test_a_token_of_any_page_of_this_sign_in_is_good(site: Site) -> None:
    browser = site.signed_in()
    early = tokens(browser.get("/").text)[0]
    browser.get("/")

    assert browser.post("/settings/theme", {"csrf_token": early, "theme": "dark"}).status_code == 303
    assert browser.post("/settings/theme", {"csrf_token": early, "theme": "light"}).status_code == 303


def test_a_mask_over_another_token_or_none_is_refused(site: Site) -> None:
    browser = site.signed_in()
    token = tokens(browser.get("/").text)[0]
    with browser.client.session_transaction() as session:
        plain = session["csrf_token"]

    for wrong in (
        "",
        "A",
        "AAAA",
        token[:-4],
        token[4:],
        token + token,
        plain,
        "é",
        tokens(site.signed_in().get("/").text)[0],
    ):
        assert browser.post("/settings/theme", {"csrf_token": wrong, "theme": "dark"}).status_code == 403, wrong
