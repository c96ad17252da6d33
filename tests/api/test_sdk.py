"""The SDK as a person at a notebook uses it: short names, numbers, paths as texts, arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genctl
from genctl.data.images.sets.digits import load_digits
from genctl.errors import ExitStatus, GenctlError
from genctl.runs import Run
from tests.export.models import tiny_run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> genctl.Model:
    root = tmp_path_factory.mktemp("sdk") / "run"
    tiny_run(root)
    return genctl.load(root, device="cpu")


def test_settings_have_short_names_and_are_numbers(tmp_path: Path) -> None:
    run = genctl.train(
        "gan",
        data="digits",
        preset="mlp",
        budget="1steps",
        sets=["lr=1", "evaluations=0"],
        options={"lr": 1e-4, "model.z_dim": 8, "flip": True},
        out=str(tmp_path / "run"),
        threads=1,
    )
    config = genctl.load(run).config
    assert (config.train.lr, config.model.z_dim, config.data.flip) == (1e-4, 8, True)


class Pairs:
    """A data set as torch's are: images in [0, 1], (C, H, W), with labels."""

    def __len__(self) -> int:
        return 40

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        return torch.full((1, 16, 16), place / 39), place % 2


@pytest.mark.parametrize(
    ("data", "classes"),
    [
        (np.arange(40, dtype=np.uint8).repeat(256).reshape(40, 16, 16), 0),
        ((np.zeros((40, 16, 16, 3), np.uint8), np.arange(40) % 4), 4),
        (Pairs(), 2),
    ],
)
def test_data_that_python_holds(data: object, classes: int, tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "preset": "mlp",
        "budget": "1steps",
        "batch_size": 4,
        "evaluations": 0,
    }
    run = genctl.train("gan", data=data, out=tmp_path / "run", threads=1, **options)
    spec = genctl.load(run).data
    assert (spec.examples, spec.num_classes) == (40, classes)
    again = genctl.train("gan", data=data, out=tmp_path / "more", threads=1, **options)
    assert genctl.load(again).data.fingerprint == spec.fingerprint


def test_texts_that_python_holds(tmp_path: Path) -> None:
    texts = [f"第{k}篇：the quick brown fox. " * 20 for k in range(20)]
    options: dict[str, Any] = {
        "width": 8,
        "depth": 1,
        "heads": 1,
        "context": 16,
        "tokenizer": "byte",
    }
    run = genctl.train(
        "lm", data=texts, out=tmp_path / "run", budget="1steps", evaluations=0, threads=1, **options
    )
    assert genctl.load(run).data.statistics["documents"] == 20


def test_data_that_nobody_can_read() -> None:
    with pytest.raises(GenctlError, match="data of the type int cannot be trained on") as refused:
        genctl.train("gan", data=3)
    assert refused.value.code == ExitStatus.USAGE


def test_a_family_has_a_name() -> None:
    with pytest.raises(GenctlError, match="unknown family None"):
        genctl.train(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["图.png", "图.npz", "图"])
def test_samples_are_saved_where_a_text_says(
    name: str, model: genctl.Model, tmp_path: Path
) -> None:
    out = model.sample(4).save(str(tmp_path / name))
    assert out == tmp_path / name
    assert out.exists()


def test_sampling_options_are_numbers_or_texts(model: genctl.Model) -> None:
    asked = [model.sample(2, options={"truncation": value}) for value in (0.5, "0.5")]
    assert np.array_equal(asked[0].array, asked[1].array)
    assert not np.array_equal(asked[0].array, model.sample(2).array)


def test_what_is_in_memory_can_be_scored(model: genctl.Model) -> None:
    images, _ = load_digits("test")
    scores = genctl.evaluate(["fid", "kid"], images[:200], ref=images[200:], extractor="px")
    assert [score.name for score in scores.scores] == ["fd[px]", "kd[px]"]
    flat = genctl.evaluate("fid,kid", images[:200, ..., 0], ref=images[200:], extractor="px")
    assert [s.value for s in flat.scores] == pytest.approx([s.value for s in scores.scores])
    samples = model.sample(64, seed=1)
    run = Run(model.origin)
    assert genctl.evaluate("fid", run, n=64, seed=1, ref=images, extractor="px").score.value > 0
    made = genctl.evaluate("fid", samples, ref=images, extractor="px")
    again = genctl.evaluate("fid", samples.array, ref=images, extractor="px")
    assert made.score.value == again.score.value


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((9, 8, 8, 3)), "cannot take images from the array: its images are float64"),
        (np.zeros((9, 3, 8, 8), np.uint8), r"have the shape \(9, 3, 8, 8\)"),
    ],
)
def test_arrays_that_are_no_images(images: np.ndarray, words: str) -> None:
    with pytest.raises(GenctlError, match=words):
        genctl.evaluate("fid", images, ref="digits")
    with pytest.raises(GenctlError, match="needs a model that generates text"):
        genctl.evaluate("bpb", images)
