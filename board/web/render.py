"""Turn a template and a page's context into an answer: the whole page, or its live region when that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, Final, Protocol
from urllib.parse import quote

from flask import Flask, Response, g, make_response, render_template, request, session
from markupsafe import Markup

from board import __version__
from board.auth.policy import Identity, Permission, can
from board.auth.preferences import THEMES, Preferences
from board.queries.shared import QueueName
from board.web import charts, connections, filters, htmx, refreshing, security, urls, wording, written
from board.web.assets import ENDPOINT, STYLESHEET, assets
from board.web.remembered import Remembered
from board.web.state import board, current_user, preferences, signs_in
from board.words import spoken

__all__ = ["install", "page", "pinned", "request_path"]

THEME_COOKIE = "board_theme"


class _Referable(Protocol):
    """What ``job_ref`` reads of a job's row."""

    @property
    def id(self) -> str: ...
    @property
    def queue(self) -> Any: ...


def page(template: str, *, status: int = 200, made: dict[Hashable, Any] | None = None, **context: Any) -> Response:
    """Render ``template`` with ``context``, as an answer of this ``status`` or, when it is 200 and shown already, 304.

    The same template and context give the page and the live region: a page extends ``layout``. With ``made``, of a
    shared reading, the region is rendered once for those who may see the same, whether they open the page or watch it.
    Without, it is rendered before the page around it all the same, for the page carries its tag.
    """
    if htmx.is_fragment(request):
        return htmx.vary(refreshing.refresh(template, context, made, status))
    region, tag = refreshing.region(template, context, made, _form_token)
    around = render_template(template, layout="layout.html", **context, region=refreshing.REGION_PLACE, live_tag=tag)
    whole = around.encode().replace(refreshing.REGION_PLACE.encode(), region, 1)
    return htmx.vary(make_response(whole, status))


def install(app: Flask) -> None:
    """Give every template the layout's globals and the filters."""
    filters.install(app.jinja_env)
    app.jinja_env.filters["job_ref"] = _job_ref
    app.jinja_env.filters["row_id"] = _row_id
    app.jinja_env.globals["remembering"] = _remembering
    app.jinja_env.globals["token_place"] = refreshing.TOKEN_PLACE
    app.jinja_env.globals["words_of_refusal"] = wording.why_not
    app.jinja_env.globals["written"] = written
    app.jinja_env.globals["drawing"] = _drawing
    app.jinja_env.globals["kept"] = refreshing.keep
    app.jinja_env.globals.update(
        chart_area=charts.area,
        chart_columns=charts.columns,
        chart_line=charts.line,
        chart_marks=charts.marks,
        chart_spot=charts.spot,
        nice_span=charts.nice_span,
        nice_top=charts.nice_top,
    )
    app.context_processor(_globals)


def request_path() -> str:
    """Return the address of the page asked for, as a link within this site: mount point, path and query.

    Rebuilt like any address that came from outside: a path that begins with two slashes would lead to another host.
    """
    overview = urls.link("overview.index")
    if request.method not in {"GET", "HEAD"}:
        return overview
    path = quote(request.script_root + request.path, safe=security.PLAIN_IN_PATH.replace("%", ""))
    query = request.query_string.decode("latin-1")
    return security.inside(f"{path}?{query}" if query else path, request.script_root, overview)


def pinned(wanted: Preferences) -> list[QueueName]:
    """Name the pinned queues that this person may still see; some may be gone."""
    sources = board().sources
    found = [(slug, sources.parse(slug)) for slug in wanted.pins]
    return [QueueName(keys.prefix, keys.name, slug) for slug, keys in found if keys and sources.is_shown(keys)]


def _globals() -> dict[str, Any]:
    """What the layout and the shared parts of templates read; the rest comes from the page's own context.

    It is the same for the region and for the page around it, unless somebody signed in meanwhile.
    """
    who, wanted = current_user(), preferences()
    held = g.get("globals")
    if held is None or held[0] is not who or held[1] is not wanted:
        held = g.globals = who, wanted, _told(who, wanted)
    told: dict[str, Any] = held[2]
    return told


