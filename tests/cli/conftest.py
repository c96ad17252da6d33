"""A way to type at genctl, and a run to type about."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from genctl.cli import main


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _shared_cache(_isolated_settings: None, _cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Features of the digits are computed once for all commands."""
    monkeypatch.setenv("GENCTL_CACHE", str(_cache))


Type = Callable[..., Said]


@pytest.fixture
def type_(capsys: pytest.CaptureFixture[str]) -> Type:
    """``type_("models", "--json")``: what a person would see, in this process."""

    def typed(*arguments: str) -> Said:
        capsys.readouterr()
        code = main(arguments)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return typed


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
