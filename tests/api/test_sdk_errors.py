"""Errors of the SDK read like Python: names of parameters, values as literals, no flags."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import genctl
from genctl.cli.errors import CommandLine
from genctl.errors import ExitStatus, GenctlError
from genctl.outputs.base import class_number
from tests.export.models import tiny_run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> genctl.Model:
    root = tmp_path_factory.mktemp("sdk") / "run"
    tiny_run(root)
    return genctl.load(root, device="cpu")


def train(**more: Any) -> object:
    given: dict[str, Any] = {"data": "digits", "preset": "mlp", "threads": 1, **more}
    return genctl.train("gan", **given)


@pytest.mark.parametrize(
    ("call", "python", "command_line"),
    [
        (
            lambda model: model.sample(0),
            ("n=0 is below 1", "n=64"),
            ("--n 0 is below 1", "--n 64"),
        ),
        (
            lambda model: model.sample(batch_size=0),
            ("batch_size=0 is below 1", "batch_size=64"),
            ("--batch-size 0 is below 1", "--batch-size 64"),
        ),
        (
            lambda model: genctl.evaluate("fid", model, n=1),
            ("n=1 is too few to score", "n=2000"),
            ("--n 1 is too few to score", "--n 2000"),
        ),
        (
            lambda model: genctl.evaluate("fid", model, context=8),
            ("context=8 is for bpb, not for fid", "leave context out"),
            ("--context 8 is for bpb, not for fid", "leave --context out"),
        ),
        (
            lambda model: model.sample(mask="mask.png"),
            ("a mask needs the image that it belongs to", "image=IMAGE"),
            ("a mask needs the image that it belongs to", "--inpaint IMAGE"),
        ),
        (
            lambda _: class_number("x", ["cat", "dog"]),
            ("no class 'x'; the classes are cat, dog", "labels=[0, 1]"),
            ("no class 'x'; the classes are cat, dog", "--labels 0,1"),
        ),
        (
            lambda _: train(eval_every="x", budget="2steps"),
            (
                'eval_every="x" is neither a share of the budget nor in its unit (2steps)',
                'eval_every="10%"',
            ),
            (
                "--eval-every x is neither a share of the budget nor in its unit (2steps)",
                "--eval-every 10%",
            ),
        ),
        (
            lambda _: train(options={"batch_size": 6, "micro_batch": 4}),
            ("micro_batch=4 does not divide batch_size=6", "micro_batch=3"),
            (
                "train.micro_batch = 4 does not divide train.batch_size = 6",
                "--set train.micro_batch=3",
            ),
        ),
        (
            lambda _: train(sets=["lr=abc"]),
            ('lr="abc" (from sets): input should be a valid number', "lr=0.001"),
            (
                "train.lr = 'abc' (from --set): input should be a valid number",
                "--set train.lr=0.001",
            ),
        ),
    ],
)
def test_the_same_error_in_python_and_on_the_command_line(
    model: genctl.Model,
    call: Callable[[genctl.Model], object],
    python: tuple[str, str],
    command_line: tuple[str, str],
) -> None:
    with pytest.raises(GenctlError) as refused:
        call(model)
    error = refused.value
    assert (str(error).partition(", unable")[0], error.hint) == python
    message, hint = error.rendered(CommandLine(["sample"]))
    assert (message.partition(", unable")[0], hint) == command_line


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.sample(options={"truncatoin": 1}),
        lambda model: model.sample(options={"truncation": "x"}),
        lambda model: model.sample(labels=["x"]),
        lambda model: model.trajectory(),
        lambda model: model.write(2, prompts=["hello"]),
        lambda model: model.sample(image="nowhere.png"),
        lambda model: model.export("onxn"),
        lambda model: genctl.evaluate("fdi", model),
        lambda model: genctl.evaluate("bpb", model),
        lambda model: genctl.evaluate("fid", "digits"),
        lambda model: genctl.evaluate("fid", model, extractor="px", protocol="clean"),
        lambda model: genctl.evaluate("fid", model, extractor_weights=Path("ema")),
        lambda _: genctl.load("nothing"),
        lambda _: genctl.stats("digits", "digits.txt"),
        lambda _: train(budget="soon"),
        lambda _: train(options={"widht": 3}),
        lambda _: train(preset="mpl"),
        lambda _: train(amp="fp16", device="cpu"),
        lambda _: genctl.train("gna"),
        lambda _: genctl.train("lm", data="digits"),
    ],
)
def test_no_error_shows_a_flag(model: genctl.Model, call: Callable[[genctl.Model], object]) -> None:
    with pytest.raises(GenctlError) as refused:
        call(model)
    assert "--" not in f"{refused.value} {refused.value.hint}"


def test_statistics_take_a_precision(tmp_path: Path) -> None:
    with pytest.raises(GenctlError, match="unknown precision 'fp16'") as refused:
        genctl.stats("digits", tmp_path / "x.npz", n=4, extractor="px", precision="fp16")
    assert (refused.value.code, refused.value.option) == (ExitStatus.USAGE, "precision")
