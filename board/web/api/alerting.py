"""Alerts for programs: what fires, rules with their trial, silences and channels; no answer tells a kept secret."""

from __future__ import annotations

from dataclasses import dataclass

from board.actions import alerts as actions
from board.alerts.channels import CHANNEL_KINDS, Channel
from board.alerts.rules import KINDS, SEVERITIES, Rule, checked
from board.alerts.sentences import sentence_of
from board.alerts.trial import Episode
from board.auth.policy import Permission
from board.queries.alerts import AlertsPage, ChannelRow, FiringRow, PastRow, RuleRow, SilenceRow
from board.web.api.operations import Field, operation, query, read_body
from board.web.state import actor, board, insist
from board.web.views.alerts import trial, whole_page

__all__ = [
    "AlertList",
    "AlertMade",
    "AlertTrial",
    "alert_history",
    "alert_trial",
    "alerts",
    "end_silence",
    "make_channel",
    "put_rule",
    "remove_channel",
    "remove_rule",
    "silence_alerts",
    "test_channel",
]

YEAR_MS = 366 * 86_400_000
RULE = {
    "watch": Field("text", "what is looked at", choices=tuple(KINDS), needed=True),
    "queues": Field("text", "name or glob of queues; empty for all"),
    "limit": Field("whole", "from where on it is too much, or too little; times in ms"),
    "for_ms": Field("whole", "how long it must last", high=YEAR_MS),
    "severity": Field("text", "how bad it is; empty is warn", choices=("", *SEVERITIES)),
    "job_name": Field("text", "only jobs of this name, for absent"),
}
KEPT = RULE | {
    "id": Field("text", "of the rule to change; empty makes a new one"),
    "title": Field("text", "what people call it"),
    "remind_ms": Field("whole", "how often it is told again while it lasts; 0 for never", high=YEAR_MS),
    "channels": Field("texts", "ids of the channels to tell", high=10),
}


@dataclass(frozen=True, slots=True)
class AlertList:
    """What fires, the rules, silences and channels; ``looked_at_ms`` is when the queues were last looked at."""

    firing: tuple[FiringRow, ...]
    pending: int
    rules: tuple[RuleRow, ...]
    silences: tuple[SilenceRow, ...]
    channels: tuple[ChannelRow, ...]
    undelivered: int
    looked_at_ms: int | None
    late: bool


@dataclass(frozen=True, slots=True)
class AlertHistory:
    """The latest changes, newest first."""

    changes: tuple[PastRow, ...]


@dataclass(frozen=True, slots=True)
class AlertTrial:
    """How often a rule would have fired in the last seven days; ``problem`` says why it could not be tried."""

    rule: str
    sentence: str
    problem: str
    times: int
    total_ms: int
    episodes: tuple[Episode, ...]
    since_ms: int | None
    queues: int
    left_out: int


@dataclass(frozen=True, slots=True)
class AlertMade:
    """What was made, kept or ended; ``secret`` is of a webhook without one, and told only now."""

    id: str
    secret: str
    recorded: bool


@operation("GET", "/alerts", result=AlertList)
def alerts() -> AlertList:
    """Tell what fires now, and what is watched."""
    page = whole_page()
    return AlertList(
        page.firing,
        page.pending,
        page.rules,
        page.silences,
        page.channels,
        page.undelivered,
        page.looked_ms,
        page.late,
    )


@operation("GET", "/alerts/history", result=AlertHistory)
def alert_history() -> AlertHistory:
    """List the latest alerts that fired and were resolved."""
    page: AlertsPage = whole_page()
    return AlertHistory(page.past)


@operation("GET", "/alerts/trial", result=AlertTrial, query=RULE)
def alert_trial() -> AlertTrial:
    """Try a rule on the recorded week, without keeping it."""
    insist(Permission.ALERT, action="try alert")
    rule = checked(_rule(query()))
    found = trial(rule)
    return AlertTrial(
        sentence_of(rule),
        found.sentence,
        found.problem,
        found.times,
        found.total_ms,
        found.episodes,
        found.since_ms,
        found.queues,
        found.left_out,
    )


