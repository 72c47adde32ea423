"""Checks of the server and of this installation, one named check a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from board.audit import verify
from board.config import Settings
from board.doctor.finding import Finding, Verdict
from board.doctor.leftovers import look_for_leftovers
from board.engine.calls import Call
from board.resources import ResourceMissingError, require_browser_code
from board.service import Service
from board.spans import in_unit, percentage
from board.words import Count, Sentence, clauses, sentence, sentences

__all__ = ["CHECKS", "Patient", "browser_code"]

OLDEST_REDIS = (6, 2)
OLDEST_VALKEY = (7, 2)
SLOW_MS = 20.0
"""A round trip longer than this makes every page and every job wait noticeably."""

MOST_BEHIND_BYTES = 10 * 2**20
MOST_LAG_SECONDS = 10
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANYWHERE = ("0.0.0.0/0", "::/0")

CHAINED_ENTRIES = 1_000
"""Newest audit entries whose chain is checked."""


@dataclass(frozen=True, slots=True)
class Patient:
    """What the checks look at."""

    settings: Settings
    service: Service
    info: dict[str, str]
    latency_ms: float


def browser_code() -> Finding:
    """Whether templates, styles and htmx are part of the installation."""
    try:
        require_browser_code()
    except ResourceMissingError as missing:
        return Finding("installation", Verdict.FAILURE, str(missing), sentence("Install the package again."))
    return Finding("installation", Verdict.OK, sentence("templates, styles and htmx are there"))


def answers(patient: Patient) -> Finding:
    """How long Redis takes to answer."""
    told = sentence("Redis answers in %(time)s", time=in_unit(f"{patient.latency_ms:.1f}", "ms"))
    if patient.latency_ms > SLOW_MS:
        return Finding("redis", Verdict.WARNING, told, sentence("Run the board and the workers near to Redis."))
    return Finding("redis", Verdict.OK, told)


def version(patient: Patient) -> Finding:
    """Whether the server is new enough for the engine's scripts."""
    is_valkey = "valkey_version" in patient.info
    text = patient.info.get("valkey_version") or patient.info.get("redis_version", "")
    oldest = OLDEST_VALKEY if is_valkey else OLDEST_REDIS
    name = "Valkey" if is_valkey else "Redis"
    numbers = tuple(int(part) for part in text.split(".")[:2] if part.isdecimal())
    if len(numbers) == 2 and numbers >= oldest:
        return Finding("version", Verdict.OK, f"{name} {text}")
    least = ".".join(str(part) for part in oldest)
    return Finding(
        "version",
        Verdict.FAILURE,
        f"{name} {text}" if text else sentence("%(product)s of unknown version", product=name),
        sentence("At least %(version)s is needed.", version=least),
    )


def eviction(patient: Patient) -> Finding:
    """Whether Redis may throw jobs away when memory is full."""
    policy = patient.info.get("maxmemory_policy", "unknown")
    if policy == "noeviction":
        return Finding("eviction", Verdict.OK, sentence("maxmemory-policy is noeviction"))
    return Finding(
        "eviction",
        Verdict.FAILURE,
        sentence("maxmemory-policy is %(policy)s: Redis may throw jobs away when its memory is full", policy=policy),
        sentence("CONFIG SET maxmemory-policy noeviction, and the same line in redis.conf."),
        commands=("CONFIG SET maxmemory-policy noeviction", "CONFIG REWRITE"),
    )


def persistence(patient: Patient) -> Finding:
    """Whether jobs outlive a crash of the server."""
    if patient.info.get("aof_enabled") == "1":
        if patient.info.get("aof_last_write_status", "ok") != "ok":
            return Finding(
                "persistence",
                Verdict.FAILURE,
                sentence("the append-only file cannot be written"),
                sentence("Look at the disk."),
            )
        return Finding("persistence", Verdict.OK, sentence("append-only file"))
    return Finding(
        "persistence",
        Verdict.WARNING,
        sentence("no append-only file: a crash loses all jobs since the last snapshot"),
        sentence("CONFIG SET appendonly yes, and the same line in redis.conf."),
        commands=("CONFIG SET appendonly yes", "CONFIG REWRITE"),
    )


def memory(patient: Patient) -> Finding:
    """Whether there is room for more jobs."""
    used, limit = (int(patient.info.get(name, "0")) for name in ("used_memory", "maxmemory"))
    if not limit:
        return Finding("memory", Verdict.OK, sentence("%(used)s MB used, no limit set", used=_megabytes(used)))
    share = used / limit
    told = sentence(
        "%(used)s of %(limit)s MB used (%(share)s)",
        used=_megabytes(used),
        limit=_megabytes(limit),
        share=percentage(100 * share, is_exact=True),
    )
    if share >= 0.9:
        return Finding("memory", Verdict.FAILURE, told, sentence("Raise maxmemory, or keep fewer finished jobs."))
    if share >= 0.75:
        return Finding("memory", Verdict.WARNING, told, sentence("Raise maxmemory soon, or keep fewer finished jobs."))
    return Finding("memory", Verdict.OK, told)


