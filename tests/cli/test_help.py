"""Help, version and completion."""

from __future__ import annotations

import re
import typing
from pathlib import Path
from typing import get_args

import pytest

import genctl
from genctl.cli import completion, main
from genctl.config import TrainConfig, options, request_options
from genctl.registry import get
from tests.cli.conftest import Type

FORMATS = ["diffusers", "gguf", "gguf-q8_0", "hf", "onnx", "safetensors"]
VERBS = [
    "report",
    "train",
    "sample",
    "eval",
    "compare",
    "stats",
    "export",
    "models",
    "runs",
    "data",
    "config",
    "info",
    "explain",
    "watch",
    "doctor",
    "demo",
]


def test_help_lists_every_verb(type_: Type) -> None:
    said = type_("--help")
    assert said.code == 0
    listed = said.out.partition("Commands:")[2]
    assert sorted(line.split()[0] for line in listed.strip().splitlines()) == sorted(VERBS)
    assert "..." not in listed  # no summary is cut short


def test_no_arguments_show_the_help(type_: Type) -> None:
    assert type_() == type_("--help")
    assert type_("runs") == type_("runs", "--help")


@pytest.mark.parametrize(
    "verb",
    [
        "train",
        "sample",
        "eval",
        "compare",
        "export",
        "models",
        "runs ls",
        "runs show",
        "runs compare",
        "runs rm",
        "data check",
        "data clean",
        "data label",
        "config show",
        "config diff",
        "info",
        "explain",
        "watch",
        "doctor",
        "demo",
    ],
)
def test_every_verb_has_help_and_the_manners(type_: Type, verb: str) -> None:
    said = type_(*verb.split(), "--help")
    assert said.code == 0
    assert said.err == ""
    for option in ("--json", "--quiet", "--verbose", "--debug"):
        assert option in said.out
    assert "\x1b" not in said.out


def test_version(type_: Type) -> None:
    assert type_("--version").out == f"genctl {genctl.__version__}\n"


def test_a_familys_options_are_in_its_help(type_: Type) -> None:
    said = " ".join(type_("train", "gan", "--help").out.split())
    for info in options(get("gan")):
        assert f"--{info.leaf.replace('_', '-')}" in said or info.key == "data.source"
    assert (
        "--width int >= 4 channels of the finest stage; coarser ones double [default: 24]" in said
    )
    assert "mlp architecture=mlp" in said


def test_a_familys_sampling_options_are_in_the_help_of_its_runs(type_: Type, run: str) -> None:
    said = type_("sample", run, "--help").out
    for info in request_options(get("gan")):
        assert f"--{info.leaf}" in said


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("genctl exp", ["export", "explain"]),
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
            ["fid", "is", "kid", "prdc", "fid-infinity", "per-class", "memorisation", "bpb", "all"],
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
    with pytest.raises(SystemExit):
        main([])
    assert capsys.readouterr().out.split() == offered


def test_what_is_completed_is_what_there_is() -> None:
    from genctl.data.images.sets.known_sets import KNOWN_SETS
    from genctl.engine.training.loggers import LOGGERS
    from genctl.evaluation.extractors.choose import EXTRACTORS, PRECISIONS
    from genctl.evaluation.extractors.protocols import PROTOCOLS

    assert completion.EXTRACTORS == EXTRACTORS
    assert completion.PRECISIONS == PRECISIONS
    assert tuple(PROTOCOLS) == completion.PROTOCOLS
    summaries = {name: known.summary for name, known in KNOWN_SETS.items()}
    assert completion.SOURCES["image"].items() >= summaries.items()
    assert set(completion.SOURCES["image"]) == {"digits", "emoji", "celeba", *KNOWN_SETS}
    assert set(completion.LOGGERS) == set(LOGGERS)
    assert get_args(typing.get_type_hints(TrainConfig)["amp"]) == completion.AMP


@pytest.mark.parametrize(
    "verb",
    [
        "train", "sample", "eval", "compare", "stats", "export", "runs ls", "runs compare",
        "runs rm", "data ls", "data check", "data clean", "data label", "config show",
        "config diff", "info", "explain", "watch", "demo",
    ],
)  # fmt: skip
def test_the_documentation_names_every_option(type_: Type, verb: str) -> None:
    documented = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
    shown = type_(*verb.split(), "--help").out
    for option in re.findall(r"^  (?:-\w, )?(--[\w-]+)", shown, flags=re.MULTILINE):
        assert f"`{option}" in documented, option
