"""docs/configuration.md says what the code does."""

from collections.abc import Callable

import pytest

from board.config import Settings
from board.engine.types import JobState
from board.queries.exposition import NAMES
from tests.docs import reference
from tests.servers import Server
from tests.web.site import PASSWORD, Site


@pytest.mark.parametrize("table", [reference.settings_table, reference.roles_table])
def test_the_tables_are_those_of_the_code(table: Callable[[], str]) -> None:
    """When this fails: python -m tests.docs.reference."""
    assert table() in reference.PAGE.read_text(encoding="utf-8")


def test_every_metric_has_its_line() -> None:
    lines = [f"| `{name}` | {meaning} |" for name, meaning in NAMES.items()]

    assert "\n".join(lines) + "\n\n" in reference.PAGE.read_text(encoding="utf-8")


def test_the_redis_user_of_the_page_suffices(fresh_server: Callable[..., Server]) -> None:
    assert reference.ACL_RULE in reference.PAGE.read_text(encoding="utf-8")
    server = fresh_server()
    client = server.client()
    client.execute_command(*reference.ACL_RULE.split())  # type: ignore[no-untyped-call]
    client.config_resetstat()
    site = Site(Settings(redis_url=server.url.replace("redis://", "redis://board:password@"), admin_password=PASSWORD))
    try:
        for name in ("1a", "2b"):
            site.jobs.failed(name)
        site.jobs.delayed("later")
        browser = site.signed_in()
        pages = ["/", "/q/mail/failed", "/q/mail/waiting", "/q/mail/job/1a", "/failures", "/flows", "/audit", "/readyz"]

        statuses = [browser.get(page).status_code for page in pages]
        browser.post("/q/mail/job/1a/retry")
        browser.post("/q/mail/job/2b/remove", {"confirmed": "1"})
        browser.post("/q/mail/job/later/promote")
        browser.post("/q/mail/pause")
        browser.post("/logout")

        assert statuses == [200] * len(pages)
        assert site.jobs.state("1a") is JobState.WAITING
        assert site.jobs.state("2b") is JobState.UNKNOWN
        assert site.jobs.state("later") is JobState.WAITING
        assert site.jobs.is_paused()
        assert [entry.result for entry in site.audit()] == ["done"] * 4
        refused = {str(entry["object"]) for entry in client.acl_log()}
        assert refused == set()
    finally:
        site.close()
        client.close()