def writable(patient: Patient) -> Finding:
    """Whether this server takes actions."""
    if patient.info.get("role", "master") == "master":
        return Finding("role", Verdict.OK, sentence("this is a primary: it takes writes"))
    return Finding(
        "role",
        Verdict.WARNING,
        sentence("this is a replica: looking works, actions do not"),
        sentence("Point REDIS_URL at the primary."),
    )


def queues(patient: Patient) -> Finding:
    """Whether any queue is found under the configured prefixes."""
    found = patient.service.sources.list()
    prefixes = ", ".join(patient.settings.prefixes)
    if found.queues:
        return Finding(
            "queues",
            Verdict.OK,
            sentences(
                "%(n)s queue under %(prefixes)s",
                "%(n)s queues under %(prefixes)s",
                len(found.queues),
                prefixes=prefixes,
            ),
        )
    return Finding(
        "queues",
        Verdict.WARNING,
        sentence("no queue is found under %(prefixes)s", prefixes=prefixes),
        sentence("Set BOARD_PREFIX to the prefix of your producers, and check BOARD_QUEUES."),
    )


def users(patient: Patient) -> Finding:
    """Whether anybody can sign in."""
    count = len(patient.service.users.all())
    if count:
        return Finding("users", Verdict.OK, sentences("%(n)s user", "%(n)s users", count))
    return Finding(
        "users", Verdict.WARNING, sentence("no user yet"), sentence("The first start of `board serve` makes one.")
    )


def audit(patient: Patient) -> Finding:
    """Whether the newest entries of the audit log are as they were written."""
    own = patient.service
    entries = own.audit_connection.call(own.audit.read(None, CHAINED_ENTRIES))
    broken = verify(entries)
    if broken is None:
        return Finding("audit", Verdict.OK, sentence("the newest %(n)s entries fit together", n=Count(len(entries))))
    return Finding(
        "audit",
        Verdict.FAILURE,
        sentence("entry %(id)s does not fit the one before", id=broken),
        sentence("Somebody changed the log."),
    )


def replica(patient: Patient) -> Finding:
    """Whether another server could take over when this one is lost."""
    count = int(patient.info.get("connected_slaves", "0"))
    if patient.info.get("cluster_enabled") == "1" or patient.info.get("role", "master") != "master":
        return Finding("replica", Verdict.OK, sentence("part of a cluster, or a replica itself"))
    if count:
        return Finding("replica", Verdict.OK, sentences("%(n)s replica", "%(n)s replicas", count))
    return Finding(
        "replica",
        Verdict.WARNING,
        sentence("no replica: queues stand still while this server is down"),
        sentence("Add one, with Sentinel."),
    )


def clients(patient: Patient) -> Finding:
    """Whether there is room for more connections."""
    count, most = (int(patient.info.get(name, "0")) for name in ("connected_clients", "maxclients"))
    told = sentences("%(n)s connection", "%(n)s connections", count, n=Count(count))
    if most:
        told = sentence("%(n)s of %(most)s connections", n=Count(count), most=Count(most))
    if most and count / most >= 0.8:
        return Finding(
            "connections", Verdict.WARNING, told, sentence("Raise maxclients, or look for clients that leak.")
        )
    return Finding("connections", Verdict.OK, told)


def blocked_clients(patient: Patient) -> Finding:
    """Whether connections that wait, as those of workers do, leave room for others."""
    count, most = (int(patient.info.get(name, "0")) for name in ("blocked_clients", "maxclients"))
    if most and count / most >= 0.5:
        return Finding(
            "blocked clients",
            Verdict.WARNING,
            sentence("%(n)s wait for jobs: half of all connections that there may be", n=Count(count)),
            sentence("Raise maxclients, or run fewer workers with more concurrency."),
        )
    return Finding("blocked clients", Verdict.OK, sentence("%(n)s wait for jobs", n=Count(count)))


