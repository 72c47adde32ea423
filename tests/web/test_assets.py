"""Static files: asked for by what they hold, kept for good, compressed, and none beside them."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from board.resources import STATIC
from board.web.assets import FOREVER, Assets
from tests.web.site import Site, soup

GZIP = {"Accept-Encoding": "gzip"}


def addresses(site: Site, path: str = "/login", **environ: str) -> list[str]:
    """Return every file that a page loads."""
    page = soup(site.browser(**environ).get(path))
    return [str(one.get("href") or one.get("src")) for one in page.select("link[href], script[src]")]


def without_comments(sheet: Path) -> str:
    """Return what a browser needs of a sheet of styles."""
    return re.sub(r"/\*.*?\*/\n?", "", sheet.read_text(), flags=re.DOTALL)


def test_every_file_of_a_page_may_be_kept_for_good(site: Site) -> None:
    for address in addresses(site):
        answer = site.browser().get(address)

        assert answer.status_code == 200, address
        assert answer.headers["Cache-Control"] == FOREVER
        assert "Set-Cookie" not in answer.headers


def test_the_imports_of_a_module_lead_to_the_same_release(site: Site) -> None:
    entry = next(address for address in addresses(site) if address.endswith("/js/board.js"))
    folder = entry.removesuffix("board.js")

    for name in re.findall(r'import "\./([a-z]+\.js)"', (STATIC / "js" / "board.js").read_text()):
        assert site.browser().get(folder + name).headers["Cache-Control"] == FOREVER


def test_every_module_is_asked_for_before_another_imports_it(site: Site) -> None:
    page = soup(site.browser().get("/login"))

    preloaded = {str(one["href"]).rpartition("/")[2] for one in page.select("link[rel=modulepreload]")}

    assert preloaded == {path.name for path in (STATIC / "js").glob("*.js")}


def test_all_styles_are_one_file_that_begins_with_the_order_of_layers(site: Site) -> None:
    (sheet,) = [address for address in addresses(site) if address.endswith(".css")]

    text = site.browser().get(sheet).text

    assert text.startswith(without_comments(STATIC / "css" / "00-layers.css"))
    assert all(without_comments(path) in text for path in (STATIC / "css").glob("*.css"))
    assert "/*" not in text


@pytest.mark.parametrize("path", ["/static/js/board.js", "/static/000000000000/js/board.js"])
def test_a_file_asked_for_by_no_digest_or_an_old_one_is_not_kept_long(site: Site, path: str) -> None:
    answer = site.browser().get(path)

    assert answer.text == (STATIC / "js" / "board.js").read_text()
    assert answer.headers["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize(
    "path",
    [
        "../pyproject.toml",
        "%2e%2e/pyproject.toml",
        "js/../../pyproject.toml",
        "/etc/passwd",
        "//etc/passwd",
        "..%5cpyproject.toml",
        "js",
        "js/",
        "",
        "css/base.css",
        "js/board.js%00.svg",
        "{digest}/../../pyproject.toml",
        "{digest}/{digest}/js/board.js",
    ],
)
def test_nothing_but_the_files_is_sent(site: Site, path: str) -> None:
    answer = site.browser().get("/static/" + path.format(digest=Assets().digest))

    assert answer.status_code in {303, 308, 404}
    assert "build-system" not in answer.text


def test_a_file_is_sent_compressed_to_those_who_take_it(site: Site) -> None:
    for address in addresses(site):
        plain, short = site.browser().get(address), site.browser().get(address, **GZIP)

        assert short.headers["Content-Encoding"] == "gzip", address
        assert gzip.decompress(short.data) == plain.data
        assert "Content-Encoding" not in plain.headers
        assert short.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        assert short.headers["ETag"] != plain.headers["ETag"]


@pytest.mark.parametrize("headers", [{}, GZIP])
def test_a_file_that_is_known_is_not_sent_again(site: Site, headers: dict[str, str]) -> None:
    address = addresses(site)[0]
    known = site.browser().get(address, **headers).headers["ETag"]

    again = site.browser().get(address, **headers, **{"If-None-Match": known})

    assert again.status_code == 304
    assert again.data == b""
    assert again.headers["Cache-Control"] == FOREVER


def test_files_are_found_under_a_mount_point(make_site: Callable[..., Site]) -> None:
    for address in addresses(make_site(base_path="/ops/board"), "/ops/board/login"):
        assert address.startswith("/ops/board/static/")
    under = addresses(make_site(), "/login", SCRIPT_NAME="/mounted")
    assert under
    for address in under:
        assert address.startswith("/mounted/static/")


def test_a_changed_file_changes_the_address_of_all(tmp_path: Path) -> None:
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "base.css").write_text("a {}")
    files = Assets(tmp_path)
    before = files.digest
    (tmp_path / "css" / "base.css").write_text("b {}")

    assert files.digest == before
    (tmp_path / "css" / "more.css").write_text("c {}")
    files.renew()

    assert files.digest != before
    found, is_current = files.find(files.named("board.css"))
    assert found is not None
    assert (found.content, is_current) == (b"b {}\nc {}", True)
