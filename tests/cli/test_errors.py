"""Mistakes: the right exit code, one clear line, the next thing to type, and never a traceback."""

from __future__ import annotations

import os
import sys

import pytest
import torch

from genctl.cli import app
from genctl.cli import errors as failures
from genctl.errors import ExitStatus, GenctlError, Suggestion
from genctl.output import Output
from tests.command_line import Type


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("trian", 2, "unknown command 'trian'; did you mean 'train'?"),
        ("runs shw", 2, "unknown command 'shw'; did you mean 'show'?"),
        ("--versoin", 2, "unknown option '--versoin'; did you mean '--version'?"),
        ("train", 2, "missing argument 'FAMILY'"),
        ("train gna", 2, "unknown family 'gna'; did you mean 'gan'?"),
        ("train gna --help", 2, "unknown family 'gna'; did you mean 'gan'?"),
        ("train gan --widht 3", 2, "unknown option '--widht'; did you mean '--width'?"),
        ("train gan --bugdet 3", 2, "unknown option '--bugdet'; did you mean '--budget'?"),
        ("train gan --budget", 2, "option '--budget' requires an argument"),
        ("train gan digits", 2, "unexpected extra argument(s) (digits)"),
        ("train gan --seed x", 2, "'--seed'"),
        ("train gan --seed -1", 2, "--seed -1 is not a whole number"),
        ("train gan --set lrr=1", 2, "unknown key 'lrr' (from --set); did you mean 'lr'?"),
        ("train gan --set lr=abc", 2, "train.lr = 'abc'"),
        ("train gan --lr abc", 2, "train.lr = 'abc'"),
        ("train gan --set lr", 2, "--set lr is not KEY=VALUE"),
        ("train gan --preset mpl", 2, "unknown preset 'mpl'; did you mean 'mlp'?"),
        ("train gan --budget soon", 2, "'soon' is not a budget"),
        (
            "train gan --budget 20steps --eval-every 3s",
            2,
            "--eval-every 3s is neither a share of the budget nor in its unit (20steps)",
        ),
        ("eval fid digits --ref digits --protocol clen", 2, "did you mean 'clean'?"),
        ("eval fid digits --ref digits --protocol clean", 3, "weights were not found"),
        (
            "eval fid digits --ref digits --extractor px --protocol clean",
            2,
            "--protocol is for the inception extractor, not for 'px'",
        ),
        ("eval fid digits --ref digits --precision half", 2, "unknown precision 'half'"),
        ("eval per-class digits --ref digits --extractor pxx", 2, "did you mean 'px'?"),
        ("train gan --config /nowhere.toml", 2, "no config file at /nowhere.toml"),
        ("train gan --log tensorbord", 2, "unknown logger 'tensorbord'"),
        ("train gan --threads 0", 2, "--threads 0 is below 1"),
        ("train gan --device tpu", 2, "no device 'tpu' here"),
        ("models gna", 2, "unknown family 'gna'; did you mean 'gan'?"),
        ("sample nothing", 2, "run 'nothing' does not exist"),
        ("sample", 3, "no run with a checkpoint"),
        ("eval fdi", 2, "unknown metric 'fdi'; did you mean 'fd' or 'fid'?"),
        ("runs show nothing", 2, "run 'nothing' does not exist"),
        ("doctor -q -v", 2, "--quiet and --verbose exclude each other"),
    ],
)
def test_a_mistake_is_one_clear_line(type_: Type, command: str, code: int, words: str) -> None:
    said = type_(*command.split())
    assert said.code == code
    assert said.out == ""
    first, *rest = said.err.splitlines()
    assert first.startswith("error: ")
    assert words in first
    assert [line for line in rest if not line.startswith("hint: ")] == []
    assert len(rest) <= 1


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ("--n 0", 2, "--n 0 is below 1"),
        ("--batch-size 0", 2, "--batch-size 0 is below 1"),
        ("--labels 99", 2, "takes no labels"),
        ("--checkpoint 7", 2, "no checkpoint '7'"),
        ("--weights emma", 2, "unknown weights 'emma'; choose best, ema or raw"),
        ("--truncation 2", 2, "truncation"),
        ("--trunction 0.5", 2, "unknown option '--trunction'; did you mean '--truncation'?"),
        ("--n 4 --out picture.jpg", 2, "cannot save samples as '.jpg'"),
    ],
)
def test_a_mistake_in_sampling(type_: Type, run: str, options: str, code: int, words: str) -> None:
    said = type_("sample", run, *options.split())
    assert said.code == code
    assert words in said.err.splitlines()[0]


