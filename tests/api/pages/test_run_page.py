"""The page of a run: what a person would look for is on it, and nothing else is needed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import genctl
from genctl.api.pages.run_page import write_run_page
from genctl.errors import ExitStatus, GenctlError
from genctl.runs import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("训练") / "run"
    sets = ("evaluations=1", "batch_size=16")
    run = genctl.train("gan", preset="mlp", out=out, budget="8steps", sets=sets, threads=1)
    genctl.evaluate("kid", run.path, n=20, out=run.path)
    return run


def test_it_shows_the_whole_run(run: Run) -> None:
    text = write_run_page(run).read_text("utf-8")
    headings = re.findall("<h2>(.*?)</h2>", text)
    assert headings == ["Samples through time", "Curves", "Evaluation", "Settings", "Starts"]
    assert text.count("data:image/png") == 1 + len(list(run.samples.glob("step-*.png")))
    assert "discriminator/loss" in text
    assert "kd[digits" in text
    assert '<td class="text">preset mlp</td>' in text
    assert text.count("<svg ") == len(re.findall(": last ", text)) > 3


def test_it_shows_previews_of_text(run: Run, tmp_path: Path) -> None:
    texts = Run(shutil.copytree(run.path, tmp_path / "<b>文本"))
    for path in texts.samples.iterdir():
        path.unlink()
    for step in range(9):
        name = f"step-{step:08}.txt"
        (texts.samples / name).write_text(f"<b>{step}</b> {{{{ 6 * 7 }}}} 春", "utf-8")
    text = write_run_page(texts).read_text("utf-8")
    shown = re.findall(r"<pre>&lt;b&gt;(\d)&lt;/b&gt; {{ 6 \* 7 }} 春</pre>", text)
    assert shown == ["0", "2", "3", "5", "6", "8"]
    assert "<h1>&lt;b&gt;文本</h1>" in text
    assert "data:image/png" not in text


def test_it_needs_nothing_besides_itself(run: Run, tmp_path: Path) -> None:
    text = write_run_page(run, tmp_path / "页.html").read_text("utf-8")
    assert not re.search(r"<script|<link|(?:src|href)=.(?!data:|#)", text)


def test_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(GenctlError, match="is not a run folder") as refused:
        write_run_page(Run(tmp_path))
    assert refused.value.code == ExitStatus.DATA


def test_a_place_that_cannot_be_written_to(run: Run) -> None:
    with pytest.raises(GenctlError):
        write_run_page(run, run.path / "config.json" / "page.html")
