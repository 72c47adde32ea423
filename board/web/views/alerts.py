"""Alerts: what fires, the rules with their trial, silences, channels and what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flask import Response, flash, make_response, redirect, request, url_for

from board import words
from board.actions import alerts as actions
from board.alerts.channels import CHANNEL_KINDS, Channel
from board.alerts.rules import KINDS, SEVERITIES, Kind, Rule, checked, length_ms
from board.alerts.sentences import sentence_of, typed_length, typed_limit
from board.alerts.trial import Trial
from board.auth.policy import Permission, can, everywhere
from board.errors import BadRequestError, OutboundError, UnknownAlertError
from board.history.store import History
from board.queries.alerts import AlertsPage, PastRow, RuleRow, read_alerts, read_trial
from board.web import render
from board.web.state import actor, board, insist
from board.web.views.blueprints import alerts
from board.web.views.tokens import asks_first
from board.web.wording import audit_missing
from board.words import gettext, sentence

__all__ = [
    "ConfirmPage",
    "EditPage",
    "ListPage",
    "add_channel",
    "create",
    "end_silence",
    "index",
    "new",
    "remove",
    "remove_channel",
    "save",
    "show",
    "silence",
    "test_channel",
    "trial",
    "whole_page",
]

SILENCES = (
    ("1h", sentence("1 hour")),
    ("4h", sentence("4 hours")),
    ("24h", sentence("1 day")),
    ("7days", sentence("7 days")),
)
REMINDERS = (
    (0, sentence("never")),
    (3_600_000, sentence("every hour")),
    (4 * 3_600_000, sentence("every 4 h")),
    (24 * 3_600_000, sentence("every day")),
)
GRAVITIES = tuple(zip(SEVERITIES, (sentence("Critical"), sentence("Warning"), sentence("Info")), strict=True))


@dataclass(frozen=True, slots=True)
class ListPage:
    """Everything, and the forms for what is small.

    Attributes:
        all: what there is.
        problem: why the last form was refused; empty when it was not.
        secret: of a webhook just made, shown once; empty for none.
        secret_of: its name.
        lengths: of silences, as value and words.
        channel_kinds: as value and words.
        may_edit: this person changes rules and channels.
        may_silence: there are queues that this person may silence.
    """

    all: AlertsPage
    problem: str = ""
    secret: str = ""
    secret_of: str = ""
    lengths: tuple[tuple[str, str], ...] = SILENCES
    channel_kinds: tuple[tuple[str, str], ...] = tuple(CHANNEL_KINDS.items())
    may_edit: bool = False
    may_silence: bool = False


@dataclass(frozen=True, slots=True)
class EditPage:
    """The form of one rule.

    Attributes:
        id: of the rule; empty for a new one.
        row: the rule as it is kept; None for a new one.
        values: what stands in the fields.
        chosen: ids of the channels that are ticked.
        kinds: what can be watched.
        severities: how bad it can be.
        reminders: how often it can be told again, ms and words.
        channels: id and name of each.
        history: what happened by this rule, newest first.
        problem: why it was refused; empty when it was not.
        sentence: what the fields say, once they were tried.
        trial: what the recorded week made of them; None when that was not asked.
        may_edit: this person changes rules.
    """

    id: str
    row: RuleRow | None
    values: Mapping[str, str]
    chosen: tuple[str, ...]
    channels: tuple[tuple[str, str], ...]
    history: tuple[PastRow, ...] = ()
    kinds: tuple[Kind, ...] = tuple(KINDS.values())
    severities: tuple[tuple[str, str], ...] = GRAVITIES
    reminders: tuple[tuple[str, str], ...] = tuple((str(ms), words) for ms, words in REMINDERS)
    problem: str = ""
    sentence: str = ""
    trial: Trial | None = None
    may_edit: bool = False


@dataclass(frozen=True, slots=True)
class ConfirmPage:
    """A rule or a channel that is about to be removed for good.

    Attributes:
        kind: ``rule`` or ``channel``.
        name: what people call it.
        sentence: the rule, where its name is another; empty for a channel.
        others: names of the channels that the rule tells, or titles of the rules that tell the channel.
        firing: incidents of the rule that fire now.
        url: where the form leads that removes it.
        back_url: where it was asked.
    """

    kind: str
    name: str
    sentence: str
    others: tuple[str, ...]
    firing: int
    url: str
    back_url: str


@alerts.get("/alerts")
def index() -> Response:
    """Show all there is."""
    return _list()


@alerts.get("/alerts/new")
def new() -> Response:
    """Show the form of a new rule."""
    return _edit("", Rule(id="", kind="depth", threshold=1_000, for_ms=600_000, remind_ms=4 * 3_600_000))


@alerts.get("/alerts/<rule>")
def show(rule: str) -> Response:
    """Show a rule with its form, and what happened by it."""
    whole = whole_page(rule)
    return _edit(rule, _found(whole, rule).rule, whole=whole)


@alerts.post("/alerts/new")
def create() -> Response:
    """Try a new rule, or keep it."""
    return _save("")


@alerts.post("/alerts/<rule>")
def save(rule: str) -> Response:
    """Try a rule as it was changed, or keep it."""
    return _save(rule)


@alerts.post("/alerts/<rule>/remove")
def remove(rule: str) -> Response:
    """Remove a rule, after asking."""
    own = board()
    asked = whole_page(with_past=False).rules if asks_first(Permission.ALERT) else ()
    if row := next((row for row in asked if row.rule.id == rule), None):
        named = row.sentence if row.rule.name else ""
        urls = url_for("alerts.remove", rule=rule), url_for("alerts.show", rule=rule)
        page = ConfirmPage("rule", row.title, named, row.tells, row.firing, *urls)
        return render.page("alerts/confirm.html", page=page)
    return _done(gettext("The rule is removed."), actions.remove_rule(own.desk, actor(), own.alerts, rule))


@alerts.post("/alerts/silences")
def silence() -> Response:
    """Let nothing be told for a time."""
    own, form = board(), request.form
    queues = form.get("glob", "").strip() or "*"
    try:
        made = actions.silence(
            own.desk,
            actor(),
            own.alerts,
            form.get("rule", ""),
            queues,
            length_ms=length_ms(form.get("until", "") or "1h"),
            why=form.get("reason", ""),
        )
    except BadRequestError as refusal:
        return _list(words.of(refusal), status=400)
    return _done(gettext("Silenced: %(queues)s.", queues=queues), made.audit_problem)


@alerts.post("/alerts/silences/<silence>/end")
def end_silence(silence: str) -> Response:
    """Let messages go out again."""
    own = board()
    return _done(gettext("The silence is over."), actions.end_silence(own.desk, actor(), own.alerts, silence))


@alerts.post("/alerts/channels")
def add_channel() -> Response:
    """Keep a channel; show a secret that was made for it, once."""
    own, form = board(), request.form
    channel = Channel(
        id="",
        name=form.get("channel", "").strip(),
        kind=form.get("how", ""),
        target=form.get("target", ""),
        secret=form.get("signing_secret", ""),
    )
    try:
        made = actions.make_channel(own.desk, actor(), own.alerts, channel)
    except BadRequestError as refusal:
        return _list(words.of(refusal), status=400)
    if made.secret:
        if made.audit_problem:
            flash(audit_missing(), "warn")
        return _list(secret=made.secret, secret_of=channel.name)
    return _done(gettext("The channel %(name)s is made.", name=channel.name), made.audit_problem)


@alerts.post("/alerts/channels/<channel>/remove")
def remove_channel(channel: str) -> Response:
    """Remove a channel, after asking."""
    own = board()
    if asks_first(Permission.ALERT):
        whole = whole_page(with_past=False)
        if found := next((row.channel for row in whole.channels if row.channel.id == channel), None):
            told = tuple(row.title for row in whole.rules if channel in row.rule.channels)
            urls = url_for("alerts.remove_channel", channel=channel), url_for("alerts.index")
            return render.page("alerts/confirm.html", page=ConfirmPage("channel", found.name, "", told, 0, *urls))
    return _done(gettext("The channel is removed."), actions.remove_channel(own.desk, actor(), own.alerts, channel))


@alerts.post("/alerts/channels/<channel>/test")
def test_channel(channel: str) -> Response:
    """Send a test message and say whether it arrived."""
    own = board()
    try:
        problem = actions.test_channel(
            own.desk, actor(), own.alerts, own.courier, channel, connection=own.settings.connection_label
        )
    except (OutboundError, BadRequestError) as refusal:
        flash(gettext("The test message did not arrive. %(why)s", why=words.of(refusal)), "error")
        return make_response(redirect(url_for("alerts.index"), 303))
    return _done(gettext("The test message was taken."), problem)


def whole_page(of_rule: str = "", *, with_past: bool = True) -> AlertsPage:
    """Return all there is, as the person who asks may see it; the past of one rule where one is named, or no past."""
    own, who = board(), actor().identity
    return read_alerts(
        own.connection,
        own.alerts,
        own.sources,
        own.sources.list().queues,
        now_ms=own.clock(),
        sees_all=everywhere(who, Permission.VIEW),
        may_edit=can(who, Permission.ALERT),
        check=own.courier.check,
        of_rule=of_rule,
        with_past=with_past,
    )


def trial(rule: Rule) -> Trial:
    """Try a rule on the queues that the person who asks may see."""
    own = board()
    return read_trial(
        own.connection, History(own.namespace), own.groups, rule, own.sources.list().queues, now_ms=own.clock()
    )


def _list(problem: str = "", *, secret: str = "", secret_of: str = "", status: int = 200) -> Response:
    who = actor().identity
    page = ListPage(
        all=whole_page(),
        problem=problem,
        secret=secret,
        secret_of=secret_of,
        may_edit=can(who, Permission.ALERT),
        may_silence=can(who, Permission.SILENCE),
    )
    return render.page("alerts/alerts.html", page=page, status=status)


def _edit(
    rule_id: str,
    rule: Rule,
    *,
    whole: AlertsPage | None = None,
    typed: Mapping[str, str] | None = None,
    problem: str = "",
    tried: Trial | None = None,
    status: int = 200,
) -> Response:
    whole = whole or whole_page(rule_id, with_past=bool(rule_id))
    page = EditPage(
        id=rule_id,
        row=_found(whole, rule_id) if rule_id else None,
        values=typed if typed is not None else _values(rule),
        chosen=rule.channels if typed is None else tuple(request.form.getlist("tell")),
        channels=tuple((row.channel.id, row.channel.name) for row in whole.channels),
        history=whole.past,
        problem=problem,
        sentence=sentence_of(rule) if tried is not None else "",
        trial=tried,
        may_edit=can(actor().identity, Permission.ALERT),
    )
    return render.page("alerts/edit.html", page=page, status=status)


def _save(rule_id: str) -> Response:
    insist(Permission.ALERT, action="change alert" if rule_id else "make alert")
    own, form = board(), request.form
    typed = {name: form.get(name, "")[:1_000] for name in _values(Rule("", "depth"))}
    try:
        rule = checked(replace(_typed(typed), id=rule_id, channels=tuple(form.getlist("tell"))))
        if form.get("try"):
            return _edit(rule_id, rule, typed=typed, tried=trial(rule))
        made = actions.save_rule(own.desk, actor(), own.alerts, rule)
    except BadRequestError as refusal:
        return _edit(rule_id, Rule("", "depth"), typed=typed, problem=words.of(refusal), status=400)
    return _done(gettext("Kept: %(rule)s.", rule=sentence_of(rule)), made.audit_problem)


def _values(rule: Rule) -> dict[str, str]:
    """Return a rule as the fields of its form have it."""
    return {
        "watch": rule.kind,
        "glob": rule.queues,
        "limit": typed_limit(rule),
        "lasts": typed_length(rule.for_ms),
        "severity": rule.severity,
        "remind": str(rule.remind_ms),
        "title": rule.name,
        "job_name": rule.job_name,
    }


def _typed(values: Mapping[str, str]) -> Rule:
    kind = KINDS.get(values["watch"] or "depth")
    if kind is None:
        raise BadRequestError(sentence("There is nothing called “%(kind)s” to watch.", kind=values["watch"][:40]))
    limit = values["limit"].strip()
    if kind.unit == "ms":
        threshold = length_ms(limit)
    elif not kind.unit:
        threshold = 0
    else:
        threshold = _whole(limit.removesuffix("%"), sentence("The limit"))
    return Rule(
        id="",
        kind=kind.name,
        queues=values["glob"].strip() or "*",
        threshold=threshold,
        for_ms=length_ms(values["lasts"]),
        severity=values["severity"] or "warn",
        remind_ms=_whole(values["remind"] or "0", sentence("The interval of reminders")),
        name=values["title"],
        job_name=values["job_name"].strip(),
    )


def _whole(text: str, noun: str) -> int:
    text = text.strip().replace(",", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise BadRequestError(sentence("%(noun)s is a whole number, not “%(text)s”.", noun=noun, text=text[:40]))
    return int(text)


def _found(whole: AlertsPage, rule_id: str) -> RuleRow:
    row = next((row for row in whole.rules if row.rule.id == rule_id), None)
    if row is None:
        raise UnknownAlertError
    return row


def _done(said: str, problem: str) -> Response:
    flash(said, "ok")
    if problem:
        flash(audit_missing(), "warn")
    return make_response(redirect(url_for("alerts.index"), 303))
