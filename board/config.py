"""The settings: read once from the environment, checked, then passed on as a value.

Nothing else in the project reads the environment. Every setting is a line of ``SETTINGS`` with its name, unit, default
and what it is for; the reference in the documentation is compared with that table. A value that makes no sense stops
the start with one sentence for each problem, and no sentence ever repeats a password.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from board import setting_values as read
from board.errors import OutboundRefusedError, SettingsError
from board.limits import DEFAULT_LIMITS
from board.outbound.rules import place_for, read_places

__all__ = ["SETTINGS", "Setting", "Settings", "from_environment", "without_secrets"]

DEFAULT_PREFIX = "bull"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a board can be told. ``from_environment`` fills it; tests and hosts build it themselves.

    Attributes:
        redis_url: where Redis is; empty when nothing was said.
        connections: name and address of each further Redis that the board shows.
        secret_key: signs cookies; empty lets the board keep a generated one in Redis.
        prefixes: key prefixes of the queues; the first is the one left out of addresses.
        queues: globs of queue names that may be shown; empty shows all.
        admin_password: password of the first administrator; empty generates one.
        read_only: no action is possible, whoever asks.
        base_path: path under which a proxy passes the board on, without trailing slash.
        host: address to listen on.
        port: port to listen on.
        connection_name: what people call this Redis, shown in every title; empty takes the host of the address.
        namespace: prefix of the board's own keys.
        live_seconds: interval of the live pages, seconds.
        trusted_proxies: how many proxies stand in front and may say who the client is.
        session_hours: longest time a sign-in lasts, hours.
        session_idle_minutes: a sign-in not used for this long ends, minutes.
        redis_timeout_seconds: longest wait for Redis within a page, seconds.
        audit_entries: length the audit log is kept at.
        schemas: file of the schemas of the data of jobs, as ``board.schemas`` reads it; empty for none.
        redact: names of keys, and paths, whose values are hidden besides those that always are.
        proxy_header: header in which a proxy names the person it signed in; empty for none.
        proxy_addresses: networks from which that header is believed.
        proxy_roles: name and role of each person that a proxy may name; the name * is everybody else.
        roles: roles besides the built-in ones, as ``auth.roles.read_roles`` reads them.
        oidc_issuer: the identity provider, exactly as it names itself; empty for none.
        oidc_client_id: what this board is called there.
        oidc_client_secret: what it shows there; empty for a public client.
        oidc_roles: who of those may come in and as what, as ``claims.read_rules`` reads them.
        oidc_scopes: what is asked about the person.
        oidc_name: what people call the provider, for the sign-in page.
        monitor_token: what programs show that read metrics and the health of queues; empty lets none.
        outbound_allow: the only places that the board may call, as ``outbound.rules.read_places`` reads them.
        smtp_url: server that takes the e-mail of alerts, as ``outbound.mail_server`` reads it; empty for none.
        mail_from: address that this e-mail comes from.
        queue_limits: when a queue counts as degraded, as ``limits.read_limits`` reads them.
        workers: processes of the web server.
        threads: threads in each of them.
        language: code of the language that pages speak; empty follows the browser.
    """

    redis_url: str = field(default="", repr=False)
    connections: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secret_key: str = field(default="", repr=False)
    prefixes: tuple[str, ...] = (DEFAULT_PREFIX,)
    queues: tuple[str, ...] = ()
    admin_password: str = field(default="", repr=False)
    read_only: bool = False
    base_path: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    connection_name: str = ""
    namespace: str = "board"
    live_seconds: int = 5
    trusted_proxies: int = 0
    session_hours: int = 12
    session_idle_minutes: int = 120
    redis_timeout_seconds: float = 3.0
    audit_entries: int = 100_000
    schemas: str = ""
    redact: tuple[str, ...] = ()
    proxy_header: str = ""
    proxy_addresses: tuple[str, ...] = ()
    proxy_roles: tuple[tuple[str, str], ...] = ()
    roles: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_roles: str = ""
    oidc_scopes: str = "openid email profile"
    oidc_name: str = "single sign-on"
    monitor_token: str = field(default="", repr=False)
    outbound_allow: str = ""
    smtp_url: str = field(default="", repr=False)
    mail_from: str = ""
    queue_limits: str = DEFAULT_LIMITS
    workers: int = 2
    threads: int = 16
    language: str = ""

    @property
    def default_prefix(self) -> str:
        """The prefix that addresses leave out."""
        return self.prefixes[0]

    @property
    def connection_label(self) -> str:
        """What to call this Redis on a page: its given name, or the host, never credentials."""
        if self.connection_name:
            return self.connection_name
        place = without_secrets(self.redis_url).partition("://")[2].removeprefix("…@")
        host = re.sub(r":\d+$", "", place.partition("/")[0].partition(",")[0])
        return host or place.rpartition("/")[2] or "redis"

    def elsewhere(self) -> dict[str, Settings]:
        """Return by name what holds for each further Redis: all the same but where it is and what it is called."""
        return {
            name: replace(self, redis_url=address, connection_name=name, connections=())
            for name, address in self.connections
        }


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the reference.

    Attributes:
        variable: name in the environment.
        attribute: name in ``Settings``.
        unit: what a value is, in a word or two.
        about: what it is for and why the default is what it is.
        read: turns the text into the value; raises ``ValueError`` with the rest of a sentence that began with the name.
    """

    variable: str
    attribute: str
    unit: str
    about: str
    read: Callable[[str], Any]

    @property
    def default(self) -> Any:
        """The value without the variable."""
        return getattr(Settings(), self.attribute)


def from_environment(environment: Mapping[str, str] | None = None, *, needs_redis: bool = True) -> Settings:
    """Read the settings.

    Args:
        environment: None is that of the process; empty values count as absent.
        needs_redis: whether a missing REDIS_URL is a problem. ``board dev`` brings its own server.

    Raises:
        SettingsError: with a sentence for each problem found.
    """
    environment = os.environ if environment is None else environment
    problems: list[str] = []
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = environment.get(setting.variable, "").strip()
        if not text:
            continue
        try:
            values[setting.attribute] = setting.read(text)
        except ValueError as error:
            problems.append(f"{setting.variable} {error}")
    if needs_redis and "redis_url" not in values and not any(p.startswith("REDIS_URL") for p in problems):
        problems.append("REDIS_URL is not set: say where Redis is, for example redis://localhost:6379/0")
    settings = Settings(**values)
    if settings.namespace in settings.prefixes:
        problems.append(
            f"BOARD_NAMESPACE is {settings.namespace}, a prefix of queues: the board's own keys need another"
        )
    problems += _apart(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def _apart(settings: Settings) -> list[str]:
    """Return a sentence for each setting that makes no sense without another, or beside one."""
    problems = []
    by_proxy = (settings.proxy_header, settings.proxy_addresses, settings.proxy_roles)
    if any(by_proxy) and not all(by_proxy):
        problems.append(
            "BOARD_PROXY_HEADER, BOARD_PROXY_ADDRESSES and BOARD_PROXY_ROLES belong together: "
            "the header, who may send it, and what the people in it may do"
        )
    if bool(settings.smtp_url) != bool(settings.mail_from):
        problems.append("BOARD_SMTP_URL and BOARD_MAIL_FROM belong together: who takes e-mail, and whom it is from")
    by_provider = (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_roles)
    if any(by_provider) and not all(by_provider):
        problems.append(
            "BOARD_OIDC_ISSUER, BOARD_OIDC_CLIENT_ID and BOARD_OIDC_ROLES belong together: "
            "the provider, what the board is called there, and who may come in"
        )
    if settings.oidc_issuer and settings.proxy_header:
        problems.append("BOARD_OIDC_ISSUER and BOARD_PROXY_HEADER are two ways to sign people in: choose one")
    if settings.oidc_issuer:
        try:
            place_for(settings.oidc_issuer, read_places(settings.outbound_allow))
        except OutboundRefusedError as refusal:
            problems.append(f"BOARD_OIDC_ISSUER cannot be called: {refusal}")
    return problems


def without_secrets(url: str) -> str:
    """Return a Redis address fit for a console or a log: user, password and parameters are gone."""
    scheme, separator, rest = url.partition("://")
    if "@" in rest:
        rest = "…@" + rest.rpartition("@")[2]
    return scheme + separator + rest.partition("?")[0]


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "REDIS_URL",
        "redis_url",
        "address",
        "Where Redis is: redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://. "
        "`board serve` needs it; `board dev` starts a server of its own without it.",
        read.redis_url,
    ),
    Setting(
        "BOARD_CONNECTIONS",
        "connections",
        "names and addresses, space-separated",
        "Further Redis servers that this board shows, such as `eu=redis://eu:6379/0 us=rediss://us:6379/0`, "
        "at /c/eu/ and /c/us/. Users, sign-ins and the audit log are in REDIS_URL.",
        read.connections,
    ),
    Setting(
        "BOARD_SECRET_KEY",
        "secret_key",
        "text",
        "Signs cookies. Without it the board generates one and keeps it in Redis, so that all its processes share it. "
        "With it, people can still act, and not only look, when they sign in while Redis is full.",
        read.secret,
    ),
    Setting(
        "BOARD_PREFIX",
        "prefixes",
        "names, comma-separated",
        "Key prefixes of the queues, as their producers set them. The first one is left out of addresses.",
        read.names,
    ),
    Setting(
        "BOARD_QUEUES",
        "queues",
        "globs, comma-separated",
        "Queues that may be shown and changed, such as `billing.*,mail`; all others do not exist here. "
        "Empty shows all.",
        read.names,
    ),
    Setting(
        "BOARD_ADMIN_PASSWORD",
        "admin_password",
        "text",
        "Password of the first administrator, used once, when there is no user yet. "
        "Without it one is generated and printed.",
        read.password,
    ),
    Setting(
        "BOARD_READ_ONLY",
        "read_only",
        "1 or 0",
        "Refuse every action, whoever asks: a board for looking only. Its connection sends no write to a queue.",
        read.flag,
    ),
    Setting(
        "BOARD_BASE_PATH",
        "base_path",
        "path",
        "Path under which a proxy passes the board on without cutting it off, such as /admin/queues.",
        read.path,
    ),
    Setting(
        "BOARD_HOST",
        "host",
        "address",
        "Address to listen on. Only this machine reaches the default; a container says 0.0.0.0.",
        read.label,
    ),
    Setting("PORT", "port", "number", "Port to listen on.", read.whole(1, 65_535)),
    Setting(
        "BOARD_CONNECTION_NAME",
        "connection_name",
        "text",
        "What people call this Redis, such as production: in the sidebar, in every title and at sign-in. "
        "Without it the host of the address.",
        read.label,
    ),
    Setting(
        "BOARD_NAMESPACE",
        "namespace",
        "name",
        "Prefix of the board's own keys: users, sessions, audit log. Two boards on one Redis need two.",
        read.word,
    ),
    Setting(
        "BOARD_LIVE_SECONDS",
        "live_seconds",
        "seconds",
        "Interval at which open pages refresh; a refresh costs two round trips to Redis.",
        read.whole(1, 3600),
    ),
    Setting(
        "BOARD_TRUSTED_PROXIES",
        "trusted_proxies",
        "number",
        "How many proxies in front may say who the client is (X-Forwarded-For, -Proto, -Host, -Prefix). "
        "0 believes nobody; a number too high lets clients lie.",
        read.whole(0, 10),
    ),
    Setting(
        "BOARD_SESSION_HOURS",
        "session_hours",
        "hours",
        "Longest time a sign-in lasts: one working day.",
        read.whole(1, 24 * 30),
    ),
    Setting(
        "BOARD_SESSION_IDLE_MINUTES",
        "session_idle_minutes",
        "minutes",
        "A sign-in not used for this long ends. A page that refreshes by itself counts as use.",
        read.whole(1, 60 * 24 * 30),
    ),
    Setting(
        "BOARD_REDIS_TIMEOUT_SECONDS",
        "redis_timeout_seconds",
        "seconds",
        "Longest wait for Redis within a page; after that the page says that Redis is away.",
        read.seconds,
    ),
    Setting(
        "BOARD_AUDIT_ENTRIES",
        "audit_entries",
        "entries",
        "Length the audit log is kept at; the oldest go first.",
        read.whole(100, 10_000_000),
    ),
    Setting(
        "BOARD_SCHEMAS",
        "schemas",
        "path of a file",
        "JSON file that says what the data of jobs must be: a list of entries such as "
        '`{"queue": "mail", "job": "welcome", "schema": {…}}`, with globs of queues and job names, and a JSON Schema '
        "or the name of a file beside it. Read at the start; the first entry that fits a job decides.",
        read.schemas,
    ),
    Setting(
        "BOARD_REDACT",
        "redact",
        "names and paths, comma-separated",
        "Values to hide in what jobs carry besides passwords, tokens and the like: names of keys such as `phone`, and "
        "paths such as `customer.email` or `*.card`.",
        read.names,
    ),
    Setting(
        "BOARD_PROXY_HEADER",
        "proxy_header",
        "name of a header",
        "Header in which a proxy names the person that it signed in, such as X-Forwarded-User. "
        "The board then has no users of its own.",
        read.header,
    ),
    Setting(
        "BOARD_PROXY_ADDRESSES",
        "proxy_addresses",
        "addresses, comma-separated",
        "Addresses or networks of that proxy, such as 10.0.0.7 or 10.0.1.0/28. From others the header is nothing.",
        read.networks,
    ),
    Setting(
        "BOARD_PROXY_ROLES",
        "proxy_roles",
        "names and roles, space-separated",
        "What the people in that header may do, such as `ann=admin bob=operator *=viewer`; names are compared whole, "
        "in any case. Without `*` nobody else gets in.",
        read.people,
    ),
    Setting(
        "BOARD_ROLES",
        "roles",
        "roles",
        "Roles besides the built-in ones, such as `support: viewer@* operator@billing.*,mail; auditor: view+audit@*`: "
        "names, each with permissions or a built-in role and, after @, globs of the queues they are for.",
        str,
    ),
    Setting(
        "BOARD_OIDC_ISSUER",
        "oidc_issuer",
        "address",
        "Identity provider that people sign in at by OpenID Connect, as it names itself, such as "
        "https://idp.example.com; BOARD_OUTBOUND_ALLOW has to name its host. Needs the extra `oidc`.",
        read.issuer,
    ),
    Setting("BOARD_OIDC_CLIENT_ID", "oidc_client_id", "text", "What this board is called at the provider.", read.label),
    Setting(
        "BOARD_OIDC_CLIENT_SECRET",
        "oidc_client_secret",
        "text",
        "What the board shows the provider when it redeems a code; without it, it is a public client.",
        str,
    ),
    Setting(
        "BOARD_OIDC_ROLES",
        "oidc_roles",
        "rules, comma-separated",
        "Who may come in and as what, such as `sub:248289761001=admin, email:ann@example.com=operator, "
        "groups:staff=viewer`: claims and values, compared whole; the first rule that fits decides, without one nobody "
        "gets in. `*=viewer` is everybody the provider knows.",
        read.rules,
    ),
    Setting(
        "BOARD_OIDC_SCOPES",
        "oidc_scopes",
        "names, space-separated",
        "What is asked about the person. Some providers tell groups only when asked for `groups`.",
        read.scopes,
    ),
    Setting(
        "BOARD_OIDC_NAME",
        "oidc_name",
        "text",
        "What people call the provider: the button on the sign-in page says `Sign in with` and this.",
        read.label,
    ),
    Setting(
        "BOARD_MONITOR_TOKEN",
        "monitor_token",
        "text",
        "What Prometheus and pagers show as `Authorization: Bearer …` at /metrics and /health/queues. "
        "Without it no program may read them.",
        read.secret,
    ),
    Setting(
        "BOARD_OUTBOUND_ALLOW",
        "outbound_allow",
        "hosts, comma-separated",
        "The only places that the board itself may call, besides Redis: hosts such as `hooks.example.com`, "
        "compared whole. Over TLS unless written `http://alerts:9093`, "
        "at public addresses unless `=private` or a network follows.",
        read.outbound,
    ),
    Setting(
        "BOARD_SMTP_URL",
        "smtp_url",
        "address",
        "Server that takes the e-mail of alerts: `smtp://user:password@mail.example.com:587`, with STARTTLS where the "
        "server offers it, or `smtps://`. A password is never sent without TLS. Without it no alert goes by e-mail.",
        read.mail_server,
    ),
    Setting(
        "BOARD_MAIL_FROM",
        "mail_from",
        "address",
        "Address that the e-mail of alerts comes from, such as board@example.com.",
        read.mail_address,
    ),
    Setting(
        "BOARD_QUEUE_LIMITS",
        "queue_limits",
        "limits",
        "When /health/queues calls a queue degraded: globs, each with limits of `waiting` jobs, wait of the `oldest`, "
        "`failed` jobs, their `share` in percent and fewest `workers`; the first glob that fits counts.",
        read.limits,
    ),
    Setting(
        "BOARD_LANGUAGE",
        "language",
        "code of a language",
        "Language of the pages for everybody, `en` or `de`. "
        "Empty gives each person the first of the board's languages that their browser asks for.",
        read.language,
    ),
    Setting("BOARD_WORKERS", "workers", "processes", "Processes of `board serve`.", read.whole(1, 64)),
    Setting("BOARD_THREADS", "threads", "threads", "Threads in each process of `board serve`.", read.whole(1, 512)),
)
"""The reference, in the order a newcomer needs it."""

_covered = {setting.attribute for setting in SETTINGS}
if _covered != {known.name for known in fields(Settings)}:  # pragma: no cover - a slip of ours, seen at import
    raise AssertionError(f"SETTINGS and Settings differ: {_covered ^ {known.name for known in fields(Settings)}}")
