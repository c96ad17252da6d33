"""The diffusion family through the SDK and the command line, with every way to sample."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

import genctl
from genctl.api.models.exporting import export
from genctl.engine.training import checkpoint
from genctl.errors import ExitStatus, GenctlError
from genctl.families.diffusion.spec import SPEC
from genctl.outputs.images.samples import ImageSamples
from genctl.runs import Run
from tests.command_line import Type
from tests.families.gan.test_family import colour_folder
from tests.kills import assert_same_end, killed_at_step, needs_fork

QUICK = ("evaluations=0", "width=8", "batch_size=16")
FEW = {"steps": "3"}


def train(out: Path, *sets: str, budget: str = "2steps", **options: Any) -> Run:
    sets = (*QUICK, *sets)
    return genctl.train("diffusion", out=out, budget=budget, sets=sets, threads=1, **options)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(tmp_path_factory.mktemp("扩散") / "数字", budget="4steps")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "图.png")
    return tmp_path / "图.png"


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    pixels = np.zeros((28, 28), np.uint8)
    pixels[:, 14:] = 255
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


def drawn(model: genctl.Model, n: int, **options: Any) -> np.ndarray:
    samples = model.sample(n, **{"options": FEW, **options})
    assert isinstance(samples, ImageSamples)
    return samples.array.astype(int)


@pytest.mark.parametrize("preset", SPEC.presets)
def test_a_step_of_every_preset(preset: str, tmp_path: Path) -> None:
    small = ["depth=1", "compile=false", "batch_size=4", "width=12", "attention=", "amp=off"]
    run = train(tmp_path / "run", *small, preset=preset, budget="1steps")
    assert drawn(genctl.load(run), 2).shape == (2, 28, 28, 1)


def test_a_colour_folder_goes_the_whole_way(tmp_path: Path) -> None:
    folder = colour_folder(tmp_path / "图片", ((20, 28),))
    model = genctl.load(train(tmp_path / "run", "batch_size=8", data=str(folder)))
    assert drawn(model, 3, labels=["蓝"]).shape == (3, 20, 28, 3)
    again = genctl.load(export(model.origin, out=tmp_path / "导出").path)
    assert np.array_equal(drawn(again, 3), drawn(model, 3))


@pytest.mark.parametrize("sampler", ["dpmpp-2m", "euler-ancestral"])
def test_samples_are_the_same_at_every_batch_size(sampler: str, run: Run) -> None:
    model, options = genctl.load(run), {**FEW, "sampler": sampler, "guidance": "2"}
    one, all_ = (drawn(model, 9, seed=5, batch_size=b, options=options) for b in (1, 64))
    assert np.abs(one - all_).max() <= 1
    assert (one != all_).mean() <= 1e-3
    assert not np.array_equal(all_, drawn(model, 9, seed=6, options=options))


@needs_fork
def test_killed_at_three_steps_ends_bit_equal(tmp_path: Path) -> None:
    def work(name: str) -> Run:
        return train(tmp_path / name, "checkpoint_seconds=1e-9", budget="10steps")

    for last_step in sorted(random.Random(1).sample(range(2, 9), 3)):
        assert killed_at_step(last_step, lambda: work("killed"))
    assert_same_end(work("whole"), work("killed"))


def test_both_averages_can_be_sampled(run: Run) -> None:
    kinds = [drawn(genctl.load(run, weights=w), 2) for w in ("ema", "ema-long", "raw")]
    assert not np.array_equal(kinds[0], kinds[1])
    assert not np.array_equal(kinds[1], kinds[2])


def test_what_is_not_masked_is_kept(run: Run, picture: Path, mask: Path) -> None:
    given = np.asarray(Image.open(picture)).astype(int)
    made = drawn(genctl.load(run), 3, image=picture, mask=mask)[..., 0]
    assert (made[:, :, :14] == given[:, :14]).all()
    assert (made[:, :, 14:] != given[:, 14:]).mean() > 0.5


def test_a_weak_start_stays_near_its_image(run: Run, picture: Path) -> None:
    model, given = genctl.load(run), np.asarray(Image.open(picture)).astype(int)
    near, far = (
        np.abs(
            drawn(model, 4, image=picture, options={"steps": "10", "strength": s})[..., 0] - given
        ).mean()
        for s in ("0.1", "1")
    )
    assert near < far


def test_the_way_between_two_samples(run: Run) -> None:
    model = genctl.load(run)
    path = drawn(model, 5, labels=[3], between=True)
    ends = drawn(model, 2, labels=[3])
    assert np.abs(path[[0, -1]] - ends).max() <= 1
    assert np.abs(np.diff(path, axis=0)).mean() < np.abs(ends[1] - ends[0]).mean()


def test_a_trajectory_ends_at_the_samples(run: Run) -> None:
    model = genctl.load(run)
    frames = model.trajectory(4, options=FEW)
    assert len(frames) == 3
    assert np.abs(frames[-1].array.astype(int) - drawn(model, 4)).max() <= 1


def test_typing_at_it(type_: Type, run: Run, picture: Path, mask: Path, tmp_path: Path) -> None:
    name, few = str(run.path), ("--steps", "2", "--n", "4")
    said = type_("sample", name, *few, "--inpaint", str(picture), "--mask", str(mask))
    assert said.code == 0
    assert Image.open(said.out.partition(":")[0]).size[0] > 0
    gif = tmp_path / "轨迹.gif"
    assert type_("sample", name, "--steps", "5", "--n", "4", "--trajectory", str(gif)).code == 0
    with Image.open(gif) as frames:
        assert len(list(ImageSequence.Iterator(frames))) == 5
    document = type_("sample", name, *few, "--interpolate", "--labels", "3", "--json").json
    assert document["labels"] == [3, 3, 3, 3]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ("--steps 0", 2, "steps"),
        ("--guidance nan", 2, "guidance"),
        ("--sampler dpmpp2m", 2, "did you mean 'dpmpp-2m'"),
        ("--sampler heun --eta 1", 2, "--eta 1 is for the sampler ddim, not for heun"),
        ("--mask m.png", 2, "--mask belongs to --inpaint"),
        ("--inpaint i.png", 2, "--inpaint needs --mask"),
        ("--init-image nowhere.png", 3, "no image at nowhere.png"),
        ("--trajectory a.mp4", 2, "use .gif or .webp"),
        ("--prompt hello", 2, "generates images, so --prompt does not apply"),
        ("--jsonl", 2, "generates images, so --jsonl does not apply"),
    ],
)
def test_a_mistake_is_one_clear_line(
    type_: Type,
    run: Run,
    options: str,
    code: int,
    words: str,
) -> None:
    said = type_("sample", str(run.path), *options.split())
    errors = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert said.code == code
    assert len(errors) == 1
    assert words in errors[0]


def test_pictures_that_do_not_fit(run: Run, picture: Path, tmp_path: Path) -> None:
    model = genctl.load(run)
    Image.new("L", (14, 28)).save(tmp_path / "narrow.png")
    Image.new("RGB", (28, 28), "red").save(tmp_path / "red.png")
    with pytest.raises(
        GenctlError, match=r"narrow\.png is 28x14, and the model's images are 28x28"
    ) as refused:
        drawn(model, 1, image=picture, mask=tmp_path / "narrow.png")
    assert refused.value.code == ExitStatus.DATA
    with pytest.raises(GenctlError, match=r"red\.png has 3 channels"):
        drawn(model, 1, image=tmp_path / "red.png")


def test_a_gan_takes_no_picture(tmp_path: Path, picture: Path) -> None:
    sets = ["evaluations=0"]
    gan = genctl.load(
        genctl.train("gan", preset="mlp", budget="1steps", sets=sets, out=tmp_path / "gan")
    )
    with pytest.raises(GenctlError, match="from noise alone"):
        gan.sample(1, image=picture)
    with pytest.raises(GenctlError, match="in one step"):
        gan.trajectory(1)
    assert gan.sample(5, between=True).array.shape == (5, 28, 28, 1)


def test_init_goes_on_from_a_run(run: Run, tmp_path: Path) -> None:
    again = train(tmp_path / "again", f"init={run.path}", "lr=1e-9", budget="1steps")
    one = checkpoint.group(checkpoint.choose(run, "last", print), "ema.ema")
    two = checkpoint.group(checkpoint.choose(again, "last", print), "model")
    assert all(torch.allclose(one[name], two[name], atol=1e-6) for name in one)


def test_init_goes_on_from_a_folder_of_diffusers(run: Run, tmp_path: Path) -> None:
    folder = export(run, "diffusers", tmp_path / "导出").path
    again = train(tmp_path / "again", f"init={folder}", "lr=1e-9", budget="1steps")
    one = checkpoint.group(checkpoint.choose(run, "last", print), "ema.ema")
    two = checkpoint.group(checkpoint.choose(again, "last", print), "model")
    assert all(torch.allclose(one[name], two[name], atol=1e-6) for name in one)
    with pytest.raises(GenctlError, match="the network of init has attention none, and") as refused:
        train(tmp_path / "other", f"init={folder}", "attention=1")
    assert refused.value.code == ExitStatus.USAGE
    assert not (tmp_path / "other").exists()
