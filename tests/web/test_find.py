"""The palette as a page: jobs by id over all queues, queues, pages and actions; within what a person may see."""

from collections.abc import Callable

from werkzeug.test import TestResponse

from tests.web.site import Jobs, Site, soup, text_of


def links(answer: TestResponse) -> dict[str, str]:
    return {text_of(a): str(a["href"]) for a in soup(answer).select("#found a")}


def test_a_job_is_found_by_its_id_in_every_queue_that_has_it(site: Site) -> None:
    site.jobs.waiting("order-7")
    Jobs(site.service.connection, "print").waiting("order-7")
    Jobs(site.service.connection, "order-7-reports").waiting("other")

    found = links(site.signed_in().get("/find?q=order-7"))

    assert list(found.values())[:3] == ["/q/mail/job/order-7", "/q/print/job/order-7", "/q/order-7-reports"]


def test_what_is_no_job_is_not_taken_for_one(site: Site) -> None:
    """The id may be the name of another key of the queue."""
    site.jobs.waiting("one")
    browser = site.signed_in()

    for q in ("meta", "wait", "events", "id", "1:lock", "../one", "one:logs"):
        assert "/job/" not in browser.get(f"/find?q={q}").text


def test_actions_are_those_of_the_queue_one_comes_from(site: Site) -> None:
    site.jobs.waiting("one")
    admin, viewer = site.signed_in(), site.signed_in("viewer")

    offered, less = admin.get("/find?at=/q/mail/failed"), viewer.get("/find?at=/q/mail/failed")
    admin.post("/q/mail/pause")
    paused = admin.get("/find?at=/q/mail/failed")

    assert "Pause mail" in text_of(soup(offered).select_one("#found"))
    assert "Resume mail" in text_of(soup(paused).select_one("#found"))
    assert "Pause mail" not in text_of(soup(less).select_one("#found"))
    assert "Add a job" not in text_of(soup(less).select_one("#found"))


def test_nothing_is_found_that_a_person_may_not_see(make_site: Callable[..., Site]) -> None:
    site = make_site(roles="printer: viewer@print")
    site.jobs.waiting("order-7")
    Jobs(site.service.connection, "print").waiting("order-8")
    site.service.users.add("pia", "correct horse battery", "printer")
    browser = site.browser()
    browser.sign_in("pia")

    pages = [browser.get(f"/find?{ask}") for ask in ("q=order-7", "q=mail", "at=/q/mail/failed")]

    assert all(
        "/q/mail" not in page.text.replace("at=/q/mail", "").replace("q=mail", "") or not links(page).get("mail")
        for page in pages
    )
    assert not any(href.startswith("/q/mail") for page in pages for href in links(page).values())
    assert "/q/print/job/order-8" in links(browser.get("/find?q=order-8")).values()


def test_all_queues_are_asked_in_one_round_trip(site: Site) -> None:
    for number in range(30):
        Jobs(site.service.connection, f"queue-{number}").waiting("same")
    browser = site.signed_in()
    connection = site.service.connection
    browser.get("/find?q=same")  # what the sidebar shows is fresh
    before = connection.round_trips

    page = browser.get("/find?q=same")

    assert connection.round_trips - before == 2  # the sign-in, and the search
    assert len(soup(page).select("#found a[href*='/job/']")) == 12
