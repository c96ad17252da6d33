"""What is looked up before a training starts, and the errors of wrong input."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from genctl.api.training.request import TrainRequest
from genctl.api.training.session import Session, open_session
from genctl.errors import ExitStatus, GenctlError
from genctl.output import QUIET, Output
from genctl.registry import DATA_KINDS, FAMILIES
from tests.export.models import tiny_run

TINY = {"architecture": "mlp", "width": 4, "batch_size": 2, "evaluations": 0}


class Warned(Output):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def warn(self, text: str) -> None:
        self.found.append(text)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Eight grey images of 8x8 pixels."""
    folder = tmp_path / "图片"
    folder.mkdir()
    for number in range(8):
        Image.fromarray(np.full((8, 8), 16 * number, np.uint8)).save(folder / f"{number}.png")
    return folder


def opened(data: Path, output: Output = QUIET, **arguments: Any) -> Session:
    arguments = {"budget": "2steps", "preset": "mlp", "options": TINY, "device": "cpu", **arguments}
    family = arguments.pop("family", "gan")
    return open_session(TrainRequest(family, data=data, **arguments), output)


def test_runs_that_cannot_be_read_do_not_stop_a_training(images: Path, tmp_path: Path) -> None:
    for name, text in (("broken-1", "{"), ("foreign", '{"config": 3}'), ("empty", "{}")):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "config.json").write_text(text)
    output = Warned()
    assert opened(images, output).run is None
    (warning,) = output.found
    assert warning.startswith("skipped runs that cannot be read: ")
    assert all(name in warning for name in ("broken-1", "foreign", "empty"))
    with pytest.raises(GenctlError, match="is damaged") as refused:
        opened(images, out=tmp_path / "runs" / "broken-1")
    assert refused.value.code == ExitStatus.DATA


@pytest.mark.parametrize("family", ["diffusion", "lm"])
def test_the_first_weights_come_from_the_same_family(family: str, tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "runs" / "gan-1")
    run.write("resolved.json", {})  # what tells a run from a folder of diffusers
    text = tmp_path / "text.txt"
    text.write_text("a few words\n" * 200)
    options = {"init": str(run.path), "batch_size": 2}
    source = Path("digits") if family == "diffusion" else text
    with pytest.raises(GenctlError, match="is a model of the family gan, and ") as refused:
        opened(source, family=family, preset=None, options=options)
    assert refused.value.code == ExitStatus.USAGE
    assert refused.value.option == "parents.init"


def test_the_reason_why_data_cannot_be_read_is_kept(images: Path, tmp_path: Path) -> None:
    (images / "notes.txt").write_text("words\n" * 50)
    text = tmp_path / "text.txt"
    text.write_text("words\n" * 50)
    with pytest.raises(GenctlError, match="size"):
        opened(images, options={**TINY, "data.size": "0"})
    with pytest.raises(GenctlError, match="holds text, and gan learns from images"):
        opened(text)
    with pytest.raises(GenctlError) as refused:
        opened(text, options={**TINY, "data.kind": "images"})
    assert "holds text" not in refused.value.message


def test_downloads_belong_to_the_kind_of_data(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("words\n" * 50)
    with pytest.raises(GenctlError, match="no text can be downloaded") as refused:
        opened(text, family="lm", preset=None, options={}, download=True)
    assert (refused.value.code, refused.value.option) == (ExitStatus.USAGE, "download")
    with pytest.raises(GenctlError, match=r"unknown data set to download 'mnits'.*mnist"):
        opened(Path("mnits"), download=True)


def test_the_preset_for_large_data_may_change_how_the_data_are_read(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = FAMILIES.get("gan")
    presets = {**spec.presets, "large": {**spec.presets["mlp"], "data.size": "4"}}
    changed = dataclasses.replace(spec, presets=presets, large_preset="large")
    monkeypatch.setattr("genctl.registry.get", lambda name: changed)
    assert opened(images, preset=None).dataset.spec.shape == (1, 8, 8)
    kind = DATA_KINDS.get("images")
    monkeypatch.setitem(kind.targets, "large", f"{__name__}:always")
    found = opened(images, preset=None)
    assert (found.config.preset, found.dataset.spec.shape) == ("large", (1, 4, 4))


def always(data: object) -> bool:
    return True


def test_budgets_count_in_the_words_of_the_kind_of_data(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = dataclasses.replace(DATA_KINDS.get("images"), words=("melody", "melodies"))
    known = DATA_KINDS.get
    monkeypatch.setattr(DATA_KINDS, "get", lambda name: kind if name == "images" else known(name))
    found = opened(images, budget="10 melodies", eval_every="5 melodies")
    assert (found.budget.examples, found.config.train.evaluations) == (10, 2)
    assert found.dataset.spec.in_words(1000) == "1,000 melodies of shape 1x8x8"
