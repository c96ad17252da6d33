"""The page of a run, one HTML file: curves, samples through time, settings and scores.

`genctl.api.pages.eval_page` is the page of an evaluation.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from genctl import runs
from genctl.api.pages.records import SampleFile, data_of, previews_of
from genctl.api.pages.watch import state_of
from genctl.errors import ExitStatus, GenctlError, Suggestion
from genctl.evaluation.compare import read_scores
from genctl.files import make_directory, refuse_other_file, write_atomic
from genctl.plots.charts import curve
from genctl.runs import Run
from genctl.web.render import PageFile, PageImage, PageText, render

NAME = "report.html"
SHOWN = 6
_WIDTH = 480
_LEAST_POINTS = 2

T = TypeVar("T")


def write_run_page(run: Run, out: Path | None = None) -> Path:
    """Write all information about ``run``, finished or not, into one file.

    Args:
        out: the file; ``report.html`` in the run when None.

    Raises:
        GenctlError: (DATA) the run does not exist or is damaged; the file is not writable.
    """
    document = run.read("config.json")
    if document is None:
        raise GenctlError(
            ExitStatus.DATA, f"{run.path} is not a run folder", suggest=Suggestion("runs ls")
        )
    state, scores = state_of(run), run.path / "eval.json"
    previews = previews_of(run)
    content = render(
        "report.html",
        title=run.name,
        facts=_facts(run, state),
        images=[*map(_image, run.samples.glob("reals.png")), *_shown(previews, "image", _image)],
        texts=_shown(previews, "text", _text),
        files=_shown(previews, "file", _file),
        charts=_charts(state["series"]),
        scores=list(read_scores(scores).values()) if scores.exists() else [],
        settings=runs.settings(document),
        starts=_starts(run),
    )
    place = run.path / NAME if out is None else out
    refuse_other_file(place)
    make_directory(place.parent)
    write_atomic(place, content)
    return place


def _facts(run: Run, state: Mapping[str, Any]) -> dict[str, str]:
    data, best = data_of(run), state["best"]
    seconds = (run.read("last.json") or {}).get("elapsed")
    known = {
        "family": f"{state['family']}, preset {state['preset']}",
        "data": f"{data.source}: {data.in_words(data.examples)}" if data else "",
        "state": f"{state['state']} at step {state['step']:,}, {state['examples']:,} examples",
        "trained for": f"{seconds:,.0f} s; budget {state['budget']}" if seconds else "",
        "best": f"{best['metric']} {best['value']:.4g} at step {best['step']:,}" if best else "",
    }
    return {key: text for key, text in known.items() if text}


def _shown(previews: Sequence[SampleFile], kind: str, show: Callable[[Path, int], T]) -> list[T]:
    """Previews of one kind, from the first to the last."""
    found = [file for file in previews if file.kind == kind]
    return [show(file.path, file.step or 0) for file in _spread(found, SHOWN)]


def _image(path: Path, step: int | None = None) -> PageImage:
    content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        width = min(_WIDTH, max(2 * image.width, _WIDTH // 2))
    return PageImage(content, "training images" if step is None else _step(step), width)


def _text(path: Path, step: int) -> PageText:
    return PageText(path.read_text("utf-8", "replace"), _step(step))


def _file(path: Path, step: int) -> PageFile:
    return PageFile(path.read_bytes(), path.name, _step(step))


def _step(step: int) -> str:
    return f"step {step:,}"


def _spread(items: Sequence[T], count: int) -> Sequence[T]:
    """At most ``count`` items, evenly spread, including the first and the last."""
    if len(items) <= count:
        return items
    return [items[round(k * (len(items) - 1) / (count - 1))] for k in range(count)]


def _charts(series: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, str]:
    """Caption -> chart of each metric that has more than one value."""
    return {
        f"{name}: last {points[-1][1]:.4g}": curve(points, "examples")
        for name, points in series.items()
        if len(points) >= _LEAST_POINTS
    }


def _starts(run: Run) -> list[str]:
    starts = (run.read("env.json") or {"starts": []})["starts"]
    return [
        f"{start['started']}: {start['device']}, torch {start['torch']}, "
        f"genctl {start['genctl']}, Python {start['python']}, {start['platform']}"
        for start in starts
    ]
