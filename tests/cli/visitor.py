"""Visits a board over HTTP and signs in, with the standard library alone."""

import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http.cookiejar import CookieJar

from tests.waiting import PATIENCE_S


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar()))


@dataclass(slots=True)
class Visitor:
    """A person with cookies.

    Attributes:
        url: of the board.
        opener: asks for pages, and keeps the cookies.
        was_refused: whether the last page that came to nothing had not even a connection: nobody listened.
    """

    url: str
    opener: urllib.request.OpenerDirector = field(default_factory=_opener)
    was_refused: bool = False

    def get(self, path: str, data: dict[str, str] | None = None) -> tuple[int, str]:
        """Return status and body; 0 when nothing listens there yet."""
        body = urllib.parse.urlencode(data).encode() if data is not None else None
        try:
            with self.opener.open(self.url + path, body, timeout=PATIENCE_S) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            self.was_refused = isinstance(getattr(error, "reason", error), ConnectionRefusedError)
            return 0, ""

    def sign_in(self, name: str, password: str) -> tuple[int, str]:
        """Sign in and return the page that follows."""
        _, page = self.get("/login")
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert found, page
        return self.get("/login", {"csrf_token": found.group(1), "name": name, "password": password})
