"""People on a page, and one's own account."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from board.auth.throttle import LIMITS
from board.errors import UserError
from tests.web.site import PASSWORD, Browser, Site, soup, text_of


def lines(browser: Browser) -> dict[str, str]:
    """Return the table of users: name to its line."""
    rows = soup(browser.get("/settings/users")).select("tbody tr")
    return {text_of(row.select_one("td")).split()[0]: text_of(row) for row in rows}


def test_an_administrator_adds_somebody_who_then_signs_in(site: Site) -> None:
    admin = site.signed_in()

    answer = admin.post("/settings/users", {"user": "Eve", "role": "operator", "new_password": ""})
    shown = re.search(r"(?:[a-z2-9]{5}-){3}[a-z2-9]{5}", answer.text)

    assert shown is not None
    assert site.browser().sign_in("eve", shown[0]).status_code == 303
    assert "operator" in lines(admin)["eve"]
    assert shown[0] not in admin.get("/settings/users").text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"user": "admin", "role": "viewer"}, "There is already a user admin."),
        ({"user": "a b", "role": "viewer"}, "A user name has 1 to 64 letters"),
        ({"user": "eve", "role": "king"}, "There is no role 'king'"),
        ({"user": "eve", "role": "viewer", "new_password": "short"}, "A password has 8 to 1,024 characters."),
    ],
)
def test_a_user_that_cannot_be_is_refused_in_words(site: Site, form: dict[str, str], words: str) -> None:
    admin = site.signed_in()

    answer = admin.post("/settings/users", form)

    assert answer.status_code == 400
    alert = soup(answer).select_one("[role=alert]")
    assert alert is not None
    assert words in text_of(alert)
    assert list(lines(admin)) == ["admin"]
    assert [(one.action, one.result) for one in site.audit()] == [("add user", "refused")]


@pytest.mark.parametrize("verb", ["role", "password", "disable", "sign-out", "remove"])
def test_what_is_done_to_a_user_ends_their_sign_ins_and_is_recorded(site: Site, verb: str) -> None:
    admin, theirs = site.signed_in(), site.signed_in("viewer")

    answer = admin.post(f"/settings/users/viewer/{verb}", {"role": "operator", "confirmed": "1"})

    assert answer.status_code in {200, 303}
    assert theirs.get("/").status_code == 303, "still signed in"
    entry = site.audit()[-1]
    assert (entry.who, entry.result) == ("admin", "done")
    assert "viewer" in entry.detail


def test_removing_somebody_asks_first(site: Site) -> None:
    admin, theirs = site.signed_in(), site.signed_in("viewer")
    site.service.users.add("op", PASSWORD, "operator")
    before = site.audit()

    asked = soup(admin.post("/settings/users/viewer/remove"))
    form = asked.select_one("main form.message")

    assert form is not None
    assert "Remove the user viewer for good?" in text_of(form)
    assert "Sign-ins that end 1" in text_of(form)
    assert "autofocus" in form.select("a.button")[0].attrs
    assert theirs.get("/").status_code == 200
    assert site.audit() == before
    fields = {str(one["name"]): str(one.get("value", "")) for one in form.select("input")}
    done = admin.post(str(form["action"]), {**fields, "reason": "left the firm"})
    assert done.status_code == 303
    assert theirs.get("/").status_code == 303
    assert (site.audit()[-1].action, site.audit()[-1].reason) == ("remove user", "left the firm")


def test_who_may_not_remove_anybody_is_not_asked_but_refused(site: Site) -> None:
    operator = site.signed_in("operator")

    assert operator.post("/settings/users/admin/remove").status_code == 403
    (entry,) = site.audit()
    assert (entry.action, entry.result) == ("remove user", "refused")
    assert entry.detail == "admin: Your role is operator. To manage users and tokens you need the role admin."


@pytest.mark.parametrize("verb", ["role", "disable", "remove"])
def test_the_last_administrator_stays(site: Site, verb: str) -> None:
    admin = site.signed_in()

    answer = admin.post(f"/settings/users/admin/{verb}", {"role": "viewer", "confirmed": "1"})

    assert answer.status_code == 400
    assert "admin is the last administrator" in answer.text
    assert admin.get("/").status_code == 200
    assert site.audit()[-1].result == "refused"


def test_two_administrators_who_demote_each_other_at_once_leave_one(site: Site) -> None:
    users = site.service.users
    for _ in range(5):
        for name in ("one", "two"):
            if users.get(name) is None:
                users.add(name, PASSWORD, "admin")
            users.set_role(name, "admin")
        if users.get("admin") is not None:
            users.remove("admin")

        def demote(name: str) -> bool:
            try:
                users.set_role(name, "viewer")
            except UserError:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(demote, ["one", "two"]))

        assert sorted(done) == [False, True]


def test_a_change_of_somebody_else_meanwhile_is_kept(site: Site) -> None:
    users = site.service.users
    users.add("eve", PASSWORD, "viewer")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: users.end_sign_ins("eve"), range(8)))

    eve = users.get("eve")
    assert eve is not None
    assert eve.epoch == 8


def test_the_list_tells_who_is_signed_in_and_when_they_were_seen(site: Site) -> None:
    admin = site.signed_in()
    site.signed_in("viewer")
    site.signed_in("viewer")
    site.service.users.add("absent", PASSWORD, "viewer")

    found = lines(admin)

    assert "viewer now 2" in found["viewer"]
    assert "– 0" in found["absent"]


def test_a_password_of_ones_own_takes_the_old_one_and_ends_all_other_sign_ins(site: Site) -> None:
    mine, phone = site.signed_in("viewer"), site.signed_in("viewer")
    mine.get("/settings/sessions")

    wrong = mine.post("/settings/sessions/password", {"password": "guess", "new_password": "another long one"})
    right = mine.post("/settings/sessions/password", {"password": PASSWORD, "new_password": "another long one"})

    assert wrong.status_code == 400
    assert right.status_code == 303
    assert mine.get("/").status_code == 200
    assert phone.get("/").status_code == 303
    assert site.browser().sign_in("viewer", "another long one").status_code == 303
    assert [(one.action, one.result) for one in site.audit()] == [
        ("change password", "refused"),
        ("change password", "done"),
    ]


def test_guessing_ones_own_password_is_slowed_down_too(site: Site) -> None:
    mine = site.signed_in("viewer")
    form = {"password": "guess", "new_password": "another long one"}

    answers = [mine.post("/settings/sessions/password", form).status_code for _ in range(LIMITS["pair"] + 1)]

    assert answers == [400] * LIMITS["pair"] + [429]


def test_one_sign_in_can_be_ended_from_another(site: Site) -> None:
    mine, phone = site.signed_in("viewer"), site.signed_in("viewer")
    page = soup(mine.get("/settings/sessions"))
    forms = [str(form["action"]) for form in page.select("tbody form")]
    assert len(forms) == 1

    mine.post(forms[0])

    assert phone.get("/").status_code == 303
    assert mine.get("/").status_code == 200


def test_nobody_ends_a_sign_in_of_somebody_else(site: Site) -> None:
    admin, viewer = site.signed_in(), site.signed_in("viewer")
    user = site.service.users.get("admin")
    assert user is not None
    digest = site.service.sessions.of([user])[0][0].digest

    viewer.post(f"/settings/sessions/{digest}/end")

    assert admin.get("/").status_code == 200


def test_ending_all_others_keeps_this_one(site: Site) -> None:
    mine, phone = site.signed_in("viewer"), site.signed_in("viewer")

    mine.post("/settings/sessions/end")

    assert mine.get("/").status_code == 200
    assert phone.get("/").status_code == 303


def test_right_passwords_count_for_nothing_against_an_address(site: Site) -> None:
    site.signed_in()

    for _ in range(LIMITS["address"] + 1):
        assert site.browser().sign_in("admin").status_code == 303


def test_a_right_password_does_not_forgive_the_failures_of_others_at_an_address(site: Site) -> None:
    site.signed_in()
    for at in range(LIMITS["address"]):
        site.browser().sign_in(f"nobody-{at}", "guess")

    assert site.browser().sign_in("admin").status_code == 429
