"""What every test can rely on: plain output, one thread, no settings from outside."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from genctl.plots.curves import draw_curves, series_of
from tests.command_line import Said, Type

# Read when Rich, Typer and torch are imported, also by the processes that tests start.
os.environ.update(
    NO_COLOR="1",
    OMP_NUM_THREADS="1",
    TERMINAL_WIDTH="100",
    _TYPER_FORCE_DISABLE_TERMINAL="1",  # CI services are taken for terminals
)
os.environ.pop("FORCE_COLOR", None)

settings.register_profile("genctl", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("genctl")


@pytest.fixture(autouse=True)
def _isolated_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Runs go to the test's own folder, and no ``GENCTL_*`` of the shell reaches it."""
    for name in os.environ:
        if name.startswith("GENCTL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GENCTL_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("GENCTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))  # no weights of this machine


_SHEETS: dict[tuple[str, ...], bytes] = {}


@pytest.fixture(autouse=True)
def _one_sheet_of_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings draw ``curves.png`` once for each set of metrics.

    Drawing takes three quarters of a training of two steps, and hundreds of tests train.
    """
    from genctl.engine.training import loop

    def once(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
        metrics = tuple(series_of(rows))
        if metrics not in _SHEETS:
            draw_curves(rows, path)
            _SHEETS[metrics] = path.read_bytes() if path.exists() else b""
        elif _SHEETS[metrics]:
            path.write_bytes(_SHEETS[metrics])

    monkeypatch.setattr(loop, "draw_curves", once)


@pytest.fixture
def type_(capsys: pytest.CaptureFixture[str]) -> Type:
    """``type_("models", "--json")``: what a person would see, in this process."""
    from genctl.cli import main

    def typed(*arguments: str) -> Said:
        capsys.readouterr()
        code = main(arguments)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return typed


@pytest.fixture(scope="session")
def inception_tensors() -> dict[str, Any]:
    """What a file of FID's Inception weights holds, with random values."""
    from tests.evaluation.extractors.inception_files import random_inception

    return random_inception(seed=0)


@pytest.fixture(scope="session")
def weights_file(
    inception_tensors: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Unverified weights in the published layout."""
    import torch

    path = tmp_path_factory.mktemp("权重") / "inception.pth"
    torch.save(inception_tensors, path)
    return path


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("oracle"):  # they import torchvision by themselves
        from genctl.compat.torchvision import import_torchvision

        import_torchvision()
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")
