"""The two ways to install, each into its own clean environment, once a run however many processes share the tests."""

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.installed import ROOT, Environment, build_wheel


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[str, Callable[[Path], None]], Path]:
    """A function that returns the folder of a name, and fills it by `make` if no other process has done so yet."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent

    def prepared(name: str, make: Callable[[Path], None]) -> Path:
        folder, done = shared / name, shared / f"{name}.done"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return prepared


@pytest.fixture(scope="session")
def wheel(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The wheel built from this tree."""
    (built,) = once("wheel", build_wheel).glob("*.whl")
    return built


@pytest.fixture(scope="session")
def from_wheel(once: Callable[[str, Callable[[Path], None]], Path], wheel: Path) -> Environment:
    """An environment with the wheel installed."""
    return Environment(once("from-wheel", lambda folder: Environment.create(folder, wheel)))


@pytest.fixture(scope="session")
def editable(once: Callable[[str, Callable[[Path], None]], Path]) -> Environment:
    """An environment with the tree installed in editable mode."""
    return Environment(once("editable", lambda folder: Environment.create(folder, "--editable", ROOT)))
