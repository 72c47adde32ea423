"""The texts of the demo data: errors with their stack traces, and names that attack a careless page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["FAILURES", "HOSTILE_JOBS", "HOSTILE_QUEUE", "Failure"]


@dataclass(frozen=True, slots=True)
class Failure:
    """How a job failed.

    Attributes:
        name: class of the error.
        message: with ``{number}`` and ``{attempt}`` where they vary.
        frames: of the stack, innermost first, as Node writes them.
    """

    name: str
    message: str
    frames: tuple[str, ...]

    def stack(self, number: int, attempt: int) -> str:
        """Return the stack trace of one attempt."""
        head = f"{self.name}: {self.message.format(number=number, attempt=attempt)}"
        return "\n".join((head, *(f"    at {frame}" for frame in self.frames)))


NODE = (
    "processTicksAndRejections (node:internal/process/task_queues:95:5)",
    "async Worker.processJob (/srv/app/node_modules/bullmq/dist/cjs/classes/worker.js:512:28)",
)

FAILURES: dict[str, Failure] = {
    "smtp": Failure(
        "SmtpError",
        "550 5.1.1 recipient customer-{number}@example.invalid rejected",
        ("SmtpClient.send (/srv/app/src/mail/smtp.js:88:13)", "deliver (/srv/app/src/mail/deliver.js:31:18)", *NODE),
    ),
    "gateway": Failure(
        "GatewayTimeoutError",
        "no answer from the payment gateway to request {number}-{attempt}",
        (
            "Timeout.onTimeout (/srv/app/src/billing/gateway.js:142:15)",
            "chargeCard (/srv/app/src/billing/charge.js:57:22)",
            *NODE,
        ),
    ),
    "declined": Failure(
        "CardDeclinedError",
        "the card was declined: insufficient_funds",
        ("refund (/srv/app/src/billing/refund.js:24:11)", *NODE),
    ),
    "memory": Failure(
        "RangeError",
        "Invalid string length",
        ("renderLines (/srv/app/src/billing/pdf.js:203:30)", "render (/srv/app/src/billing/pdf.js:41:9)", *NODE),
    ),
    "hook": Failure(
        "FetchError",
        "POST https://example.org/hooks/{number} answered 503",
        ("deliver (/srv/app/src/hooks/deliver.js:19:11)", *NODE),
    ),
    "codec": Failure(
        "CodecError",
        "unsupported pixel format yuv444p12le in segment {number}",
        ("probe (/srv/app/src/media/probe.js:77:9)", "transcode (/srv/app/src/media/transcode.js:120:14)", *NODE),
    ),
    "render": Failure(
        "PuppeteerTimeoutError",
        "page of report {number} was not rendered after 300000 ms",
        ("Page.pdf (/srv/app/src/reports/render.js:66:17)", "nightly (/srv/app/src/reports/nightly.js:21:9)", *NODE),
    ),
    "hostile": Failure(
        "<img src=x onerror=alert(1)>",
        "</pre><script>alert('failed reason')</script>",
        ("\"><svg onload=alert(1)> (/srv/app/'><b>.js:1:1)", *NODE),
    ),
}

HOSTILE_QUEUE = "odd~names/<b>50%</b> & co"
"""A queue name with all that addresses and HTML take for their own."""

HOSTILE_JOBS: tuple[tuple[str, str, Any], ...] = (
    (
        "<script>alert(1)</script>",
        "<script>alert('name')</script>",
        {"html": "</script><script>alert('data')</script>"},
    ),
    ("a/b?c=d#e%2Ff g", '" autofocus onfocus="alert(1)', {"attribute": "' onmouseover='alert(1)"}),
    ("../../audit", "../..", {"path": "../../../etc/passwd"}),
    ("..", "javascript:alert(1)", {"link": "javascript:alert(1)"}),
    ("100%25", "{{ 7 * 7 }}{% raw %}", {"template": "{{ config }}", "python": "${7*7}"}),
    ("注文-🚀-Ünïcode", "لوحة \u202egnirts desrever", {"text": "\u2028line\u2029separators\u0000nul"}),
    (" spaces  inside ", "tab\tnew\nline\rreturn", {"blank": "   ", "deep": [[[[[[[[[["down"]]]]]]]]]]}),
    ("=HYPERLINK(1)", "@SUM(1+1)", {"__proto__": {"polluted": True}, "constructor": "x"}),
)
"""Job id, name and data. None of them may become anything but text."""
