"""The board's own Redis keys; nowhere else is one of them spelled.

They share a prefix (``board`` unless BOARD_NAMESPACE says otherwise) and never touch a queue's keys. Most operations
need one of them at a time, so a cluster asks for no hash tag; keys that are written together carry one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

__all__ = ["Namespace", "digest"]


def digest(secret: str) -> str:
    """Return what Redis holds of a secret: enough to find it by, nothing to sign in with."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Namespace:
    """The keys under one prefix."""

    prefix: str = "board"

    @property
    def users(self) -> str:
        """Hash: user name to its record, JSON."""
        return f"{self.prefix}:users"

    @property
    def secret(self) -> str:
        """String: the generated key that signs cookies, when the environment gives none."""
        return f"{self.prefix}:secret"

    @property
    def audit(self) -> str:
        """Stream: who did what."""
        return f"{self.prefix}:audit"

    @property
    def seeded(self) -> str:
        """Hash: what ``board seed`` wrote, so that it recognises its own data."""
        return f"{self.prefix}:seeded"

    @property
    def held_schedulers(self) -> str:
        """Hash: job schedulers that a person paused, as JSON, by the base of their queue and their id."""
        return f"{self.prefix}:held-schedulers"

    @property
    def accepted(self) -> str:
        """Hash: name of a check to who lets its finding stay, and until when, as JSON."""
        return f"{self.prefix}:accepted"

    @property
    def seen(self) -> str:
        """Hash: user name to when the board last saw them, ms."""
        return f"{self.prefix}:seen"

    @property
    def tokens(self) -> str:
        """Hash: digest of an API token to its record, JSON."""
        return f"{self.prefix}:tokens"

    @property
    def tokens_used(self) -> str:
        """Hash: digest of an API token to when it was last used, ms."""
        return f"{self.prefix}:tokens-used"

    def preferences(self, name: str) -> str:
        """Return the hash of what a person set for themselves."""
        return f"{self.prefix}:preferences:{hashlib.sha256(name.encode()).hexdigest()[:32]}"

    @property
    def shared_filters(self) -> str:
        """Hash: name of a filter that all see to what it is, JSON."""
        return f"{self.prefix}:filters"

    @property
    def paused_by(self) -> str:
        """Hash: base of a queue to who paused it with this board."""
        return f"{self.prefix}:paused-by"

    def signed_in(self, name: str) -> str:
        """Return the sorted set of a user's sign-ins: their digests, by when they were made."""
        return f"{self.prefix}:signed-in:{hashlib.sha256(name.encode()).hexdigest()[:32]}"

    def session(self, session_id: str) -> str:
        """Return the key of a sign-in. Redis holds only the digest, so reading Redis yields no cookie."""
        return self.session_of(digest(session_id))

    def session_of(self, digest: str) -> str:
        """Return the key of the sign-in with this digest."""
        return f"{self.prefix}:session:{digest}"

    def used_nonce(self, nonce: str) -> str:
        """Return the key that says that a sign-in at an identity provider was made with this nonce."""
        return f"{self.prefix}:nonce:{digest(nonce)}"

    def failures(self, kind: str, whom: str) -> str:
        """Return the key that counts failed sign-ins; hashed, so that a long or strange name costs nothing."""
        return f"{self.prefix}:failures:{kind}:{hashlib.sha256(whom.encode()).hexdigest()[:32]}"

    def lease(self, name: str) -> tuple[str, str]:
        """Return two keys of a lease: the string that says who has it, and the counter of its fencing numbers."""
        return f"{self.prefix}:lease:{{{name}}}:holder", f"{self.prefix}:lease:{{{name}}}:fence"

    def bulk(self, kind: str, run_id: str = "") -> str:
        """Return a key of the bulk runs, all in one slot: open and all, or run, results and ids of one."""
        return f"{self.prefix}:{{bulk}}:{kind}" + (f":{run_id}" if run_id else "")

    @property
    def history(self) -> str:
        """Return what every key of the recorder begins with; one slot, as they are written together."""
        return f"{self.prefix}:{{history}}:"

    @property
    def alerts(self) -> str:
        """Return what every key of the alerts begins with; one slot, their messages' queue included."""
        return f"{self.prefix}:{{alerts}}:"