def replica_lag(patient: Patient) -> Finding:
    """Whether the replicas have what the primary has: what they lack is lost with it."""
    name = "replica lag"
    if patient.info.get("role", "master") != "master":
        silent = int(patient.info.get("master_last_io_seconds_ago", "0"))
        if patient.info.get("master_link_status", "up") != "up" or silent > MOST_LAG_SECONDS:
            return Finding(
                name,
                Verdict.FAILURE,
                sentence("this replica hears nothing of its primary"),
                sentence("Look at the network."),
            )
        return Finding(name, Verdict.OK, sentence("this replica hears of its primary"))
    written = int(patient.info.get("master_repl_offset", "0"))
    late = list[Sentence]()
    for number in range(int(patient.info.get("connected_slaves", "0"))):
        about = _replica(patient.info.get(f"slave{number}", ""))
        behind = max(0, written - int(about.get("offset", "0")))
        lag = int(about.get("lag", "0"))
        if about.get("state", "online") != "online":
            late.append(sentence("%(address)s is not online", address=about.get("ip", "?")))
        elif behind > MOST_BEHIND_BYTES or lag > MOST_LAG_SECONDS:
            late.append(
                sentence(
                    "%(address)s is %(size)s MB behind, last heard of %(seconds)s s ago",
                    address=about.get("ip", "?"),
                    size=f"{behind / 2**20:,.1f}",
                    seconds=lag,
                )
            )
    if late:
        return Finding(
            name, Verdict.WARNING, clauses(late[:3]), sentence("Look at the load and the network of the replica.")
        )
    return Finding(name, Verdict.OK, sentence("no replica is behind"))


def slow_commands(patient: Patient) -> Finding:
    """Whether anything has kept the server from answering for a tenth of a second."""
    slow = patient.service.connection.call(Call(("SLOWLOG", "GET", 32), _durations_ms, writes=False))
    worst = max(slow, default=0.0)
    if worst >= 100:
        return Finding(
            "slow commands",
            Verdict.WARNING,
            sentence("the longest of those remembered took %(n)s ms", n=Count(round(worst))),
            sentence("SLOWLOG GET names it; KEYS and large ranges are the usual ones."),
        )
    return Finding(
        "slow commands",
        Verdict.OK,
        sentence("none of those remembered took longer than %(n)s ms", n=Count(round(worst))),
    )


def shielded(patient: Patient) -> Finding:
    """Whether strangers in the network can read along or connect."""
    url = patient.settings.redis_url
    place = url.partition("://")[2]
    if url.startswith("unix") or place.rpartition("@")[2].startswith(("localhost", "127.", "[::1]")):
        return Finding("network", Verdict.OK, sentence("Redis is on this machine"))
    is_encrypted, has_password = url.startswith("rediss"), "@" in place
    if not is_encrypted or not has_password:
        told = sentence("the connection is not encrypted and without a password")
        if is_encrypted:
            told = sentence("the connection is without a password")
        elif has_password:
            told = sentence("the connection is not encrypted")
        return Finding(
            "network",
            Verdict.WARNING,
            told,
            sentence("Use rediss:// and a Redis user of the board's own."),
        )
    return Finding("network", Verdict.OK, sentence("encrypted, with a password"))


def exposed(patient: Patient) -> Finding:
    """Whether the dashboard can be reached past whoever is to protect it."""
    settings = patient.settings
    if any(network in ANYWHERE for network in settings.proxy_addresses):
        return Finding(
            "exposure",
            Verdict.FAILURE,
            sentence(
                "the header %(header)s is believed from every address: anybody may say who they are",
                header=settings.proxy_header,
            ),
            sentence("Set BOARD_PROXY_ADDRESSES to the addresses of the proxy."),
        )
    if settings.host not in LOOPBACK and not settings.trusted_proxies:
        return Finding(
            "exposure",
            Verdict.WARNING,
            sentence("it listens for other machines with no proxy in front, so passwords may travel unencrypted"),
            sentence("Put a proxy with TLS in front, and set BOARD_TRUSTED_PROXIES."),
        )
    return Finding("exposure", Verdict.OK, sentence("everybody signs in, on this machine or behind a proxy"))


def leftovers(patient: Patient) -> Finding:
    """Whether jobs are left that are in no state, which nobody will ever run, show or remove."""
    return look_for_leftovers(patient.service.connection, patient.service.sources.list().queues)


def _replica(text: str) -> dict[str, str]:
    """Read what INFO says of one replica, as text or as redis-py parses it."""
    parts = text.strip("{}").replace("'", "").replace(": ", "=").split(",")
    return {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in parts)}


def _megabytes(number: int) -> Count:
    return Count(round(number / 2**20))


def _durations_ms(reply: object) -> list[float]:
    """Read how long each took, as Redis answers or as redis-py parses it."""
    entries = reply if isinstance(reply, list) else []
    return [(one["duration"] if isinstance(one, dict) else one[2]) / 1000 for one in entries]


CHECKS: tuple[Callable[[Patient], Finding], ...] = (
    answers,
    version,
    eviction,
    persistence,
    memory,
    writable,
    replica,
    replica_lag,
    clients,
    blocked_clients,
    slow_commands,
    shielded,
    exposed,
    leftovers,
    queues,
    users,
    audit,
)
"""In the order they are told, after the check of the installation."""
