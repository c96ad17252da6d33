"""A run to type about, and one cache for all commands."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _shared_cache(_isolated_settings: None, _cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Features of the digits are computed once for all commands."""
    monkeypatch.setenv("GENCTL_CACHE", str(_cache))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps, in a folder with a Chinese name."""
    from genctl import train

    folder = tmp_path_factory.mktemp("cli") / "数字-1"
    sets = ["evaluations=0"]
    return train("gan", preset="mlp", budget="2steps", sets=sets, out=folder, threads=1).path


@pytest.fixture
def run(trained: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the trained run, which is also the latest one."""
    monkeypatch.setenv("GENCTL_RUNS", str(trained.parent))
    return trained.name
