"""The audit log: shown page by page, only added to, and tampering is noticed."""

from collections.abc import Callable
from dataclasses import replace

import pytest
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


def rows(site: Site, path: str) -> list[str]:
    return [text_of(row) for row in soup(site.signed_in().get(path)).select("tbody tr")]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("who=ann", 3),
        ("who=ANN", 3),
        ("who=an", 0),
        ("action=retr", 2),
        ("queue=mail", 3),
        ("queue=mai", 0),
        ("result=refused", 1),
        ("who=ann&action=remove", 1),
        ("from=2023-11-14&to=2023-11-14", 0),
        ("from=1970-01-01&to=9000-01-01", 5),
    ],
)
def test_filters_leave_what_they_name(site: Site, query: str, expected: int) -> None:
    for who, action, queue, result in (
        ("ann", "retry", "mail", "done"),
        ("ann", "remove", "mail", "done"),
        ("ann", "pause", "video", "refused"),
        ("bob", "retry", "mail", "done"),
    ):
        entry = replace(ENTRY, who=who, action=action, queue=queue, prefix="bull", result=result)
        site.service.connection.call(site.service.audit.append(entry))

    assert len(rows(site, f"/audit?{query}")) == expected


@pytest.mark.parametrize(
    "query", ["from=yesterday", "to=2026-99-99", "result=well", "from=0001-01-01", "to=99999-01-01"]
)
def test_a_filter_that_makes_no_sense_is_refused(site: Site, query: str) -> None:
    assert site.signed_in().get(f"/audit?{query}").status_code == 400


def test_pages_of_a_filter_neither_repeat_nor_skip(site: Site) -> None:
    for number in range(150):
        entry = replace(ENTRY, who=("ann", "bob")[number % 2], ids=(f"j{number}",), count=1)
        site.service.connection.call(site.service.audit.append(entry))
    browser, path, seen = site.signed_in(), "/audit?who=ann", []
    while path:
        page = soup(browser.get(path))
        seen += [text_of(cell) for cell in page.select("tbody td:nth-of-type(3) small")]
        following = page.select_one("a[rel=next]")
        path = str(following["href"]) if following else ""

    assert seen == [f"j{number}" for number in range(148, -1, -2)]


def test_an_entry_opens_with_before_after_reason_and_all_ids(site: Site) -> None:
    ids = [site.jobs.failed(f"job-{number}") for number in range(5)]
    admin = site.signed_in()
    admin.post("/q/mail/bulk", {"verb": "remove", "id": ids, "confirmed": "1", "reason": "asked by  legal\n4711"})
    admin.post("/q/mail/concurrency", {"concurrency": "5"})
    admin.post("/q/mail/concurrency", {"concurrency": "7"})

    links = [str(link["href"]) for link in soup(admin.get("/audit")).select("tbody td:first-child a")]
    limit, removal = (text_of(soup(admin.get(links[at])).select_one("main")) for at in (0, 2))

    assert "Before 5 at once After 7 at once" in limit
    assert "asked by legal 4711" in removal
    assert "5 failed" in removal
    assert "5 of 5" in removal
    for job_id in ids:
        assert job_id in removal
    assert admin.get("/audit/1-1").status_code == 404
    assert admin.get("/audit/nonsense").status_code == 404


def test_what_an_edit_changed_is_kept_without_its_secrets(site: Site) -> None:
    job = site.jobs.waiting("job-1", {"to": "ann", "password": "old-s3cret"})
    admin = site.signed_in()
    text = '{"to":"bob","password":"new-s3cret"}'
    preview = admin.post(f"/q/mail/job/{job}/edit", {"data": text})
    digest = soup(preview).select_one("input[name=digest]")
    assert digest is not None
    admin.post(f"/q/mail/job/{job}/edit", {"data": text, "digest": str(digest["value"]), "confirmed": "1"})

    (entry,) = site.audit()

    assert (entry.before, entry.after) == (
        '{"to":"ann","password":"[redacted]"}',
        '{"to":"bob","password":"[redacted]"}',
    )


def test_refused_sign_ins_are_recorded_without_what_was_typed(site: Site) -> None:
    site.signed_in()
    browser = site.browser()
    browser.sign_in("admin", "wrong password")
    browser.sign_in("my-password-in-the-wrong-field", "x")

    newest = [one.entry for one in stored(site)[:2]]

    assert [(one.who, one.result) for one in newest if one] == [("–", "refused"), ("admin", "refused")]
    assert "wrong-field" not in str(newest)
    assert "wrong password" not in str([one.text for one in stored(site)]).replace("wrong name or password", "")


def test_strangers_cannot_push_the_log_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("board.actions.strangers.MOST_AN_HOUR", 5)
    for number in range(9):
        site.service.strangers.record(replace(ENTRY, detail=f"attempt {number}."))

    details = [one.entry.detail for one in stored(site) if one.entry]
    assert details[0].startswith("attempt 4. More")
    assert len(details) == 5


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_the_export_holds_what_the_filter_left(site: Site, kind: str) -> None:
    for who in ("ann", "=cmd|x"):
        site.service.connection.call(site.service.audit.append(replace(ENTRY, who=who)))
    admin = site.signed_in()

    whole = admin.post("/audit/export", {"format": kind})
    part = admin.post("/audit/export", {"format": kind, "who": "ann"})

    assert whole.headers["Content-Disposition"] == f'attachment; filename="audit.{kind}"'
    assert ("'=cmd|x" in whole.text) == (kind == "csv")
    assert "cmd|x" not in part.text
    assert "ann" in part.text
    assert [entry.action for entry in site.audit()][-2:] == ["export audit log", "export audit log"]
    assert admin.post("/audit/export", {"format": "exe"}).status_code == 400