def test_a_mistake_in_the_name_of_a_run_gets_the_nearest(type_: Type, run: str) -> None:
    assert f"did you mean {run}?" in type_("sample", "数字-2").err


def test_a_format_that_the_family_does_not_have(type_: Type, run: str) -> None:
    said = type_("export", run, "--format", "onxn")
    assert said.code == 2
    assert "unknown format 'onxn'; did you mean 'onnx'?" in said.err


def test_an_error_is_json_too(type_: Type) -> None:
    said = type_("train", "gna", "--json")
    message = "unknown family 'gna'; did you mean 'gan'?"
    assert said.json == {
        "error": {"code": 2, "message": message, "hint": "genctl models", "option": "family"}
    }
    assert message in said.err


def test_the_hint_names_the_verb_and_the_family(type_: Type) -> None:
    assert "hint: genctl train gan --help" in type_("train", "gan", "--widht", "3").err
    assert "hint: genctl runs compare --help" in type_("runs", "compare").err


def test_debug_shows_the_traceback(type_: Type) -> None:
    assert "Traceback" not in type_("models", "gna").err
    said = type_("models", "gna", "--debug")
    assert said.code == 2
    assert "Traceback" in said.err
    assert said.err.splitlines()[-2].startswith("error: ")


def test_the_manners_may_come_first(type_: Type) -> None:
    assert type_("--json", "models") == type_("models", "--json")


def raiser(error: BaseException) -> object:
    def raise_() -> None:
        raise error

    return raise_


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 4, "out of memory"),
        (RuntimeError("DefaultCPUAllocator: you tried to allocate 9 bytes"), 4, "out of memory"),
        (PermissionError(13, "Permission denied", "/secret"), 1, "/secret: permission denied"),
        (ZeroDivisionError("a\nb"), 1, "internal error: ZeroDivisionError: a b"),
        (GenctlError(ExitStatus.NON_FINITE, "diverged"), 5, "diverged"),
        (GenctlError(ExitStatus.TERMINATED, "stopped"), 143, "stopped"),
    ],
)
def test_whatever_goes_wrong_is_explained(
    type_: Type,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    words: str,
) -> None:
    monkeypatch.setattr("genctl.registry.specs", raiser(error))
    said = type_("models")
    assert said.code == code
    assert said.err.splitlines()[0] == f"error: {words}"
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("train gan", "--micro-batch needs less and gives the same results; --device cpu"),
        ("eval fid RUN", "--batch-size needs less; --device cpu"),
        ("data stats X", "--device cpu uses"),
        ("export RUN", None),
    ],
)
def test_only_what_a_verb_takes_is_proposed_to_save_memory(
    command: str, hint: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    failures.report(MemoryError(), Output(), debug=False, words=command.split())
    said = capsys.readouterr().err
    assert hint in said if hint else "hint" not in said


def test_options_of_data_stats_are_spelt_as_they_were_typed() -> None:
    for verb in (["data", "stats"], ["stats"]):
        line = failures.CommandLine([*verb, "digits", "--weights", "x"])
        assert line.name("extractor_weights") == "--weights"
    assert failures.CommandLine([]).call(Suggestion("stats", args=("x",))) == "genctl data stats x"


def test_torchs_own_out_of_memory() -> None:
    error = torch.OutOfMemoryError("CUDA out of memory")
    assert failures.explain(error).code is ExitStatus.OUT_OF_MEMORY


def test_a_run_out_of_memory_is_told_without_loading_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert failures.explain(RuntimeError("x")).message == "internal error: RuntimeError: x"


def test_a_reader_that_leaves_early_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert app.run(["models"], 0.0) == 0


def test_the_hint_of_a_near_choice_is_that_choice(type_: Type) -> None:
    said = type_("train", "diffusion", "--set", "condition=scal").err
    assert "did you mean 'scale'? choices are shift, scale" in said
    assert "hint: --set model.condition=scale" in said
