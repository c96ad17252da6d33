"""The plug-in, installed beside genctl: ``pip install -e . && pytest``."""

from __future__ import annotations

import csv
import math

import pytest

import genctl
from genctl import registry
from genctl.errors import GenctlError
from genctl.outputs.base import SampleRequest

LM = {"width": 16, "depth": 1, "short_context": 0, "batch_size": 4}


@pytest.fixture
def curves(tmp_path):
    path = tmp_path / "sines.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        for phase in range(40):
            csv.writer(file).writerow([2 * math.sin(phase + step / 3) for step in range(16)])
    return path


def test_genctl_finds_every_part():
    assert {"curves", "sequences"} <= set(registry.DATA_KINDS.names())
    assert {"curves", "sequences"} <= set(registry.OUTPUT_KINDS.names())
    assert {"spectrum", "gc"} <= set(registry.METRICS.names())
    assert "vae" in registry.FAMILIES.names()
    assert registry.broken_plugins() == []


def test_the_vae_learns_curves(curves, tmp_path):
    run = genctl.train("vae", data=curves, budget="30steps", z_dim=4, out=tmp_path / "run")
    path = genctl.load(run).generate(SampleRequest(5, seed=1)).save(tmp_path / "samples.csv")
    rows = list(csv.reader(path.open(encoding="utf-8")))
    assert [len(row) for row in rows] == [16] * 5
    assert genctl.evaluate("spectrum", run, n=20).score.value > 0


def test_few_curves_are_enough_and_one_is_not(tmp_path, curves):
    lines = curves.read_text("utf-8").splitlines(keepends=True)
    few = tmp_path / "a b.csv"
    few.write_text("".join(lines[:5]), "utf-8")
    run = genctl.train("vae", data=few, budget="2steps", z_dim=4, out=tmp_path / "run")
    assert run.read("data.json")["name"] == "a-b"
    few.write_text(lines[0], "utf-8")
    with pytest.raises(GenctlError, match="fewer than two curves"):
        genctl.train("vae", data=few, budget="2steps", z_dim=4, out=tmp_path / "other")


@pytest.mark.parametrize("content", ["", ">a\nGGCC\n"])
def test_gc_of_no_and_of_one_sequence_is_refused(tmp_path, content):
    path = tmp_path / "found.fa"
    path.write_text(content, "utf-8")
    with pytest.raises(GenctlError, match=r"no sequences|at least two"):
        genctl.evaluate("gc", path)


def test_the_lm_learns_sequences(tmp_path):
    run = genctl.train("lm", data="toy-dna", budget="5steps", out=tmp_path / "run", **LM)
    path = genctl.load(run).generate(5).save(tmp_path / "samples.fa")
    assert path.read_text("utf-8").count(">") == 5
    assert 0 <= genctl.evaluate("gc", path).score.value <= 1


@pytest.mark.parametrize(("bases", "share"), [("GCGC", 1.0), ("ACGT", 0.5), ("", 0.0)])
def test_gc_is_the_share_of_g_and_c(bases, share):
    from genctl_example.sequences.metric import gc

    assert gc(bases) == share


def test_equal_curves_are_at_no_distance(curves):
    from genctl_example.curves.dataset import read
    from genctl_example.curves.metric import distance

    values = read(curves)
    assert distance(values, values) == 0
    assert distance(10 * values, values) == pytest.approx(20)
