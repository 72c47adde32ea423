"""Sign-in by OpenID Connect: authorization code with PKCE, state and nonce; authlib and joserfc do the cryptography.

::

    browser             board                                   provider
       │  button          │                                        │
       ├─────────────────►│ state, nonce, verifier → own cookie    │
       │◄─────────────────┤ redirect, with the verifier's digest   │
       ├──────────────────┼───────────────────────────────────────►│ who are you?
       │◄─────────────────┼────────────────────────────────────────┤ redirect with code and state
       ├─────────────────►│ state as in the cookie?                │
       │                  ├─ code, verifier, client's secret ─────►│
       │                  │◄──────────────────────────── ID token ─┤
       │                  │ signature, issuer, audience, times, nonce; then the rules of board.claims

A person is an issuer and a subject, never a name or an address, which a provider may give to somebody else tomorrow.
The access token is not kept: the board asks the provider for nothing else. All calls go through ``board.outbound``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from board.claims import Rule, role_for
from board.config import Settings
from board.engine.calls import Call
from board.engine.connection.sync import Connection
from board.engine.errors import OutOfMemoryError, PermissionDeniedError, ReadOnlyError
from board.errors import OutboundError, SignInError
from board.namespace import Namespace
from board.outbound.calls import Answer, Outbound

__all__ = ["Person", "Provider"]

logger = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures with a key that only the provider has. Neither ``none`` nor HMAC, whose key others know."""

FLOW_SECONDS = 600
"""How long a person may take at the provider."""

LEEWAY_SECONDS = 60
"""How far the provider's clock may be off."""

KEPT_SECONDS = 3_600
"""How long what the provider says about itself is believed without asking again."""

RETRY_SECONDS = 10
"""How long a failure to reach the provider, or its keys without the one looked for, is not tried again."""

PATIENCE_SECONDS = 1.0
"""How long a sign-in waits for another one that asks the provider just now."""

AWAY = "The identity provider cannot be reached. Try again in a moment."
STALE = "This sign-in was begun in another browser, or too long ago. Please begin again."
UNTRUSTED = "What the identity provider answered cannot be trusted, so nobody was signed in."
REFUSED = "The identity provider did not sign you in."
UNKNOWN = "The identity provider knows you, but you may not sign in to this board. Ask those who run it."


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the provider vouches for, and who may come in.

    Attributes:
        external: names the issuer and the subject, hashed; what the user is found by.
        wished: names for the user in the order of preference; anything.
        role: what the rules say.
        subject: as the provider calls the person.
    """

    external: str
    wished: tuple[str, ...]
    role: str
    subject: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What the provider says about itself."""

    authorize: str
    token: str
    keys: str
    method: str | None
    key_set: KeySet