def _told(who: Identity | None, wanted: Preferences) -> dict[str, Any]:
    own = board()

    def may(permission: str, queue: str | None = None) -> bool:
        return can(who, Permission(permission), queue)

    stylesheet_url, module_urls = _files_of_page(urls.place())
    theme = wanted.theme or request.cookies.get(THEME_COOKIE, "auto")
    return {
        "user": who,
        "has_users": signs_in(),
        "can": may,
        "read_only": own.settings.read_only,
        "csrf_token": _form_token,
        "theme": theme if theme in THEMES else "auto",
        "connection_name": own.settings.connection_label,
        "connection": own.facts,
        "under_way": [run for run in own.under_way if all(own.sources.is_shown(queue) for queue in run.queues)],
        "neighbours": own.neighbours,
        "root_of": connections.root_of,
        "live_seconds": wanted.refresh or own.settings.live_seconds,
        "preferences": wanted,
        "pins": pinned(wanted),
        "saved_filters": [one for one in wanted.filters if _is_shown(one.queue)],
        "version": __version__,
        "script_root": request.script_root,
        "stylesheet_url": stylesheet_url,
        "module_urls": module_urls,
        "request_path": request_path(),
        "request_id": g.get("request_id", ""),
        "now_ms": own.clock(),
    }


@lru_cache(maxsize=64)
def _files_of_page(_place: Hashable) -> tuple[str, tuple[str, ...]]:
    """Return the addresses of the styles and of the ES modules, which are the same for all pages of a place."""
    return (
        urls.link(ENDPOINT, filename=STYLESHEET),
        tuple(urls.link(ENDPOINT, filename=name) for name in assets().modules),
    )


def _is_shown(slug: str) -> bool:
    keys = board().sources.parse(slug)
    return keys is not None and board().sources.is_shown(keys)


def _form_token() -> str:
    """Return the token for the forms of this answer, the same for all of them."""
    if placeholder := refreshing.token_placeholder():
        return placeholder
    if "form_token" not in g:
        g.form_token = security.csrf_token(session)
    token: str = g.form_token
    return token


def _remembering(macro: Callable[..., Markup], *first: Hashable) -> Callable[..., Markup]:
    """Return what calls a macro, or gives what it gave before: one that is a function of its arguments alone.

    Beside them it depends on who asks, for the addresses and the words in it: so it is good for this page only.

    Args:
        macro: takes what stays the same on this page, then what differs from call to call.
        first: what stays the same.
    """
    known = _Known(macro, (request.script_root, assets().digest, spoken().code, preferences().zone, first), first)

    def remembered(*arguments: Hashable) -> Markup:
        key = known, arguments
        html = _PIECES.get(key)
        if html is None:
            html = known.call(arguments)
            _PIECES.keep(key, html)
        return html

    return remembered


def _drawing(
    name: str,
    label: str | None = None,
    small: bool = False,  # noqa: FBT001, FBT002 - called by templates, by name
    state: str | None = None,
    mark: bool = False,  # noqa: FBT001, FBT002 - same
) -> Markup:
    """Write an icon, or return it as it was written before: a page has some sixty."""
    return _drawn(urls.place(), name, label, small, state, mark)


@lru_cache(maxsize=1_024)
def _drawn(
    _place: Hashable,
    name: str,
    label: str | None,
    small: bool,  # noqa: FBT001 - same
    state: str | None,
    mark: bool,  # noqa: FBT001 - same
) -> Markup:
    classes = "icon" + " small" * small + " mark" * mark
    shown = Markup(' data-state="{}"').format(state) if state else Markup()
    spoken = Markup(' role="img" aria-label="{}"').format(label) if label else Markup(' aria-hidden="true"')
    sheet = urls.link("static", filename="icons.svg")
    return Markup('<svg class="{}"{}{}><use href="{}#{}"/></svg>').format(classes, shown, spoken, sheet, name)


class _Known:
    """A macro and what stays the same on a page. Jinja makes macros anew for each; one is the same as its code is."""

    __slots__ = ("_first", "_hash", "_key", "_macro")

    def __init__(self, macro: Any, place: Hashable, first: tuple[Hashable, ...]) -> None:
        self._macro = macro
        self._first = first
        self._key = (macro.name, macro._func.__code__, place)  # noqa: SLF001 - compiled once a template
        self._hash = hash(self._key)  # asked for once a line

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self._key == other._key

    def __hash__(self) -> int:
        return self._hash

    def call(self, arguments: tuple[Hashable, ...]) -> Markup:
        html: Markup = self._macro(*self._first, *arguments)
        return html


_PIECES: Final = Remembered()


def _row_id(job: _Referable) -> str:
    """Name the element of a job's line: stable, so that a refresh keeps focus and ticks, and safe for any id."""
    return f"job-{quote(job.queue.slug)}-{quote(job.id)}"


def _job_ref(job: _Referable) -> str:
    """Name a job in a form that spans queues: its queue's slug, which holds no slash, and its id."""
    return f"{job.queue.slug}/{job.id}"
