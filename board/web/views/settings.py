"""What a person sets for themselves: look, time zone, pinned queues, saved filters."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, flash, make_response, redirect, request, url_for

from board.actions import preferences as actions
from board.auth.policy import Permission, can
from board.auth.preferences import REFRESHES, SavedFilter, checked, filter_named, zones
from board.queries.shared import QueueName
from board.web import connections, forms, render, security
from board.web.render import THEME_COOKIE
from board.web.state import actor, board, current_user, preferences, queue_or_404
from board.web.views.blueprints import settings
from board.words import gettext

__all__ = ["PreferencesPage", "forget_filter", "index", "keys", "pin", "save", "save_filter", "theme", "unpin"]

YEAR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Line:
    """A saved filter.

    Attributes:
        saved: as it is stored.
        queue: where it looks; None where this person does not see the queue.
        may_remove: it is theirs, or they are an administrator.
    """

    saved: SavedFilter
    queue: QueueName | None
    may_remove: bool


@dataclass(frozen=True, slots=True)
class PreferencesPage:
    """What may be chosen, and what was saved.

    Attributes:
        zones: names of time zones.
        refreshes: seconds between refreshes; 0 for the board's own.
        usual_seconds: the board's own.
        lines: saved filters.
    """

    zones: tuple[str, ...]
    refreshes: tuple[int, ...]
    usual_seconds: int
    lines: tuple[Line, ...]


@settings.get("/settings")
def index() -> Response:
    """Show what one set."""
    own, who = board(), actor().identity
    lines = []
    for saved in preferences().filters:
        keys = own.sources.parse(saved.queue)
        shown = keys is not None and own.sources.is_shown(keys)
        if saved.by and not shown:
            continue  # a queue that does not exist for this person
        queue = QueueName(keys.prefix, keys.name, saved.queue) if keys and shown else None
        lines.append(Line(saved, queue, saved.by in ("", who.name) or can(who, Permission.USERS)))
    page = PreferencesPage(zones(), REFRESHES, own.settings.live_seconds, tuple(lines))
    return render.page("settings/preferences.html", page=page)


@settings.post("/settings")
def save() -> Response:
    """Keep what was chosen, for every browser of this person."""
    fields = checked(request.form)
    actions.save(_drawer(), fields)
    flash(gettext("Saved your settings."), "ok")
    return _with_theme(make_response(redirect(url_for("settings.index"), 303)), fields["theme"])


@settings.post("/settings/theme")
def theme() -> Response:
    """Keep the chosen theme: in a cookie, so that the sign-in page has it too, and for the person who is signed in."""
    chosen = forms.theme(request.form)
    if current_user() is not None:
        actions.save(_drawer(), {"theme": chosen})
    return _with_theme(_back(url_for("overview.index")), chosen)


@settings.post("/settings/keys")
def keys() -> Response:
    """Switch single keys on or off."""
    actions.save(_drawer(), {"keys": "1" if request.form.get("keys") == "1" else "0"})
    return _back(url_for("settings.index"))


@settings.post("/settings/pins/<queue>")
def pin(queue: str) -> Response:
    """Keep a queue at the top of the overview, and in the sidebar."""
    found = queue_or_404(queue)
    shown = {one.slug for one in render.pinned(preferences())}
    actions.pin(_drawer(), preferences(), shown, queue, board().clock())
    flash(gettext("Pinned %(name)s.", name=found.name), "ok")
    return _back(url_for("overview.index"))


@settings.post("/settings/pins/<queue>/remove")
def unpin(queue: str) -> Response:
    """Let a queue go back to where its name puts it."""
    actions.unpin(_drawer(), preferences(), queue)
    flash(gettext("Unpinned."), "ok")
    return _back(url_for("overview.index"))


@settings.post("/settings/filters")
def save_filter() -> Response:
    """Keep a filter under a name, for oneself or for all."""
    form, queue = request.form, request.form.get("queue", "")
    queue_or_404(queue)
    by = actor().identity.name if form.get("shared") == "1" else ""
    saved = filter_named(form.get("name", ""), queue, form.get("state", ""), form.get("q", ""), by)
    actions.save_filter(board().desk, actor(), _drawer(), preferences(), saved)
    if by:
        flash(gettext("Saved the filter %(name)s for everybody.", name=saved.name), "ok")
    else:
        flash(gettext("Saved the filter %(name)s.", name=saved.name), "ok")
    return _back(url_for("queues.state", queue=queue, state=saved.state, q=saved.q))


@settings.post("/settings/filters/remove")
def forget_filter() -> Response:
    """Take a saved filter away."""
    name, is_shared = request.form.get("name", ""), request.form.get("shared") == "1"
    saved = next((one for one in preferences().filters if one.name == name and bool(one.by) == is_shared), None)
    if saved is None:
        flash(gettext("This filter is gone already."), "warn")
    else:
        actions.forget_filter(board().desk, actor(), _drawer(), saved)
        flash(gettext("Removed the filter %(name)s.", name=saved.name), "ok")
    return _back(url_for("settings.index"))


def _drawer() -> actions.Drawer:
    home = board().home
    return actions.Drawer(home.preferences, home.connection, actor().identity.name)


def _back(fallback: str) -> Response:
    return make_response(redirect(security.inside(request.form.get("next"), request.script_root, fallback), 303))


def _with_theme(response: Response, chosen: str) -> Response:
    response.set_cookie(
        THEME_COOKIE,
        chosen,
        max_age=YEAR,
        path=connections.mount_point() + "/",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response