@operation("POST", "/alerts/rules", result=AlertMade, body=KEPT)
def put_rule() -> AlertMade:
    """Make a rule, or change one."""
    own, asked = board(), read_body()
    return _made(actions.save_rule(own.desk, actor(), own.alerts, _rule(asked)))


@operation("POST", "/alerts/rules/<rule>/remove", result=AlertMade)
def remove_rule(rule: str) -> AlertMade:
    """Remove a rule; what fires by it ends without a word."""
    own = board()
    return AlertMade(rule, "", not actions.remove_rule(own.desk, actor(), own.alerts, rule))


@operation(
    "POST",
    "/alerts/silences",
    result=AlertMade,
    body={
        "rule": Field("text", "id of a rule; empty for all"),
        "queues": Field("text", "name or glob of queues", needed=True),
        "length_ms": Field("whole", "how long", low=60_000, high=31 * 86_400_000, needed=True),
        "why": Field("text", "reason, for others to read"),
    },
)
def silence_alerts() -> AlertMade:
    """Let nothing be told for a time."""
    own, asked = board(), read_body()
    return _made(
        actions.silence(
            own.desk,
            actor(),
            own.alerts,
            asked["rule"],
            asked["queues"],
            length_ms=asked["length_ms"],
            why=asked["why"],
        )
    )


@operation("POST", "/alerts/silences/<silence>/end", result=AlertMade)
def end_silence(silence: str) -> AlertMade:
    """Let messages go out again."""
    own = board()
    return AlertMade(silence, "", not actions.end_silence(own.desk, actor(), own.alerts, silence))


@operation(
    "POST",
    "/alerts/channels",
    result=AlertMade,
    body={
        "name": Field("text", "what people call it", needed=True),
        "kind": Field("text", "what it is", choices=tuple(CHANNEL_KINDS), needed=True),
        "target": Field("text", "address of a webhook, or of people, separated by commas", needed=True),
        "secret": Field("text", "signs what goes to a webhook; empty makes one, told in the answer"),
    },
)
def make_channel() -> AlertMade:
    """Keep a channel; its address and secret are not told again."""
    own, asked = board(), read_body()
    channel = Channel("", asked["name"], asked["kind"], asked["target"], asked["secret"])
    return _made(actions.make_channel(own.desk, actor(), own.alerts, channel))


@operation("POST", "/alerts/channels/<channel>/remove", result=AlertMade)
def remove_channel(channel: str) -> AlertMade:
    """Remove a channel."""
    own = board()
    return AlertMade(channel, "", not actions.remove_channel(own.desk, actor(), own.alerts, channel))


@operation("POST", "/alerts/channels/<channel>/test", result=AlertMade)
def test_channel(channel: str) -> AlertMade:
    """Send a test message; an answer without an error says that it was taken."""
    own = board()
    label = own.settings.connection_label
    problem = actions.test_channel(own.desk, actor(), own.alerts, own.courier, channel, connection=label)
    return AlertMade(channel, "", not problem)


def _rule(asked: dict[str, object]) -> Rule:
    values = {name: asked.get(name) for name in KEPT}
    channels = values["channels"]
    return Rule(
        id=str(values["id"] or ""),
        kind=str(values["watch"] or ""),
        queues=str(values["queues"] or "*"),
        threshold=_whole(values["limit"]),
        for_ms=_whole(values["for_ms"]),
        severity=str(values["severity"] or "warn"),
        remind_ms=_whole(values["remind_ms"]),
        channels=tuple(map(str, channels)) if isinstance(channels, tuple) else (),
        name=str(values["title"] or ""),
        job_name=str(values["job_name"] or ""),
    )


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _made(made: actions.Made) -> AlertMade:
    return AlertMade(made.id, made.secret, not made.audit_problem)
