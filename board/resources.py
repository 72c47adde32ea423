"""Where templates/ and static/ are: inside the installed package, or beside it in a checkout.

A wheel carries both folders in `board/`; an editable install and a checkout have them next to it. Nothing else in the
project may know this. See hatch_build.py for how they get into the wheel.
"""

from importlib.resources import files
from pathlib import Path

__all__ = ["STATIC", "TEMPLATES", "ResourceMissingError", "require_browser_code"]


class ResourceMissingError(RuntimeError):
    """A folder or file that belongs to the installation is not there; the message says how to get it."""


def _folder(name: str) -> Path:
    inside = Path(str(files("board"))) / name
    if inside.is_dir():
        return inside
    beside = Path(__file__).resolve().parent.parent / name
    if beside.is_dir():
        return beside
    raise ResourceMissingError(f"board: no {name}/ folder at {inside} or {beside}; reinstall the package")


TEMPLATES = _folder("templates")
"""The folder of Jinja templates."""

STATIC = _folder("static")
"""The folder served under /static."""


def require_browser_code(static: Path = STATIC) -> None:
    """Check that the build hook's htmx is there, which `git clean -fdx` in a checkout removes.

    Raises:
        ResourceMissingError: it is not; the message names the command that brings it back.
    """
    htmx = static / "vendor" / "htmx.min.js"
    if not htmx.is_file():
        raise ResourceMissingError(
            f"board: {htmx} is missing. In a checkout run `make setup` or `pip install -e .`, which fetch it; "
            "an installed package without it is damaged: reinstall it"
        )
