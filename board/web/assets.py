"""Our static files: read once at the start, kept in memory, compressed there, and asked for by what they hold.

The address of a file carries one digest of all files (``/static/<digest>/js/board.js``). So a browser may keep it for
good, and the relative imports of a module lead to files of the same release. The styles are kept apart to be read and
joined to be sent. Only what was found at the start is ever sent: no path reaches beyond it.
"""

from __future__ import annotations

import mimetypes
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import NotFound

from board.resources import STATIC
from board.web import compression

__all__ = ["ENDPOINT", "FOREVER", "STYLESHEET", "Asset", "Assets", "assets", "install"]

ENDPOINT = "static"
"""Flask's own name for static files, so that templates ask for them as in any Flask application."""

EXTENSION = "queue-board.assets"

STYLESHEET = "board.css"
"""All styles in one file. 00-layers.css comes first and decides what wins; the order of the others does not matter."""

FOREVER = "public, max-age=31536000, immutable"
"""For files asked for by the digest that they have now."""

A_MINUTE = "public, max-age=60"
"""For files asked for by another release's digest, as happens while two releases run, or by none."""

_DIGEST = re.compile(r"[0-9a-f]{12}/")

_COMMENT = re.compile(r"/\*.*?\*/\n?", re.DOTALL)
"""In styles, where they are an eighth of what would be sent. No string of ours holds the beginning of one."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent.

    Attributes:
        content: its bytes.
        compressed: the same in gzip; None where that is no shorter.
        mimetype: what it is.
        etag: digest of its bytes.
    """

    content: bytes
    compressed: bytes | None
    mimetype: str
    etag: str

    @classmethod
    def of(cls, name: str, content: bytes) -> Asset:
        """Compress a file as far as it goes."""
        compressed = compression.gzip(content, compression.BEST)
        mimetype = mimetypes.guess_type(name)[0] or "text/plain"
        return cls(
            content,
            compressed if len(compressed) < len(content) else None,
            "text/javascript" if mimetype == "application/javascript" else mimetype,
            sha256(content).hexdigest()[:20],
        )


@dataclass(frozen=True, slots=True)
class _Held:
    files: dict[str, Asset]
    digest: str
    changed_ns: int


class Assets:
    """The files of one folder, by their path in it."""

    def __init__(self, folder: Path = STATIC) -> None:
        """Read everything."""
        self._folder = folder
        self._held = self._read()

    @property
    def digest(self) -> str:
        """One digest of all files, and of how they were joined."""
        return self._held.digest

    @property
    def modules(self) -> tuple[str, ...]:
        """The ES modules of every page, which it asks for before one imports another."""
        return tuple(name for name in sorted(self._held.files) if re.fullmatch(r"js/[^/]+", name))

    def find(self, path: str) -> tuple[Asset | None, bool]:
        """Return the file at a path with or without a digest, and whether that is the present digest."""
        held = self._held
        matched = _DIGEST.match(path)
        digest, name = (matched.group()[:-1], path[matched.end() :]) if matched else ("", path)
        return held.files.get(name), digest == held.digest

    def named(self, name: str) -> str:
        """Return the path of a file with the present digest before it; a path that has a digest is left alone."""
        return name if _DIGEST.match(name) else f"{self._held.digest}/{name}"

    def renew(self) -> None:
        """Read everything again if a file changed: for development, where that happens while the board runs."""
        if self._changed_ns() != self._held.changed_ns:
            self._held = self._read()

    def _changed_ns(self) -> int:
        return max(path.stat().st_mtime_ns for path in self._folder.rglob("*"))

    def _read(self) -> _Held:
        changed_ns = self._changed_ns()
        styles = "\n".join(path.read_text("utf-8") for path in sorted((self._folder / "css").glob("*.css")))
        found = {STYLESHEET: _COMMENT.sub("", styles).encode()}
        for path in sorted(self._folder.rglob("*")):
            name = path.relative_to(self._folder).as_posix()
            if path.is_file() and path.suffix != ".css" and not name.startswith("."):
                found[name] = path.read_bytes()
        whole = sha256()
        for name in sorted(found):
            whole.update(f"{name}\0{len(found[name])}\0".encode() + found[name])
        files = {name: Asset.of(name, content) for name, content in found.items()}
        return _Held(files, whole.hexdigest()[:12], changed_ns)


def assets() -> Assets:
    """Return the files of the current application."""
    found: Assets = current_app.extensions[EXTENSION]
    return found


def install(app: Flask) -> None:
    """Serve the files of an application under ``/static/``, and put the digest into each address of one."""
    app.extensions[EXTENSION] = Assets()
    app.add_url_rule("/static/<path:filename>", endpoint=ENDPOINT, view_func=_send)
    app.url_defaults(_add_digest)


def _add_digest(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == ENDPOINT:
        values["filename"] = assets().named(values["filename"])


def _send(filename: str) -> Response:
    asset, is_current = assets().find(filename)
    if asset is None:
        raise NotFound
    is_short = asset.compressed is not None and compression.is_accepted(request)
    content = asset.compressed if is_short and asset.compressed is not None else asset.content
    response = Response(content, mimetype=asset.mimetype)
    response.set_etag(f"{asset.etag}-gzip" if is_short else asset.etag)
    if is_short:
        response.headers["Content-Encoding"] = "gzip"
    if asset.compressed is not None:
        response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = FOREVER if is_current else A_MINUTE
    response.make_conditional(request)
    return response
