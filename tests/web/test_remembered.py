"""What is remembered from one page to the next is never that of another mount point, another role or another time."""

from collections.abc import Callable

from tests.web.site import Site, soup


def test_links_follow_the_mount_point(make_site: Callable[..., Site]) -> None:
    site = make_site()
    site.jobs.failed("job-1")
    viewer = site.signed_in()
    at_root = soup(viewer.get("/")).select_one("#queue-mail a")

    viewer.environ["SCRIPT_NAME"] = "/mounted"
    viewer.sign_in("admin")
    below = soup(viewer.get("/")).select_one("#queue-mail a")

    assert at_root is not None
    assert below is not None
    assert (at_root["href"], below["href"]) == ("/q/mail", "/mounted/q/mail")


def test_a_line_shows_what_its_reader_may_do(site: Site) -> None:
    site.jobs.failed("job-1")

    lines = {role: soup(site.signed_in(role).get("/")).select_one("#queue-mail") for role in ("admin", "viewer")}

    assert "Your role is viewer" in str(lines["viewer"])
    assert "Your role" not in str(lines["admin"])


def test_a_line_changes_with_its_queue(site: Site) -> None:
    site.jobs.failed("job-1")
    browser = site.signed_in()
    browser.get("/")

    browser.post("/q/mail/pause")

    line = soup(browser.get("/")).select_one("#queue-mail")
    assert "Paused" in str(line)
