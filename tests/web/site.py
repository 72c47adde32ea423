"""A board as a person's browser sees it: signs in, follows forms, keeps cookies. On a real Redis, without a socket."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from board import create_app
from board.audit import Entry
from board.auth.policy import Role
from board.config import Settings
from board.engine.calls import Call
from board.engine.commands.jobs import add_jobs, get_state
from board.engine.commands.leases import complete_job, fail_job, fetch_job, wait_for_children
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import JobOptions, JobState, ParentRef
from board.service import Service, wall_clock_ms
from board.web.state import EXTENSION

PASSWORD = "correct horse battery"
TOKEN = "test:0"


@dataclass(slots=True)
class Site:
    """One board and any number of browsers."""

    settings: Settings
    app: Flask = field(init=False)
    jobs: Jobs = field(init=False)
    _producer: Connection = field(init=False)

    def __post_init__(self) -> None:
        self.app = create_app(self.settings)
        # A producer of its own: the connection of a board for looking would refuse to add a job.
        self._producer = Connection.open(self.settings.redis_url)
        self.jobs = Jobs(self._producer, prefix=self.settings.default_prefix)

    @property
    def service(self) -> Service:
        """What the application works with."""
        service: Service = self.app.extensions[EXTENSION]
        return service

    def browser(self, **environ: Any) -> Browser:
        """Open a browser without cookies."""
        return Browser(self.app.test_client(), dict(environ))

    def signed_in(self, role: str = "admin") -> Browser:
        """Open a browser and sign in as somebody of that role; the user is made when there is none."""
        if self.service.users.get(role) is None:
            self.service.users.add(role, PASSWORD, Role(role))
        browser = self.browser()
        answer = browser.sign_in(role)
        assert answer.status_code == 303, answer.text
        return browser

    def audit(self) -> list[Entry]:
        """Return what was recorded but signing in and out, oldest first."""
        stored = self.service.connection.call(self.service.audit.read(None, 1000))
        entries = [one.entry for one in reversed(stored) if one.entry is not None]
        assert len(entries) == len(stored), "an entry cannot be read"
        return [entry for entry in entries if entry.action not in {"sign-in", "sign-out"}]

    def close(self) -> None:
        """Close the connections to Redis."""
        self._producer.close()
        self.service.close()


@dataclass(slots=True)
class Browser:
    """Sends what a browser would: cookies, the form token of the page before, and where a request was made."""

    client: FlaskClient
    environ: dict[str, Any] = field(default_factory=dict)
    token: str = ""

    def get(self, path: str, **headers: str) -> TestResponse:
        """Ask for a page and remember the token of its forms."""
        answer = self.client.get(path, headers=headers, environ_overrides=self.environ, buffered=True)
        self._remember(answer)
        return answer

    def tick(self, path: str) -> TestResponse:
        """Ask as htmx does to refresh the live region."""
        return self.get(path, **{"HX-Request": "true", "HX-Target": "div#live", "HX-Current-URL": path})

    def post(self, path: str, data: Mapping[str, Any] | None = None, **headers: str) -> TestResponse:
        """Send a form of our own page."""
        form = {"csrf_token": self.token, **(data or {})}
        answer = self.client.post(
            path, data=form, headers={"Sec-Fetch-Site": "same-origin", **headers}, environ_overrides=self.environ
        )
        self._remember(answer)
        return answer

    def sign_in(self, name: str, password: str = PASSWORD) -> TestResponse:
        """Fill in the sign-in page; afterwards the token is that of a page of the new session."""
        self.get("/login")
        answer = self.post("/login", {"name": name, "password": password})
        if answer.status_code == 303:
            self.get("/")
        return answer

    def messages(self, answer: TestResponse) -> list[str]:
        """Follow the redirect after an action and return the messages shown there."""
        page = self.get(answer.headers["Location"])
        while page.status_code == 303:
            page = self.get(page.headers["Location"])
        return [text_of(toast) for toast in soup(page).select("[data-toast]")]

    def _remember(self, answer: TestResponse) -> None:
        if answer.mimetype != "text/html" or answer.content_encoding:
            return
        found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
        if found:
            self.token = found.group(1)


class Jobs:
    """Makes jobs in every state with the engine's own commands."""

    def __init__(self, connection: Connection, queue: str = "mail", prefix: str = "bull") -> None:
        self.connection = connection
        self.queue = QueueKeys(prefix, queue)

    def waiting(self, job_id: str, data: Any = None, **options: Any) -> str:
        """Add a job."""
        job = prepare_job("send", data, JobOptions(job_id=job_id, **options), now_ms=wall_clock_ms(), queue=self.queue)
        added = self.connection.call(add_jobs(self.queue, [job]))[0]
        assert isinstance(added, str), added
        return added

    def delayed(self, job_id: str) -> str:
        """Add a job for tomorrow."""
        return self.waiting(job_id, delay=86_400_000)

    def active(self, job_id: str) -> str:
        """Add a job and take it."""
        self.waiting(job_id, lifo=True)
        assert self.take() == job_id
        return job_id

    def take(self) -> str:
        """Take the job whose turn it is, as a worker does."""
        fetched = self.connection.call(
            fetch_job(self.queue, token=TOKEN, lock_ms=60_000, now_ms=wall_clock_ms(), worker="tester")
        )
        assert fetched.job is not None
        return fetched.job.id

    def failed(self, job_id: str, reason: str = "no such recipient") -> str:
        """Add a job and let it fail for good."""
        self.active(job_id)
        self.connection.call(
            fail_job(
                self.queue,
                job_id,
                token=TOKEN,
                reason=reason,
                stacktrace=[f"SmtpError: {reason}\n    at send (/srv/app/mail.js:1:1)"],
                now_ms=wall_clock_ms(),
                attempts=1,
            )
        )
        return job_id

    def completed(self, job_id: str) -> str:
        """Add a job and finish it."""
        self.active(job_id)
        self.connection.call(
            complete_job(self.queue, job_id, token=TOKEN, return_text=json.dumps({"ok": 1}), now_ms=wall_clock_ms())
        )
        return job_id

    def parent_of(self, *children: str, parent: str = "parent", within: str = "", **options: Any) -> str:
        """Let jobs, new or there already, be the children of one, perhaps of another queue, that waits for them."""
        above = Jobs(self.connection, within or self.queue.name, self.queue.prefix)
        above.active(parent)
        for child in children:
            self.waiting(child, parent=ParentRef(parent, above.queue.qualified), **options)
        assert self.connection.call(wait_for_children(above.queue, parent, token=TOKEN, now_ms=wall_clock_ms()))
        return parent

    def fail_next(self, job_id: str, reason: str = "no sound") -> None:
        """Let the job whose turn it is, which is this one, fail for good."""
        assert self.take() == job_id
        self.connection.call(fail_job(self.queue, job_id, token=TOKEN, reason=reason, now_ms=wall_clock_ms()))

    def state(self, job_id: str) -> JobState:
        """Return where a job is now."""
        return self.connection.call(get_state(self.queue, job_id))

    def is_paused(self) -> bool:
        """Whether the queue takes no jobs."""
        return self.connection.call(Call(("HEXISTS", self.queue.key("meta"), "paused"), bool, writes=False))


def soup(answer: TestResponse) -> BeautifulSoup:
    """Parse an answer the way browsers do."""
    return BeautifulSoup(answer.text, "html5lib")


def text_of(element: Any) -> str:
    """Return an element's text on one line."""
    return re.sub(r"\s+", " ", element.get_text(" ")).strip()
