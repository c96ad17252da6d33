"""What every metric declares: found by itself, quickly, without torch, and true."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation import metrics as room
from genctl.evaluation.measures.inception_score import SPLITS
from genctl.evaluation.measures.infinity import POINTS
from genctl.evaluation.measures.neighbours import DENSITY_K, PRECISION_K
from genctl.registry import (
    METRICS,
    OUTPUT_KINDS,
    MetricSpec,
    all_metrics,
    metric_names,
    parse_metrics,
)

NEEDS = {
    "samples", "features", "reference", "images", "classifier", "classes", "held_out",
    "token_losses", "model",
}  # fmt: skip
SPECS = METRICS.all()


def parsed(text: str) -> list[str]:
    found = parse_metrics(text)
    assert found is not None
    return [metric.name for metric in found]


def test_each_file_is_a_metric() -> None:
    files = {
        path
        for path in Path(str(room.__file__)).parent.glob("*/*.py")
        if not path.name.startswith("_")
    }
    assert len(files) == len(SPECS)
    for path in files:
        assert f"{path.parent.name}.{path.stem}:" in " ".join(spec.target for spec in SPECS)


def test_they_are_found_without_anything_heavy() -> None:
    script = (
        "import sys; from genctl.registry import metric_names; metric_names(); "
        "sys.exit(bool({'torch', 'numpy', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_what_it_declares_is_there(spec: MetricSpec) -> None:
    assert callable(spec.load())
    assert spec.of <= set(OUTPUT_KINDS.names())
    assert spec.needs <= NEEDS
    assert set(spec.explain) == set(spec.parts)
    assert set(spec.unverified) <= set(spec.parts)
    assert bool(spec.chart) == (spec.load_chart() is not None)
    assert set(spec.least) <= {"samples", "images", "classes", "class"}
    assert not spec.choices or spec.parameter


def test_the_least_numbers_are_those_of_the_measures() -> None:
    least = {spec.name: spec.least for spec in SPECS}
    assert least["is"]["samples"] == SPLITS
    assert least["fid-infinity"]["samples"] == 2 * POINTS
    assert least["prdc"]["samples"] == least["prdc"]["images"] == DENSITY_K + 1
    assert least["per-class"]["class"] == 2 * PRECISION_K + 1


def test_names_are_told_apart_and_read_back() -> None:
    names = metric_names()
    assert len(names) == len(set(names))
    for name in names:
        assert parsed(name) == [name]
    parts = [part for spec in SPECS for part in spec.parts]
    assert len(parts) == len(set(parts))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("fid,kid", ["fid", "kid"]),
        (" kid , fid,kid", ["kid", "fid"]),
        ("distinct-2", ["distinct-2"]),
        ("distinct", ["distinct-1", "distinct-2", "distinct-3"]),
        ("distinct:3,distinct[1]", ["distinct-3", "distinct-1"]),
        ("fd[digits],fd:rand", ["fd[digits]", "fd[rand]"]),
        ("fd:torchvision:resnet18", ["fd[torchvision:resnet18]"]),
        ("fd[a,b],fid-infinity", ["fd[a,b]", "fid-infinity"]),
        ("fd", ["fd"]),
    ],
)
def test_names_and_parameters(text: str, names: list[str]) -> None:
    assert parsed(text) == names
    assert parsed(",".join(names)) == names


def test_all_leaves_out_what_needs_a_parameter() -> None:
    assert parse_metrics("all") is None
    assert parse_metrics(["fid", "all"]) is None
    assert [metric.name for metric in all_metrics("text")] == [
        "bpb", "distinct-1", "distinct-2", "distinct-3",
    ]  # fmt: skip
    assert {"fd", "kd"}.isdisjoint(metric.name for metric in all_metrics("images"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fdi", "did you mean 'fd'"),
        ("fid,", "a metric has no name"),
        ("fid[digits]", "'fid' takes no parameter"),
        ("fid-2", "unknown metric 'fid-2'"),
        ("distinct-4", "unknown n of distinct '4'"),
        ("nope:3", "unknown metric 'nope'"),
    ],
)
def test_what_is_no_metric(text: str, words: str) -> None:
    with pytest.raises(GenctlError) as caught:
        parse_metrics(text)
    assert words in caught.value.message
    assert caught.value.code is ExitStatus.USAGE
