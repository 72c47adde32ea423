"""An OpenID provider on loopback, over real HTTP with real RS256 keys, that lies where a test tells it to."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from board.service import wall_clock_ms
from tests.security.listening import Asked, Place, Reply, listening
from tests.waiting import PATIENCE_S

CLIENT, SECRET = "queue-board", "client s3cret/+:"

KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, auto_kid=False)
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, auto_kid=False)
"""Of somebody else, under the same name."""


def alg_none(claims: dict[str, Any]) -> str:
    """Return a token without signature."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def hmac_with_public_key(claims: dict[str, Any]) -> str:
    """Return a token signed by HMAC, with what everybody may read as the key."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "one"}, claims)]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    digest = hmac.digest(KEY.as_pem(private=False), text, "sha256")
    return (text + b"." + base64.urlsafe_b64encode(digest).rstrip(b"=")).decode()


@dataclass(slots=True)
class Idp:
    """The provider.

    Attributes:
        claims: of the person who is there, over those that are always right; None takes one away.
        key: what tokens are signed with.
        published: the keys that are told.
        forge: makes the token of claims instead of signing them.
        about: over what the provider says of itself.
        refuse: answers every code with this error.
        held: answers nothing until it is set.
    """

    place: Place | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: KEY)
    published: list[RSAKey] = field(default_factory=lambda: [KEY])
    forge: Any = None
    about: dict[str, Any] = field(default_factory=dict)
    refuse: str = ""
    held: threading.Event | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    token_headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        assert self.place is not None
        return f"http://127.0.0.1:{self.place.port}"

    @property
    def settings(self) -> dict[str, Any]:
        """What a board has to be told."""
        return {
            "oidc_issuer": self.issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SECRET,
            "outbound_allow": self.issuer,
            "oidc_name": "Example ID",
        }

    def authorize(self, url: str) -> tuple[str, dict[str, str]]:
        """Do what a person's browser does at the provider: return where it is sent, and with which question it came."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"]}), asked

    def answer(self, asked: Asked) -> Reply:
        if self.held is not None:
            self.held.wait(PATIENCE_S)
        if asked.path == "/.well-known/openid-configuration":
            return self._json(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                    **self.about,
                }
            )
        if asked.path == "/keys":
            return self._json(KeySet(list(self.published)).as_dict(private=False))
        if asked.path == "/token" and asked.method == "POST":
            return self._token(asked)
        return Reply(404)

    def _token(self, asked: Asked) -> Reply:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        self.token_headers.append(asked.headers)
        begun = self.codes.pop(form.get("code", ""), None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if self.refuse or begun is None or begun["code_challenge"] != digest.rstrip(b"=").decode():
            return self._json({"error": self.refuse or "invalid_grant"}, 400)
        if form.get("redirect_uri") != begun["redirect_uri"] or begun["code_challenge_method"] != "S256":
            return self._json({"error": "invalid_request"}, 400)
        now = wall_clock_ms() // 1000
        claims = {
            "iss": self.issuer,
            "sub": "248289761001",
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": begun["nonce"],
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self.forge(claims) if self.forge else jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return self._json({"access_token": "opaque", "token_type": "Bearer", "id_token": token})

    @staticmethod
    def _json(found: Any, status: int = 200) -> Reply:
        return Reply(status, json.dumps(found).encode(), {"Content-Type": "application/json"})


@contextlib.contextmanager
def identity_provider() -> Iterator[Idp]:
    """Serve until the block ends."""
    idp = Idp()
    with listening(idp.answer) as place:
        idp.place = place
        yield idp
