"""The page of a run, one HTML file: curves, samples through time, settings and scores.

`genctl.api.pages.eval_page` is the page of an evaluation.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from genctl import runs
from genctl.api.pages.watch import state_of
from genctl.contracts import DataSpec
from genctl.errors import ExitStatus, GenctlError, Suggestion
from genctl.files import write_atomic
from genctl.plots.charts import curve
from genctl.runs import Run
from genctl.web.render import PageImage, PageText, render

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
    state = state_of(run)
    content = render(
        "report.html",
        title=run.name,
        facts=_facts(run, state),
        images=list(_images(run)),
        texts=list(_texts(run)),
        charts=_charts(state["series"]),
        scores=(run.read("eval.json") or {"scores": []})["scores"],
        settings=runs.settings(document),
        starts=_starts(run),
    )
    place = run.path / NAME if out is None else out
    write_atomic(place, content)
    return place


def _facts(run: Run, state: Mapping[str, Any]) -> dict[str, str]:
    document, best = run.read("data.json"), state["best"]
    data = DataSpec.from_json(document) if document else None
    seconds = (run.read("last.json") or {}).get("elapsed")
    known = {
        "family": f"{state['family']}, preset {state['preset']}",
        "data": f"{data.source}: {data.in_words(data.examples)}" if data else "",
        "state": f"{state['state']} at step {state['step']:,}, {state['examples']:,} examples",
        "trained for": f"{seconds:,.0f} s; budget {state['budget']}" if seconds else "",
        "best": f"{best['metric']} {best['value']:.4g} at step {best['step']:,}" if best else "",
    }
    return {key: text for key, text in known.items() if text}


def _images(run: Run) -> Iterator[PageImage]:
    """Training images, then previews from the first to the last."""
    previews = sorted(run.samples.glob("step-*.png"))
    for path in [*run.samples.glob("reals.png"), *_spread(previews, SHOWN)]:
        caption = "training images" if path.stem == "reals" else _step(path)
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            width = min(_WIDTH, max(2 * image.width, _WIDTH // 2))
        yield PageImage(content, caption, width)


def _texts(run: Run) -> Iterator[PageText]:
    """Previews from the first to the last."""
    for path in _spread(sorted(run.samples.glob("step-*.txt")), SHOWN):
        yield PageText(path.read_text("utf-8", "replace"), _step(path))


def _step(path: Path) -> str:
    return f"step {int(path.stem.removeprefix('step-')):,}"


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
