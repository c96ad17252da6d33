"""The GAN family through the SDK: every preset, other data, and what a run promises."""

from __future__ import annotations

import random
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import genctl
from genctl import registry
from genctl.api.models.exporting import formats
from genctl.api.training.request import TrainRequest
from genctl.api.training.train import run_training
from genctl.engine.training import checkpoint
from genctl.errors import ExitStatus, GenctlError
from genctl.families.gan.spec import SPEC
from genctl.output import Mode, Output
from genctl.runs import Run
from tests.kills import assert_same_end, killed_at_step, needs_fork

QUICK = ("evaluations=0",)
TINY = ("width=8", "batch_size=16")


def train(out: Path, *sets: str, budget: str = "2steps", **options: Any) -> Run:
    return genctl.train("gan", out=out, budget=budget, sets=[*QUICK, *sets], threads=1, **options)


def colour_folder(root: Path, sizes: tuple[tuple[int, int], ...] = ((48, 64),)) -> Path:
    """Two classes of noise, twelve images each, named in Chinese."""
    random_numbers = np.random.default_rng(0)
    for name in ("红", "蓝"):
        (root / name).mkdir(parents=True)
        for number in range(12):
            height, width = sizes[number % len(sizes)]
            pixels = random_numbers.integers(0, 256, (height, width, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(tmp_path_factory.mktemp("gan") / "plain", *TINY, budget="3steps")


@pytest.mark.parametrize("preset", SPEC.presets)
def test_two_steps_of_every_preset(preset: str, tmp_path: Path) -> None:
    run = train(tmp_path / "run", "batch_size=4", preset=preset)
    assert run.finished
    assert genctl.load(run).sample(3).array.shape == (3, 28, 28, 1)


def test_larger_or_coloured_pictures_get_a_preset_of_their_own(tmp_path: Path) -> None:
    folder = colour_folder(tmp_path / "图片", ((24, 20),))
    config = train(tmp_path / "colour", "batch_size=4", data=str(folder)).read("config.json")
    assert config["config"]["preset"] == "small-64"
    named = train(tmp_path / "named", "batch_size=4", data=str(folder), preset="digits")
    assert named.read("config.json")["config"]["preset"] == "digits"
    assert (
        train(tmp_path / "grey", "batch_size=4").read("config.json")["config"]["preset"] == "digits"
    )


def test_a_colour_folder_goes_the_whole_way(tmp_path: Path) -> None:
    folder = colour_folder(tmp_path / "图片")
    run = train(tmp_path / "run", "batch_size=8", data=str(folder))
    model = genctl.load(run)
    assert (model.data.shape, model.data.class_names) == ((3, 48, 64), ("红", "蓝"))
    samples = model.sample(6, labels=["蓝", "红", "红"])
    assert samples.labels is not None
    assert samples.labels.tolist() == [1, 0, 0, 1, 0, 0]
    assert samples.array.shape == (6, 48, 64, 3)
    score = genctl.evaluate("fid", model, n=8).score
    assert score.name == "fd[rand]"
    assert score.value > 0
    for form in formats(registry.get("gan")):
        path = model.export(form, tmp_path / ("out.onnx" if form == "onnx" else "out"))
        again = genctl.load(path).sample(6, labels=["蓝", "红", "红"]).array
        assert np.abs(again.astype(int) - samples.array).max() <= 1


@pytest.mark.parametrize("architecture", ["residual", "mlp"])
def test_samples_are_the_same_at_every_batch_size(architecture: str, tmp_path: Path) -> None:
    run = train(tmp_path / "run", f"architecture={architecture}", "batch_size=16", budget="20steps")
    model = genctl.load(run)
    one, seven, all_ = (
        model.sample(64, seed=5, batch_size=b).array.astype(int) for b in (1, 7, 64)
    )
    for other in (one, seven):
        assert np.abs(other - all_).max() <= 1
        assert (other != all_).mean() <= 1e-3


@needs_fork
def test_killed_at_five_steps_ends_bit_equal(tmp_path: Path) -> None:
    def work(name: str) -> Run:
        sets = ("checkpoint_seconds=1e-9", "width=8", "batch_size=16")
        return train(tmp_path / name, *sets, budget="24steps")

    for last_step in sorted(random.Random(1).sample(range(2, 23), 5)):
        assert killed_at_step(last_step, lambda: work("killed"))
        assert Run(tmp_path / "killed").read("last.json")["step"] == last_step
    assert_same_end(work("whole"), work("killed"))


@pytest.mark.parametrize(
    "setting",
    [
        "loss=hinge",
        "loss=nonsaturating",
        "loss=least_squares",
        "loss=wgan",
        "regulariser=r1",
        "regulariser=r2",
        "regulariser=gp",
        "regulariser=none",
        "gamma=2",
        "burn_in=0",
        "critic_steps=2",
        "architecture=dcgan",
        "patch=4",
        "resample=smooth",
        "augment=colour,translation,cutout",
        "amp=bf16",
    ],
)
def test_every_setting_trains_and_matters(setting: str, plain: Run, tmp_path: Path) -> None:
    other = train(tmp_path / "other", *TINY, setting, budget="3steps")
    one, two = (checkpoint.read(checkpoint.choose(run, "last", print)) for run in (plain, other))
    assert two.finite
    weights = [s.tensors["model"]["discriminator.stem.weight"] for s in (one, two)]
    assert not torch.equal(*weights)


def test_augmentation_follows_the_lead_and_resumes(tmp_path: Path) -> None:
    def work(name: str) -> Run:
        sets = ("width=8", "batch_size=16", "augment=colour,cutout", "augment_target=0.01")
        return train(tmp_path / name, "checkpoint_seconds=1e-9", *sets, budget="12steps")

    assert killed_at_step(5, lambda: work("killed"))
    whole = work("whole")
    assert_same_end(whole, work("killed"))
    model = checkpoint.group(checkpoint.choose(whole, "last", print), "model")
    assert 0 < model["augment.probability"] < 0.01


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("augment=colour,cutput", "did you mean 'cutout'?"),
        ("augment_target=0.6", "augment names none"),
        ("loss=wgan-gp", "did you mean 'wgan'?"),
        ("gamma=0", "gamma=0"),
    ],
)
def test_settings_that_do_not_fit(setting: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(GenctlError) as refused:
        train(tmp_path / "run", setting)
    assert refused.value.code == ExitStatus.USAGE
    assert words in refused.value.message


def test_the_penalty_follows_the_size_and_is_printed(tmp_path: Path) -> None:
    said = StringIO()
    out = Output(Mode.HUMAN, stderr=said)
    sets = (*QUICK, "batch_size=16")
    run_training(TrainRequest("gan", out=tmp_path / "run", budget="2steps", sets=sets), out)
    assert "gamma 0.245 for 28x28 pixels and batches of 16" in said.getvalue()


def test_scores_need_the_training_data_or_a_reference(tmp_path: Path) -> None:
    folder = colour_folder(tmp_path / "图片")
    model = genctl.load(train(tmp_path / "run", "batch_size=8", data=str(folder)))
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(GenctlError, match="cannot be read from here: no data at") as refused:
        genctl.evaluate("fid", model, n=4)
    assert (refused.value.code, "with ref" in refused.value.hint) == (ExitStatus.DATA, True)
    assert genctl.evaluate("fid", model, n=4, ref=str(tmp_path / "elsewhere")).score.value > 0


class TestMistakes:
    """One clear line, the right status, and nothing left behind."""

    def refused(self, tmp_path: Path, *sets: str, **options: Any) -> GenctlError:
        with pytest.raises(GenctlError) as refused:
            train(tmp_path / "run", *sets, **options)
        assert not (tmp_path / "run").exists()
        assert "\n" not in refused.value.message
        return refused.value

    def test_images_too_small(self, tmp_path: Path) -> None:
        error = self.refused(tmp_path, data=str(colour_folder(tmp_path / "tiny", ((12, 14),))))
        assert error.code == ExitStatus.DATA
        assert "12x14; a GAN needs at least 16x16" in error.message
        assert "size=32" in error.hint

    def test_images_of_several_sizes(self, tmp_path: Path) -> None:
        folder = colour_folder(tmp_path / "mixed", ((20, 20), (24, 20)))
        error = self.refused(tmp_path, data=str(folder))
        assert error.code == ExitStatus.DATA
        assert "size=64" in error.hint
        assert train(tmp_path / "run", "batch_size=8", "size=32", data=str(folder)).finished

    def test_micro_batches_that_do_not_divide(self, tmp_path: Path) -> None:
        error = self.refused(tmp_path, "batch_size=64", "micro_batch=48")
        assert (error.code, error.hint) == (ExitStatus.USAGE, "micro_batch=32")

    def test_labels(self, tmp_path: Path) -> None:
        model = genctl.load(train(tmp_path / "run", *TINY))
        with pytest.raises(GenctlError, match="no class '99'; did you mean '9'"):
            model.sample(4, labels=[99])
        unlabelled = genctl.load(train(tmp_path / "mlp", "batch_size=8", preset="mlp"))
        with pytest.raises(GenctlError, match="takes no labels") as refused:
            unlabelled.sample(4, labels=[1])
        assert refused.value.code == ExitStatus.USAGE

    def test_no_samples(self, tmp_path: Path) -> None:
        model = genctl.load(train(tmp_path / "run", *TINY))
        with pytest.raises(GenctlError, match="n=0 is below 1") as refused:
            model.sample(0)
        assert refused.value.code == ExitStatus.USAGE
