"""Build the container image and run it, without Docker and without a registry. `make image` calls this.

What this proves: every step of the Dockerfile, on a Debian base made here with debootstrap; that the result serves its
pages, styles and htmx as a user without rights, that its health check tells whether it runs, and that its CMD ends on
SIGTERM. What it does not prove: the base image that the Dockerfile names by default, unless BOARD_BASE_IMAGE names one
that can be pulled.

Needs root, buildah, crun and mmdebstrap (Debian: apt-get install buildah crun mmdebstrap).
"""

import contextlib
import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers import Server, free_port
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[1]
BASE = "localhost/board-base:debian"
IMAGE = "localhost/queue-board:test"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
SUITE = "bookworm"
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Buildah:
    """buildah with its storage in a folder of our own, so that nothing is left on the machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prefix = [
            "buildah",
            "--storage-driver",
            _storage_driver(),
            "--root",
            f"{folder}/root",
            "--runroot",
            f"{folder}/run",
        ]

    def __call__(self, *arguments: str | Path, check: bool = True) -> str:
        """Run one command of buildah and return what it printed."""
        command = [*self.prefix, *map(str, arguments)]
        done = subprocess.run(command, text=True, capture_output=True, check=False)
        if check and done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done.stdout.strip()

    def inside(self, container: str, *command: str) -> list[str]:
        """Return the command that runs another one inside a container, with the machine's network."""
        return [*self.prefix, "run", "--isolation", "chroot", "--network", "host", container, "--", *command]


def _storage_driver() -> str:
    """Return overlay where the kernel has it: with vfs each layer is a copy, four times slower."""
    return "overlay" if "overlay" in Path("/proc/filesystems").read_text() else "vfs"


def make_base(buildah: Buildah) -> str:
    """Make a Debian with Python as the base image, or pull the one that BOARD_BASE_IMAGE names."""
    if wanted := os.environ.get("BOARD_BASE_IMAGE"):
        buildah("pull", "--quiet", wanted)
        return wanted
    rootfs = buildah.folder / "rootfs"
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", SUITE, rootfs], check=True)
    container = buildah("from", "scratch")
    mount = buildah("mount", container)
    subprocess.run(["cp", "-a", f"{rootfs}/.", mount], check=True)
    buildah("umount", container)
    buildah("config", "--env", f"PATH={PATHS}", container)
    buildah("commit", "--quiet", container, BASE)
    buildah("rm", container)
    shutil.rmtree(rootfs)
    return BASE


def build(buildah: Buildah, base: str) -> None:
    """Build the Dockerfile. The machine's certificates go along: its network may have an authority of its own."""
    npmrc = buildah.folder / "npmrc"
    npmrc.write_text(f"cafile={CERTIFICATES}\n")
    buildah(
        *("bud", "--format", "docker", "--isolation", "chroot", "--network", "host", "--pull-never"),
        *("--build-arg", f"BASE={base}", "--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro"),
        *("--volume", f"{npmrc}:{Path.home()}/.npmrc:ro", "--tag", IMAGE, "--file", ROOT / "Dockerfile", ROOT),
    )


def configuration(buildah: Buildah) -> dict[str, object]:
    """Return what the image says about itself."""
    config: dict[str, object] = json.loads(buildah("inspect", "--type", "image", IMAGE))["Docker"]["config"]
    return config


@dataclass(frozen=True, slots=True)
class Running:
    """A program and what it prints."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self.process.poll() is not None

    def answers(self, address: str) -> bool:
        """Whether somebody answers at this address; ends everything when the program is gone."""
        if self.ended:
            raise SystemExit(f"the image ended with {self.process.returncode}:\n{self.log.read_text()}")
        return fetch(address)[0] != 0


@contextlib.contextmanager
def running(command: list[str], log: Path) -> Iterator[Running]:
    """Run a program in a group of its own, and end the whole group."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield Running(process, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def fetch(address: str) -> tuple[int, str]:
    """Return status and body; status 0 when nobody answers."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - http, to ourselves
            return int(answer.status), answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError:
        return 0, ""


def prove(buildah: Buildah, redis: Server) -> None:
    """Run the image as its configuration says and look at it from outside."""
    config = configuration(buildah)
    assert config["User"] == "10001:10001", config
    health, command = config["Healthcheck"], config["Cmd"]
    assert isinstance(health, dict)
    assert isinstance(command, list)
    assert health["Test"][0] == "CMD"

    container = buildah("from", "--pull-never", IMAGE)
    port = free_port()
    for name, value in {"REDIS_URL": redis.url, "PORT": str(port), "BOARD_HOST": "127.0.0.1"}.items():
        buildah("config", "--env", f"{name}={value}", container)
    who = subprocess.run(buildah.inside(container, "id", "-u"), text=True, capture_output=True, check=True)
    assert who.stdout.strip() == "10001", who
    write = subprocess.run(buildah.inside(container, "touch", "/app/here"), capture_output=True, check=False)
    assert write.returncode != 0, "the user of the image can change the program"

    site = f"http://127.0.0.1:{port}"
    log = buildah.folder / "image.log"

    def is_healthy() -> bool:
        done = subprocess.run(
            buildah.inside(container, *health["Test"][1:]), text=True, capture_output=True, check=False
        )
        return done.returncode == 0

    with running(buildah.inside(container, *command), log) as image:
        wait_until(lambda: image.answers(f"{site}/login"), "the image to answer")
        page = fetch(f"{site}/login")[1]
        links = re.findall(r'(?:href|src)="(/[^"#?]+[.](?:css|js|svg)[^"#]*)', page)
        assert "<form" in page, page
        assert {"css", "js"} <= {link.partition("?")[0].rpartition(".")[2] for link in links}, links
        for link in [*links, "/static/vendor/htmx.min.js"]:
            status, body = fetch(site + html.unescape(link))
            assert status == 200, (link, status)
            assert body, link
        assert is_healthy(), "not healthy while it serves"
        redis.kill()
        status, body = fetch(f"{site}/readyz")
        assert status == 503, (status, body[:200])
        assert is_healthy(), "not healthy without Redis: an orchestrator would restart it in vain"
        os.killpg(image.process.pid, signal.SIGTERM)
        wait_until(lambda: image.ended, "the image to end after SIGTERM")
        assert "Traceback" not in log.read_text(), log.read_text()
    assert not is_healthy(), "healthy though nothing runs"


def main() -> int:
    """Build, run, look; say what took how long."""
    lacking = [name for name in ("buildah", "crun", "mmdebstrap") if not shutil.which(name)]
    if lacking or os.geteuid() != 0:
        why = (
            f"missing: {', '.join(lacking)} (Debian: apt-get install {' '.join(lacking)})" if lacking else "needs root"
        )
        print(f"container image not built: {why}", file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="board-image-"))
    buildah, redis = Buildah(folder), Server()
    began = time.monotonic()
    try:
        base = make_base(buildah)
        print(f"base {base}: {time.monotonic() - began:.0f} s", flush=True)
        build(buildah, base)
        print(f"image {IMAGE}: {time.monotonic() - began:.0f} s", flush=True)
        redis.start()
        prove(buildah, redis)
        print(
            f"serves its pages as uid 10001, says when Redis is away, ends on SIGTERM: {time.monotonic() - began:.0f} s"
        )
    finally:
        redis.destroy()
        buildah("rm", "--all", check=False)
        buildah("rmi", "--all", "--force", check=False)
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
