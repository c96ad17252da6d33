"""Checking, cleaning and labelling by the functions of a plug-in's kind of data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import genctl
from genctl.cli import main
from genctl.data.findings import Cleaned, DataCheck, Labelled
from genctl.errors import ExitStatus, GenctlError
from genctl.registry import DATA_KINDS, SPEC_API, Claim, DataKind


@dataclass(frozen=True)
class Options:
    source: str = ""


def claims(source: str) -> Claim:
    return Claim.SURE if source.endswith(".toy") else Claim.NO


def check(source: str) -> DataCheck:
    return DataCheck(source, [])


def clean(source: str, out: str | Path, *, sorted: bool = True) -> Cleaned:
    return Cleaned(Path(out), 3 if sorted else 2, {}, {})


def label(source: str, *, pattern: str) -> Labelled:
    return Labelled(Path(source), {pattern: 1})


def open_clean(source: str, out: Path, **settings: object) -> Cleaned:
    return Cleaned(Path(out), len(settings), {}, {})


KIND = DataKind(
    api=SPEC_API,
    name="toys",
    summary="toys",
    config=Options,
    features={},
    outputs={},
    words=("toy", "toys"),
    targets={name: f"{__name__}:{name}" for name in ("claims", "check", "clean", "label")},
)


@pytest.fixture(autouse=True)
def toys() -> Iterator[None]:
    DATA_KINDS.register("toys", f"{__name__}:KIND")
    yield
    DATA_KINDS.unregister("toys")


def test_functions_get_the_settings_that_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert genctl.check("a.toy").kind == "toys"
    assert genctl.clean("a.toy", "b").kept == 3
    assert genctl.clean("a.toy", "b", sorted=False).kept == 2
    assert genctl.label("a.toy", pattern="x").counts == {"x": 1}
    assert main(["data", "clean", "a.toy", "--out", "b"]) == 0
    assert "b: 3 toys written" in capsys.readouterr().out
    assert main(["data", "label", "a.toy", "--pattern", "y", "--quiet"]) == 0
    assert capsys.readouterr().out == "a.toy\n"


@pytest.mark.parametrize(
    ("call", "option"),
    [
        (lambda: genctl.check("a.toy", encoding="big5"), "encoding"),
        (lambda: genctl.clean("a.toy", "b", size=(8, 8)), "size"),
        (lambda: genctl.clean("digits", "b", sizes=3), "sizes"),
        (lambda: genctl.label("a.toy", pattern="x", by="digits"), "by"),
    ],
)
def test_other_settings_do_not_apply(call: Callable[[], object], option: str) -> None:
    with pytest.raises(GenctlError, match="does not apply") as refused:
        call()
    assert refused.value.code is ExitStatus.USAGE
    assert refused.value.option == option


def test_a_setting_with_a_similar_name_is_named() -> None:
    with pytest.raises(GenctlError) as refused:
        genctl.clean("digits", "b", sizes=3)
    assert refused.value.hint == "size=3, or leave sizes out"


def test_a_function_may_take_any_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KIND.targets, "clean", f"{__name__}:open_clean")
    assert genctl.clean("a.toy", "b", one=1, two=2).kept == 2


@pytest.mark.parametrize("verb", ["clean", "label"])
def test_a_kind_without_the_function(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(KIND.targets, verb)
    call: dict[str, Callable[[], object]] = {
        "clean": lambda: genctl.clean("a.toy", "b"),
        "label": lambda: genctl.label("a.toy"),
    }
    with pytest.raises(GenctlError, match=f"a.toy holds toys, which cannot be {verb}") as refused:
        call[verb]()
    assert refused.value.hint == (
        'genctl.check("a.toy"), or name images: a folder, ZIP or Parquet file of images, or an .npz'
    )


def test_data_of_another_kind_hint_at_data_of_this_kind() -> None:
    with pytest.raises(
        GenctlError, match="digits holds images, and lm learns from text"
    ) as refused:
        genctl.train("lm", data="digits")
    assert refused.value.hint.endswith(
        "or name a text file, .jsonl, one of these packed, or a folder of them"
    )
