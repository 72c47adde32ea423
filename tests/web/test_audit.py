"""The audit log: shown page by page, only added to, and tampering is noticed."""

from collections.abc import Callable
from dataclasses import replace

import redis

from board.audit import Audit, Entry, StoredEntry, verify
from board.namespace import Namespace
from board.queries.audit import PAGE
from tests.web.site import Site, soup, text_of

ENTRY = Entry(at_ms=1_700_000_000_000, who="ann", role="admin", address="203.0.113.1", action="remove", result="done")


def stored(site: Site) -> list[StoredEntry]:
    """Return what the log holds, newest first."""
    return site.service.connection.call(site.service.audit.read(None, 1_000))


def write(site: Site, count: int) -> None:
    """Record removals of one job each."""
    for number in range(count):
        entry = replace(ENTRY, queue="mail", prefix="bull", ids=(str(number),), count=1, done=1)
        site.service.connection.call(site.service.audit.append(entry))


def test_the_page_names_who_did_what_to_which_job(site: Site) -> None:
    site.jobs.failed("1a")
    admin = site.signed_in()
    admin.post("/q/mail/job/1a/remove", {"confirmed": "1"})

    rows = [text_of(row) for row in soup(admin.get("/audit")).select("tbody tr")]

    for word in ("admin", "remove", "mail", "1a", "done", "127.0.0.1"):
        assert word in rows[0]


def test_older_entries_are_on_the_next_page(site: Site) -> None:
    admin = site.signed_in()
    write(site, PAGE + 9)

    first = soup(admin.get("/audit"))
    link = first.select_one("a[rel=next]")
    assert link is not None
    second = soup(admin.get(str(link["href"])))

    assert len(first.select("tbody tr")) == PAGE
    assert len(second.select("tbody tr")) == 10
    assert second.select_one("a[rel=next]") is None


def test_a_cursor_that_is_none_is_refused(site: Site) -> None:
    admin = site.signed_in()

    assert admin.get("/audit?after=yesterday").status_code == 400
    assert admin.get("/audit?after=1-1").status_code == 200


def test_reading_the_log_takes_a_role_and_trying_is_recorded(site: Site) -> None:
    viewer = site.signed_in("viewer")

    assert viewer.get("/audit").status_code == 403
    assert [(entry.action, entry.result) for entry in site.audit()] == [("read audit log", "refused")]


def test_an_entry_that_cannot_be_read_spoils_no_other(site: Site, redis_client: redis.Redis) -> None:
    admin = site.signed_in()
    redis_client.xadd("board:audit", {"entry": "{not json", "chain": "x"})
    redis_client.xadd("board:audit", {"other": "x"})

    page = admin.get("/audit")

    assert page.status_code == 200
    assert len(soup(page).select("tbody tr")) == 3


def test_the_chain_holds_over_many_entries(site: Site) -> None:
    write(site, 30)

    assert verify(stored(site)) is None


def test_an_altered_entry_is_noticed(site: Site, redis_client: redis.Redis) -> None:
    write(site, 5)
    entries = stored(site)
    altered = [entries[0], entries[1], replace(entries[2], text=entries[2].text.replace("ann", "bob")), *entries[3:]]

    assert verify(altered) == entries[2].id


def test_an_entry_taken_out_is_noticed(site: Site, redis_client: redis.Redis) -> None:
    write(site, 5)
    entries = stored(site)

    redis_client.xdel("board:audit", entries[2].id)

    assert verify(stored(site)) == entries[1].id


def test_the_log_keeps_its_length(site: Site, redis_client: redis.Redis) -> None:
    short = Audit(Namespace("t"), 100)
    for _ in range(400):
        site.service.connection.call(short.append(ENTRY))

    assert redis_client.xlen("t:audit") < 250


def test_a_hundred_ids_are_kept_and_the_rest_counted(site: Site) -> None:
    entry = replace(ENTRY, ids=tuple(str(number) for number in range(150)), count=150)

    site.service.connection.call(site.service.audit.append(entry))

    (kept,) = site.audit()
    assert (len(kept.ids), kept.count) == (100, 150)


def test_nothing_a_person_types_leaves_its_field(make_site: Callable[..., Site]) -> None:
    site = make_site()
    hostile = replace(ENTRY, who='ann","role":"admin', detail="a\r\nb\x00\u2028", ids=('"]', "\ud83d\ude80"))

    site.service.connection.call(site.service.audit.append(hostile))

    (kept,) = site.audit()
    assert kept.who == hostile.who
    assert kept.detail == hostile.detail
