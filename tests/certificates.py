"""Certificates for TLS between the tests and a Redis of theirs: a good one, and one that has expired."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
DAYS = {"good": 2, "expired": -1}


class Certificates:
    """A certificate authority of its own, and what it signed for 127.0.0.1, in a folder."""

    def __init__(self, folder: Path) -> None:
        """Make them all; takes a tenth of a second."""
        self.folder = folder
        self._run("req", "-x509", *EC, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=board tests")
        self._run("req", *EC, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        for name, days in DAYS.items():
            self._run(
                *("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
                *("-days", str(days), "-extfile", "names", "-out", f"{name}.crt"),
            )

    @property
    def authority(self) -> Path:
        """The file that clients are to believe in."""
        return self.folder / "ca.crt"

    def serve(self, client: Any, port: int, name: str = "good") -> int:
        """Let a server speak TLS on another port of its own, with one of the certificates; return that port."""
        self.change(client, name)
        client.config_set("tls-auth-clients", "no")
        return next(other for other in range(port + 1, 55_000) if _takes(client, other))

    def change(self, client: Any, name: str) -> None:
        """Give a server another certificate."""
        files = {"key-file": "server.key", "ca-cert-file": "ca.crt", "cert-file": f"{name}.crt"}
        client.config_set(*(part for what, file in files.items() for part in (f"tls-{what}", str(self.folder / file))))

    def _run(self, *arguments: str) -> None:
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.fail("no openssl on PATH: install it (Debian: apt-get install openssl)", pytrace=False)
        subprocess.run([openssl, *arguments], cwd=self.folder, check=True, capture_output=True)


def _takes(client: Any, port: int) -> bool:
    try:
        client.config_set("tls-port", port)
    except redis.ResponseError:
        return False
    return True
