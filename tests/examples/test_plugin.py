"""The plug-in under ``examples/``, installed as a user would and run by the command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[2] / "examples" / "plugin"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plug-in, and with another one that cannot be imported."""
    folder = tmp_path_factory.mktemp("plugin")
    site, source = folder / "site", folder / "source"
    # A copy: the build leaves its traces beside the sources.
    shutil.copytree(PLUGIN, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, *offline, "--target", str(site), str(source)], check=True, timeout=120)
    (site / "broken_plugin.py").write_text("raise RuntimeError('out of order')\n")
    metadata = site / "broken_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[genctl.models]\nbroken = broken_plugin:SPEC\n")
    return site


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def python(site: Path, runs: Path, *arguments: str) -> str:
    """What ``python ARGUMENTS`` prints when it can see the plug-ins."""
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "GENCTL_RUNS": str(runs)}
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def genctl(site: Path, runs: Path, *lines: list[str]) -> str:
    """What these commands print, in one process: half of a command's time is the start of torch."""
    code = "import sys; from genctl.cli import main; sys.exit(max(map(main, {!r})))"
    return python(site, runs, "-c", code.format(lines))


def test_its_own_tests_pass(site: Path, runs: Path) -> None:
    (site / "broken_plugin-1.0.dist-info").rename(site / "put-aside")
    try:
        said = python(site, runs, "-m", "pytest", "-p", "no:cacheprovider", str(PLUGIN / "tests"))
    finally:
        (site / "put-aside").rename(site / "broken_plugin-1.0.dist-info")
    assert re.search(r"= \d+ passed in", said)


def test_it_is_listed(site: Path, runs: Path) -> None:
    listed = genctl(site, runs, ["models"])
    assert "variational autoencoder" in listed
    assert "safetensors, onnx" in listed


def test_it_trains_samples_and_exports(site: Path, runs: Path, tmp_path: Path) -> None:
    run, onnx = runs / "vae-digits-1", tmp_path / "v.onnx"
    grids = [tmp_path / "run.png", tmp_path / "onnx.png"]
    genctl(
        site,
        runs,
        ["train", "vae", "--budget", "20steps", "--set", "evaluations=0"],
        ["export", str(run), "--format", "onnx", "--out", str(onnx)],
        *(
            ["sample", str(model), "--n", "9", "--out", str(grid)]
            for model, grid in zip((run, onnx), grids, strict=True)
        ),
    )
    assert json.loads((run / "last.json").read_text("utf-8"))["step"] == 20
    losses = [json.loads(row) for row in (run / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1]["elbo/error"] < losses[0]["elbo/error"]
    assert all(grid.stat().st_size > 1000 for grid in grids)


def test_a_broken_plugin_is_shown_and_stops_nothing(site: Path, runs: Path) -> None:
    code = (
        "from genctl import registry; print([s.name for s in registry.specs()]); "
        "(b,) = registry.broken_plugins(); print(b.name, b.reason)"
    )
    names, broken = python(site, runs, "-c", code).splitlines()
    assert "'vae'" in names
    assert "'gan'" in names
    assert broken == "broken RuntimeError: out of order"
    assert "out of order" in genctl(site, runs, ["doctor"])
