"""A report: a run as one HTML file: curves, samples through time, settings, scores."""

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
from genctl.web import html

NAME = "report.html"
SHOWN = 6
_WIDTH = 480
_LEAST_POINTS = 2

T = TypeVar("T")


def write_run_page(run: Run, out: Path | None = None) -> Path:
    """Write what is known of ``run``, finished or not, into one file.

    Args:
        out: where to; ``report.html`` in the run when None.

    Raises:
        GenctlError: (DATA) no such run, or a damaged one; the place is not writable.
    """
    document = run.read("config.json")
    if document is None:
        raise GenctlError(
            ExitStatus.DATA, f"{run.path} is not a run folder", suggest=Suggestion("runs ls")
        )
    state = state_of(run)
    content = html.page(
        run.name,
        (
            html.facts(_facts(run, state)),
            html.section("Samples through time", "".join(_samples(run)), "grids"),
            html.section("Curves", "".join(_curves(state["series"])), "grids"),
            html.section("Evaluation", _scores(run.read("eval.json"))),
            html.section("Settings", html.table(("key", "value", "from"), runs.settings(document))),
            html.section("Starts", _starts(run)),
        ),
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


def _samples(run: Run) -> Iterator[str]:
    """Training images, then previews from the first to the last."""
    pictures = sorted(run.samples.glob("step-*.png"))
    for path in [*run.samples.glob("reals.png"), *_spread(pictures, SHOWN)]:
        caption = "training images" if path.stem == "reals" else _step(path)
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            width = min(_WIDTH, max(2 * image.width, _WIDTH // 2))
        yield html.figure(html.Picture(content, caption, width))
    for path in _spread(sorted(run.samples.glob("step-*.txt")), SHOWN):
        yield html.writing(path.read_text("utf-8", "replace"), _step(path))


def _step(path: Path) -> str:
    return f"step {int(path.stem.removeprefix('step-')):,}"


def _spread(items: Sequence[T], count: int) -> Sequence[T]:
    """At most ``count`` of them, evenly spread, the first and the last among them."""
    if len(items) <= count:
        return items
    return [items[round(k * (len(items) - 1) / (count - 1))] for k in range(count)]


def _curves(series: Mapping[str, Sequence[tuple[float, float]]]) -> Iterator[str]:
    for name, points in series.items():
        if len(points) >= _LEAST_POINTS:
            yield html.drawing(curve(points, "examples"), f"{name}: last {points[-1][1]:.4g}")


def _scores(document: Mapping[str, Any] | None) -> str:
    """The numbers of the last evaluation that wrote into the run."""
    if not document:
        return ""
    rows = [
        (score["name"], f"{score['value']:.4g}", f"± {score['error']:.2g}", score["signature"])
        for score in document["scores"]
    ]
    return html.table(("", "value", "error", "signature"), rows)


def _starts(run: Run) -> str:
    starts = (run.read("env.json") or {"starts": []})["starts"]
    return html.listing(
        [
            f"{start['started']}: {start['device']}, torch {start['torch']}, "
            f"genctl {start['genctl']}, Python {start['python']}, {start['platform']}"
            for start in starts
        ]
    )
