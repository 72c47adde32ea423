"""The two ways to install, each into its own clean environment, once a run."""

from pathlib import Path

import pytest

from tests.packaging.installed import ROOT, Environment, build_wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from this tree."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def from_wheel(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel installed."""
    return Environment.create(tmp_path_factory.mktemp("from-wheel"), wheel)


@pytest.fixture(scope="session")
def editable(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the tree installed in editable mode."""
    return Environment.create(tmp_path_factory.mktemp("editable"), "--editable", ROOT)