class Provider:
    """The identity provider of a board; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        rules: tuple[Rule, ...],
        outbound: Outbound,
        connection: Connection,
        namespace: Namespace,
        clock: Callable[[], int],
    ) -> None:
        """Sign people in at the provider that ``settings`` name, by ``rules``."""
        self.name = settings.oidc_name
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret
        self._scopes = settings.oidc_scopes
        self._rules = rules
        self._outbound = outbound
        self._connection = connection
        self._namespace = namespace
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[_Known, int] | None = None
        self._failed: tuple[SignInError, int] | None = None

    def begin(self, redirect_uri: str) -> tuple[str, dict[str, Any]]:
        """Return where to send the browser, and what its cookie has to keep until it is back.

        Raises:
            SignInError: the provider is away.
        """
        known = self._provider()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        client = self._client(known, redirect_uri)
        url, _ = client.create_authorization_url(known.authorize, state=state, nonce=nonce, code_verifier=verifier)
        return str(url), {"state": state, "nonce": nonce, "verifier": verifier, "at": self._now()}

    def finish(self, flow: Any, query: Mapping[str, str], redirect_uri: str) -> Person:
        """Return the person with whom the browser came back.

        Args:
            flow: what its cookie kept; anything.
            query: what the provider sent along; anything.
            redirect_uri: as at the beginning.

        Raises:
            SignInError: nobody may come in by this.
        """
        nonce, verifier = self._begun(flow, query.get("state", ""))
        if query.get("iss") not in {None, self._issuer}:
            raise SignInError(UNTRUSTED, "the answer names another issuer", 401)
        if query.get("error") or not query.get("code"):
            raise SignInError(REFUSED, f"the provider answered {_plain(query.get('error', 'without a code'))}", 401)
        known = self._provider()
        token = self._token(known, redirect_uri, query["code"], verifier)
        claims = self._claims(known, token, nonce)
        self._use(nonce)
        subject = claims["sub"]
        role = role_for(self._rules, claims)
        if role is None:
            raise SignInError(UNKNOWN, f"no rule of BOARD_OIDC_ROLES fits the subject {_plain(subject)}", 403)
        external = hashlib.sha256(json.dumps([self._issuer, subject]).encode()).hexdigest()[:32]
        return Person(external, _wished(claims), role, subject)

    def _begun(self, flow: Any, state: str) -> tuple[str, str]:
        """Check that this browser began this sign-in, of late."""
        known = flow if isinstance(flow, dict) else {}
        kept, nonce, verifier = (str(known.get(name) or "") for name in ("state", "nonce", "verifier"))
        if not (kept and nonce and verifier) or not hmac.compare_digest(kept.encode(), state.encode()):
            raise SignInError(STALE, "the state is not the one of this browser", 401)
        at = known.get("at")
        if not isinstance(at, int) or not 0 <= self._now() - at <= FLOW_SECONDS:
            raise SignInError(STALE, "the person took too long", 401)
        return nonce, verifier

    def _token(self, known: _Known, redirect_uri: str, code: str, verifier: str) -> dict[str, Any]:
        client = self._client(known, redirect_uri)
        try:
            token = client.fetch_token(
                known.token,
                code=code,
                grant_type="authorization_code",
                redirect_uri=redirect_uri,
                code_verifier=verifier,
            )
        except OutboundError as away:
            raise SignInError(AWAY, f"the code could not be redeemed: {away}", 502) from away
        except AuthlibBaseError as refusal:
            raise SignInError(REFUSED, f"the provider refused the code: {_plain(refusal.error)}", 401) from refusal
        except (ValueError, TypeError, KeyError) as nonsense:
            raise SignInError(UNTRUSTED, "the answer to the code makes no sense", 502) from nonsense
        return dict(token)

    def _claims(self, known: _Known, token: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """Return the claims of an ID token that was signed by the provider, for this board, now, for this sign-in."""
        text = token.get("id_token")
        try:
            if not isinstance(text, str):
                raise TypeError("no ID token")  # noqa: TRY301 - one of the things that may be wrong with it
            signed = self._verified(known, text)
            claims = CodeIDToken(
                signed.claims,
                signed.header,
                options={
                    "iss": {"essential": True, "value": self._issuer},
                    "aud": {"essential": True, "value": self._client_id},
                    "sub": {"essential": True},
                },
                params={"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")},
            )
            claims.validate(now=self._now(), leeway=LEEWAY_SECONDS)
            subject = claims["sub"]
            if not isinstance(subject, str) or not subject or len(subject) > 255:
                raise TypeError("a subject that is none")  # noqa: TRY301 - as above
        except (JoseError, AuthlibBaseError, ValueError, TypeError, KeyError) as wrong:
            raise SignInError(UNTRUSTED, f"the ID token is not valid: {_plain(str(wrong))}", 401) from wrong
        return dict(claims)

    def _verified(self, known: _Known, text: str) -> jwt.Token:
        try:
            return jwt.decode(text, known.key_set, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            renewed = self._renewed()  # the provider may sign with a new key
            if renewed is None:
                raise
            return jwt.decode(text, renewed.key_set, algorithms=ALGORITHMS)

    def _use(self, nonce: str) -> None:
        """Note that a sign-in was made with this nonce, so that no copy of cookie and token makes another.

        Raises:
            SignInError: one was.
        """
        call = Call(("SET", self._namespace.used_nonce(nonce), 1, "NX", "EX", 2 * FLOW_SECONDS), bool)
        try:
            is_first = self._connection.call(call)
        except (ReadOnlyError, OutOfMemoryError, PermissionDeniedError):
            return  # Redis takes no writes; the provider redeems a code only once
        if not is_first:
            raise SignInError(STALE, "the sign-in was replayed", 401)

    def _client(self, known: _Known, redirect_uri: str) -> Any:
        return OAuth2Client(
            _Session(self._outbound),
            client_id=self._client_id,
            client_secret=self._secret or None,
            token_endpoint_auth_method=known.method,
            scope=self._scopes,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )

    def _provider(self) -> _Known:
        """Return what the provider says about itself, asking it when that is too old."""
        if not self._lock.acquire(timeout=PATIENCE_SECONDS):
            raise SignInError(AWAY, "another sign-in has been asking the provider for a while", 502)
        try:
            now = self._now()
            if self._known and now - self._known[1] < KEPT_SECONDS:
                return self._known[0]
            if self._failed and now - self._failed[1] < RETRY_SECONDS:
                raise self._failed[0]
            try:
                known = self._ask()
            except SignInError as trouble:
                logger.warning("identity provider cannot be used", extra={"detail": trouble.detail})
                self._failed = trouble, self._now()  # it may have taken as long as the pause before the next try
                raise
            self._known, self._failed = (known, now), None
            return known
        finally:
            self._lock.release()

    def _renewed(self) -> _Known | None:
        """Ask the provider anew; None when that was done just now."""
        with self._lock:
            if self._known and self._now() - self._known[1] < RETRY_SECONDS:
                return None
            self._known = None
        return self._provider()

    def _ask(self) -> _Known:
        about = self._json(get_well_known_url(self._issuer, external=True))
        if about.get("issuer") != self._issuer:
            raise SignInError(AWAY, "the provider says that it is another issuer than BOARD_OIDC_ISSUER", 502)
        authorize, token, keys = (
            self._endpoint(about, name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        )
        methods = about.get("token_endpoint_auth_methods_supported")
        basic = not isinstance(methods, list) or "client_secret_basic" in methods or "client_secret_post" not in methods
        method = ("client_secret_basic" if basic else "client_secret_post") if self._secret else None
        try:
            key_set = KeySet.import_key_set(self._json(keys))  # type: ignore[arg-type] # checked by it
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as nonsense:
            raise SignInError(AWAY, "the keys of the provider make no sense", 502) from nonsense
        return _Known(authorize, token, keys, method, key_set)

    def _endpoint(self, about: Mapping[str, Any], name: str) -> str:
        """Return an address that the provider names; over TLS, unless the provider itself is not."""
        address = about.get(name)
        allowed = {"https", urlsplit(self._issuer).scheme}
        if not isinstance(address, str) or urlsplit(address).scheme not in allowed:
            raise SignInError(AWAY, f"the provider names no {name} that can be used", 502)
        return address

    def _json(self, url: str) -> dict[str, Any]:
        try:
            answer = self._outbound.call("GET", url, headers={"Accept": "application/json"})
        except OutboundError as away:
            raise SignInError(AWAY, str(away), 502) from away
        found = _object(answer)
        if not answer.ok or found is None:
            raise SignInError(AWAY, f"the provider answered {answer.status}, or no JSON", 502)
        return found

    def _now(self) -> int:
        return self._clock() // 1000


class _Session:
    """What authlib sends its requests with: the one way out of the board."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def post(self, url: str, *, data: Mapping[str, str], headers: dict[str, str], auth: Any) -> _Response:
        url, headers, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return _Response(self._outbound.call("POST", url, body=body.encode(), headers=headers))


class _Response:
    """An answer, in the shape that authlib reads."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.status_code = answer.status

    def json(self) -> Any:
        found = _object(self._answer)
        if found is None:
            raise ValueError("no JSON object")
        return found

    def raise_for_status(self) -> None:
        if not self._answer.ok:
            raise ValueError(f"status {self.status_code}")


def _object(answer: Answer) -> dict[str, Any] | None:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _wished(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the user could be called, best first. Names are for people to read: nobody is found by one."""
    email = claims.get("email") if claims.get("email_verified") is True else None
    return tuple(
        name for name in (email, claims.get("preferred_username"), claims.get("name")) if isinstance(name, str)
    )


def _plain(text: object) -> str:
    """Return a word of somebody else's, fit for an entry of the audit log."""
    return "".join(one if one.isprintable() else "?" for one in str(text)[:120])
