"""What the foot of the sidebar says about the server."""

from tests.servers import Kind
from tests.web.site import Site, soup, text_of


def test_the_server_is_called_by_its_name_and_version(site: Site, server_kind: Kind) -> None:
    browser = site.signed_in()

    foot = soup(browser.get("/")).select_one("dl.redis")

    assert foot is not None
    info = site.service.facts
    assert info is not None
    assert info.version
    assert text_of(foot).startswith(f"{server_kind.capitalize()} {info.version} ")
