"""Help, version and completion."""

from __future__ import annotations

import re
import typing
from pathlib import Path
from typing import get_args

import pytest
from typer.core import TyperGroup
from typer.main import get_command

import genctl
from genctl.cli import completion, main
from genctl.cli.app import app
from genctl.cli.views.presets import preset_rows
from genctl.config import TrainConfig, options, request_options
from genctl.config.aliases import PRECISIONS
from genctl.registry import DATA_KINDS, get, metric_names
from tests.command_line import Type

FORMATS = ["diffusers", "gguf", "gguf-q8_0", "hf", "onnx", "safetensors"]
FIRST_SCREEN = {
    "Start": ["demo", "models"],
    "Make": ["data", "train", "sample"],
    "Judge": ["eval", "compare", "watch"],
    "Use": ["export"],
    "Keep": ["runs", "info", "doctor"],
}
LISTED = [
    *("demo", "models", "train", "sample", "eval", "compare", "watch", "export", "info", "doctor"),
    *("data check", "data clean", "data label", "data ls", "data stats"),
    *("runs ls", "runs show", "runs rm"),
]
HIDDEN = ["stats", "report", "explain", "config show", "config diff", "runs compare"]
SCREENS = [*LISTED, "train gan", "train lm", "train diffusion"]


def test_the_first_screen_lists_the_verbs_in_five_groups(type_: Type) -> None:
    said = type_("--help")
    assert said.code == 0
    shown: dict[str, list[str]] = {}
    for title, lines in re.findall(r"^(\w+):\n((?:  .+\n?)+)", said.out, flags=re.MULTILINE):
        shown[title] = [line.split()[0] for line in lines.splitlines()]
    assert shown == FIRST_SCREEN
    assert list(shown) == list(FIRST_SCREEN)
    assert len(said.out.splitlines()) <= 30
    assert "..." not in said.out  # no summary is cut short


def test_all_names_are_on_the_long_screen(type_: Type) -> None:
    said = type_("--help-all").out
    for name in (*HIDDEN, "--version", "--install-completion", "GENCTL_RUNS", "143"):
        assert f"  {name} " in said, name


def test_no_arguments_show_the_help(type_: Type) -> None:
    assert type_() == type_("--help")
    assert type_("runs") == type_("runs", "--help")


