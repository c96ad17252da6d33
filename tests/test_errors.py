from __future__ import annotations

import ast
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import genctl
from genctl.cli.errors import CommandLine
from genctl.errors import (
    FUNCTIONS,
    ExitStatus,
    GenctlError,
    Placeholder,
    Suggestion,
    literal,
    opt,
    unknown,
)

FOLDER = Placeholder("FOLDER")
VALUES = st.one_of(
    st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
)


def usage(message: str = "wrong", **more: Any) -> GenctlError:
    return GenctlError(ExitStatus.USAGE, message, **more)


def typed(error: GenctlError, *words: str) -> tuple[str, str]:
    return error.rendered(CommandLine(words))


@given(st.text())
def test_whatever_a_file_says_an_error_is_one_line(name: str) -> None:
    error = GenctlError(ExitStatus.DATA, f"no {name}", hint=f"look at {name}")
    for said in (str(error), error.message, error.hint, *typed(error)):
        assert len(f"{said}.".splitlines()) == 1
        assert "\x1b" not in said
        said.encode()


@given(VALUES | st.lists(VALUES, max_size=3))
def test_whatever_a_value_is_an_error_is_one_line(value: Any) -> None:
    error = usage(f"{opt('n', value)} is bad", option="n", suggest=value)
    for said in (str(error), error.hint, *typed(error)):
        assert len(f"{said}.".splitlines()) == 1
        said.encode()


@pytest.mark.parametrize("name", ["图 片/猫.png", "naïve – file", "👩‍🔧.webp", "a\\b"])
def test_what_can_be_read_stays_as_it_is(name: str) -> None:
    assert GenctlError(ExitStatus.DATA, name, hint=name).hint == name


def test_line_ends_and_commands_to_the_terminal_show_as_escapes() -> None:
    error = GenctlError(ExitStatus.DATA, "a\nb\x1b[31m\udcff")
    assert error.message == r"a\nb\x1b[31m\udcff"


@given(VALUES)
def test_python_shows_a_value_as_its_source(value: Any) -> None:
    error = usage(f"{opt('n', value)} is bad")
    written = error.message.removeprefix("n=").removesuffix(" is bad")
    assert ast.literal_eval(written) == value


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1))
def test_the_shell_reads_a_value_back(value: str) -> None:
    message, hint = typed(usage(f"{opt('out', value)} is bad", option="out", suggest=value))
    assert shlex.split(message) == ["--out", value, "is", "bad"]
    assert shlex.split(hint) == ["--out", value]


@pytest.mark.parametrize(
    ("error", "python", "command_line"),
    [
        (
            usage(f"{opt('n', 0)} is below 1", option="n", suggest=64),
            ("n=0 is below 1", "n=64"),
            ("--n 0 is below 1", "--n 64"),
        ),
        (
            usage(f"{opt('context')} is for bpb", hint=f"leave {opt('context')} out"),
            ("context is for bpb", "leave context out"),
            ("--context is for bpb", "leave --context out"),
        ),
        (
            usage("no class 'x'", option="labels", suggest=([0, 1], ["cat"])),
            ("no class 'x'", 'labels=[0, 1], or labels=["cat"]'),
            ("no class 'x'", "--labels 0,1, or --labels cat"),
        ),
        (
            usage("too short", suggest=(Suggestion("", {"n": 1}), Suggestion("", {"n": 2}))),
            ("too short", "n=1, or n=2"),
            ("too short", "--n 1, or --n 2"),
        ),
        (
            usage("x", option="budget", suggest=("1m", "10k", "5steps")),
            ("x", 'budget="1m", budget="10k", or budget="5steps"'),
            ("x", "--budget 1m, --budget 10k, or --budget 5steps"),
        ),
        (
            usage("x", suggest=Suggestion("eval", {"ref": FOLDER}, args=("fid",))),
            ("x", 'genctl.evaluate("fid", ref=FOLDER)'),
            ("x", "genctl eval fid --ref FOLDER"),
        ),
        (
            usage("x", suggest=Suggestion("sample", {"n": 5}, "is faster", args=("a b",))),
            ("x", 'genctl.load("a b").sample(n=5) is faster'),
            ("x", "genctl sample 'a b' --n 5 is faster"),
        ),
        (
            usage("x", suggest=Suggestion("sample", {"n": 5, "out": "s/"}, args=("r",))),
            ("x", 'genctl.load("r").sample(n=5).save("s/")'),
            ("x", "genctl sample r --n 5 --out s/"),
        ),
        (
            usage("x", suggest=Suggestion("runs ls")),
            ("x", "genctl runs ls in a shell"),
            ("x", "genctl runs ls"),
        ),
        (
            usage(f"{opt('train.batch_size', 6)} is odd", option="train.batch_size", suggest=64),
            ("batch_size=6 is odd", "batch_size=64"),
            ("train.batch_size = 6 is odd", "--set train.batch_size=64"),
        ),
        (
            usage("x", suggest=Suggestion("", {"new": True, "train.lr": 1e-4}), hint="wait"),
            ("x", "new=True, lr=0.0001, or wait"),
            ("x", "--new --set train.lr=0.0001, or wait"),
        ),
    ],
)
def test_each_renderer_has_its_own_spelling(
    error: GenctlError, python: tuple[str, str], command_line: tuple[str, str]
) -> None:
    assert (str(error), error.hint) == python
    assert typed(error) == command_line