@pytest.mark.parametrize("verb", [*LISTED, *HIDDEN])
def test_every_verb_has_help_and_the_common_options(type_: Type, verb: str) -> None:
    for flag in ("--help", "-h", "--help-all"):
        said = type_(*verb.split(), flag)
        assert said.code == 0
        assert said.err == ""
        for option in ("--json", "--quiet", "--verbose", "--debug"):
            assert option in said.out
        assert "\x1b" not in said.out


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("verb", SCREENS)
def test_a_screen_of_help_is_short_and_tidy(
    type_: Type, verb: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer._click.formatting.FORCED_WIDTH", columns - 2)
    short = type_(*verb.split(), "--help").out.splitlines()
    everything = type_(*verb.split(), "--help-all").out.splitlines()
    assert len(short) <= 30
    assert max(map(len, [*short, *everything])) <= columns
    for line in (*short, *everything):
        assert not re.search(r"<\w+>|[{}]|-$", line), line  # types of Typer's; broken at a hyphen
    assert all(line.strip() not in ("[default:", "default:") for line in short)


def test_every_option_is_on_the_long_screen_only_or_on_both(type_: Type) -> None:
    short, everything = (type_("eval", flag).out for flag in ("--help", "--help-all"))
    options = re.compile(r"^  (?:-\w, )?(--[\w-]+)", flags=re.MULTILINE)
    assert set(options.findall(short)) < set(options.findall(everything))
    assert "--seed" in options.findall(everything)
    assert "Notes" not in short + everything
    assert "JSON: scores" in everything
    assert "JSON: scores" not in short


@pytest.mark.parametrize("verb", [*LISTED, *HIDDEN])
def test_one_word_has_one_text(type_: Type, verb: str) -> None:
    """What verbs share, they describe alike."""
    said = " ".join(type_(*verb.split(), "--help-all").out.split())
    texts = {
        "--seed N": "Seed of all randomness.",
        "--n N": "Number of samples. Default:",
        "--device NAME": "cpu, cuda, cuda:1 or mps. Default: the fastest.",
        "--threads N": "CPU threads. Default: PyTorch's.",
        "--precision NAME": "Number format: auto, fp32",  # fp16 only in training
        "--weights NAME": "Weights of the model: best, raw or ema.",
        "--checkpoint NAME": "Checkpoint of a run: best, last or a step number.",
        "--extractor-weights FILE": "Inception weights for the extractor.",
        "--batch-size N": "Samples generated at a time",
        "--preset NAME": "Named settings to start from.",
    }
    for option, text in texts.items():
        if option in said:
            assert f"{option} {text}" in said
    for old in ("--amp", "--model-weights"):
        assert old not in said
    assert not re.search(r"--out [A-Z]+ (?!Where to write)", said)


def test_version(type_: Type) -> None:
    assert type_("--version").out == f"genctl {genctl.__version__}\n"


def test_a_familys_options_are_in_its_help(type_: Type) -> None:
    said = " ".join(type_("train", "gan", "--help-all").out.split())
    for info in options(get("gan")):
        assert f"--{info.leaf.replace('_', '-')}" in said or info.key == "data.source"
    assert "--width N channels of the finest stage; coarser ones double [>=4; default: 24]" in said
    assert "mlp architecture=mlp" in said


def test_the_short_help_of_a_family_names_its_presets_in_a_line_each(type_: Type) -> None:
    said = type_("train", "gan", "--help").out
    lines = said.partition("Presets of gan:\n")[2].splitlines()
    presets = list(get("gan").presets)
    assert [line.split()[0] for line in lines[: len(presets)]] == presets
    assert "--width N" in said
    assert "--penalty-every" not in said
    assert "warmup_steps" not in said  # the same in nearly all presets


def test_presets_show_what_differs_from_the_first() -> None:
    rows = dict(preset_rows(get("gan")))
    assert "warmup_steps=100" in rows["digits"]
    for name in ("small-64", "small-32", "base-64"):
        assert "warmup_steps" not in rows[name]
    assert "burn_in=0" in rows["small-64"]  # which it leaves at the default, unlike the first
    assert "width=32" in rows["small-64"]


def test_a_familys_sampling_options_are_in_the_help_of_its_runs(type_: Type, run: str) -> None:
    said = type_("sample", run, "--help").out
    for info in request_options(get("gan")):
        assert f"--{info.leaf}" in said


def test_the_help_of_sampling_shows_only_what_a_run_takes(type_: Type, run: str) -> None:
    said = type_("sample", run, "--help-all").out
    offered = re.findall(r"^ +(--[\w-]+)", said, re.MULTILINE)
    assert {"--labels", "--interpolate"} <= {*offered}
    others = {"--inpaint", "--mask", "--init-image", "--trajectory", "--prompt", "--jsonl"}
    assert others.isdisjoint(offered)
    assert f"Usage: genctl sample '{run}' [OPTIONS]" in said


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("genctl exp", ["export"]),
        ("genctl ", [name for names in FIRST_SCREEN.values() for name in names]),
        ("genctl train gan --am", []),
        ("genctl train gan --prec", ["--precision"]),
        ("genctl train gan --precision ", ["auto", "fp32", "bf16", "fp16"]),
        ("genctl train gan --gamma ", ["auto"]),
        ("genctl eval fid --w", ["--weights"]),
        ("genctl sample 数字-1 --prompt", []),
        ("genctl train ", ["gan", "lm", "diffusion"]),
        (
            "genctl train gan --preset ",
            ["digits", "small-64", "dcgan", "small-32", "base-32", "base-64", "mlp"],
        ),
        ("genctl train gan --wid", ["--width"]),
        ("genctl train gan --optimizer ", ["adam", "adamw", "sgd", "muon"]),
        ("genctl train gan --data di", ["digits"]),
        ("genctl train lm --data ", ["pydoc"]),
        ("genctl sample ", ["数字-1"]),
        ("genctl sample 数字-1 --trunc", ["--truncation"]),
        (
            "genctl eval ",
            [*metric_names(), "all"],
        ),
        ("genctl export --format ", FORMATS),
        ("genctl models ", ["gan", "lm", "diffusion"]),
        ("genctl runs show ", ["数字-1"]),
    ],
)
def test_completion(
    words: str,
    offered: list[str],
    run: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("_GENCTL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    assert main([]) == 0
    assert capsys.readouterr().out.split() == offered


def test_what_is_completed_is_what_there_is() -> None:
    from genctl.data.images.sets.known_sets import KNOWN_SETS
    from genctl.engine.reporting.loggers import LOGGERS
    from genctl.evaluation.extractors.choose import EXTRACTORS
    from genctl.evaluation.extractors.choose import PRECISIONS as EXTRACTOR_PRECISIONS
    from genctl.evaluation.extractors.protocols import PROTOCOLS

    assert completion.EXTRACTORS == EXTRACTORS
    assert tuple(PROTOCOLS) == completion.PROTOCOLS
    assert ("auto", *EXTRACTOR_PRECISIONS) == completion.EVAL_PRECISIONS
    summaries = {name: known.summary for name, known in KNOWN_SETS.items()}
    assert DATA_KINDS.get("images").named().items() >= summaries.items()
    assert set(DATA_KINDS.get("images").named()) == {"digits", "emoji", "celeba", *KNOWN_SETS}
    assert set(completion.LOGGERS) == set(LOGGERS)
    assert get_args(typing.get_type_hints(TrainConfig)["precision"]) == PRECISIONS


def test_the_page_of_commands_has_every_verb() -> None:
    """The options of each are in the generated reference: tests/docs/test_site.py."""
    documented = (Path(__file__).parents[2] / "docs" / "commands.md").read_text("utf-8")
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    for name, command in group.commands.items():
        for inner in getattr(command, "commands", {"": command}):
            words = f"genctl {name} {inner}".strip()
            assert words in documented or f"{name} {inner}".strip() in HIDDEN, words