@pytest.mark.parametrize(
    ("words", "option", "flag"),
    [
        ("sample x", "weights", "--weights"),
        ("eval fid x", "weights", "--weights"),
        ("eval fid x", "extractor_weights", "--extractor-weights"),
        ("sample x", "prompts", "--prompt"),
        ("sample x --prompts file", "prompts", "--prompts"),
        ("sample x --init-image=i.png", "image", "--init-image"),
        ("sample x --mask m.png", "image", "--inpaint"),
        ("sample x", "batch_size", "--batch-size"),
    ],
)
def test_a_flag_is_that_of_the_verb(words: str, option: str, flag: str) -> None:
    assert typed(usage(f"{opt(option)} is bad"), *words.split())[0] == f"{flag} is bad"


def test_a_suggested_verb_has_its_own_flags() -> None:
    error = usage("x", suggest=Suggestion("eval", {"weights": "ema"}))
    assert typed(error, "sample", "x")[1] == "genctl eval --weights ema"


@pytest.mark.parametrize(
    "text", ["{option:n=[}", "{option:n=1}", "{option}", "{option:n={}}", "{0}", "%s", "{"]
)
def test_a_file_name_that_looks_like_ours_stays(text: str) -> None:
    assert str(usage(text)) == text
    assert typed(usage(text))[0] == text


@pytest.mark.parametrize(
    "value", ["}", "{option:n=1}", 'a"b', "\udcff", Path("a/b"), 1.5, [1, "}"], {"a": {}}]
)
def test_any_value_can_be_written(value: Any) -> None:
    shown = str(usage(f"{opt('n', value)}.")).removeprefix("n=").removesuffix(".")
    wanted = str(value) if isinstance(value, Path) else value
    assert ast.literal_eval(shown) == wanted


def test_another_error_may_quote_one() -> None:
    inner = usage(f"{opt('n', 0)} is below 1")
    outer = usage(f"cannot score: {inner.template}")
    assert str(outer) == "cannot score: n=0 is below 1"
    assert typed(outer)[0] == "cannot score: --n 0 is below 1"


def test_a_server_gets_fields() -> None:
    error = usage(f"{opt('n', 0)} is below 1", option="n", suggest=64, hint="leave it out")
    assert json.loads(json.dumps(error.to_json())) == {
        "code": 2,
        "message": "n=0 is below 1",
        "field": "n",
        "hint": "leave it out",
        "suggest": [{"verb": "", "options": {"n": 64}, "text": "", "args": []}],
    }


@given(st.text(), VALUES)
def test_an_error_crosses_to_another_process(text: str, value: Any) -> None:
    error = usage(
        f"{opt('n', value)} {text}",
        option="n",
        suggest=(value, Suggestion("eval", {"ref": Path("a")}, "helps", args=("fid",))),
        hint=text,
    )
    received = GenctlError.unpack(json.loads(json.dumps(error.pack())), "process 1: ")
    assert received.code is error.code
    assert received.option == error.option
    assert str(received) == f"process 1: {error}"
    assert received.hint == error.hint
    assert typed(received)[1] == typed(error)[1]


def test_an_unknown_name_takes_a_suggestion_too() -> None:
    error = unknown("preset", "mpl", ["mlp", "resnet"], option="preset", suggest="mlp")
    assert str(error) == "unknown preset 'mpl'; did you mean 'mlp'?"
    assert (error.option, error.hint) == ("preset", 'preset="mlp"')


def test_what_python_is_told_to_call_exists() -> None:
    assert {name.removeprefix("genctl.") for name in FUNCTIONS.values()} <= set(genctl.__all__)
    assert hasattr(genctl.Model, "sample")


def test_a_placeholder_has_no_quotes() -> None:
    assert literal(["a", FOLDER]) == '["a", FOLDER]'
