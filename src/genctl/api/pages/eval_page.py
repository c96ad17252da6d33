"""The page of an evaluation, ``eval.html``, and ``eval.json`` beside it.

`genctl.api.pages.run_page` is the page of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from genctl.api.evaluation.image_scoring import ImageScores
from genctl.api.evaluation.streams import ModelStream
from genctl.data.images.drawing import THUMBNAIL, grid, png_of, thumbnail, to_pil
from genctl.data.images.stream import ImageStream, Pixels, evenly_spaced
from genctl.evaluation.eval_inputs import EvalInputs
from genctl.evaluation.features import Features
from genctl.evaluation.page import Page
from genctl.evaluation.reference import Reference
from genctl.evaluation.score import Score, warnings_of
from genctl.files import make_directory, write_atomic, write_json
from genctl.plots.charts import bars, histograms, line_over_inverse
from genctl.runs import Run
from genctl.web.render import PageImage

SHOWN, PAIRS = 64, 24
_GRID_WIDTH, _PAIR_WIDTH = 480, 160


def report_folder(generated: ImageStream) -> Path | None:
    """The run that made the images; None where something else did."""
    if not isinstance(generated, ModelStream):
        return None
    origin = generated.model.origin
    return origin if Run(origin).checkpoints.is_dir() else None


def write_report(folder: Path, document: dict[str, object], found: ImageScores) -> Path:
    """Put both files into ``folder``, each in one step; gives the page.

    Raises:
        GenctlError: the place is not writable.
    """
    page = folder / "eval.html"
    content = _page(found).to_html()
    make_directory(folder)
    write_json(folder / "eval.json", document)
    write_atomic(page, content)
    return page


def _page(found: ImageScores) -> Page:
    seen, scores = found.seen, {score.name.partition("[")[0]: score for score in found.scores}
    baselines = {baseline.name: baseline for baseline in found.baselines}
    real = "" if found.real is None else f"{found.real.name}, {found.real.split} split"
    facts = {
        "generated": f"{seen.generated.count:,} images of {found.generated.name}",
        "real": f"{seen.reference.count:,} images of {real}"
        if isinstance(seen.reference, Reference)
        else seen.reference.name
        if seen.reference
        else "none",
        "extractor": f"{seen.extractor.name} ({found.reason})",
    }
    pairs, note = _pairs(found)
    return Page(
        title=f"Evaluation of {found.generated.name}",
        facts=facts,
        scores=found.scores,
        baselines=baselines,
        warnings=warnings_of(found.scores),
        grids=_grids(found),
        pairs=pairs,
        pairs_note=note,
        charts=_charts(seen, scores, baselines),
    )


def _grids(found: ImageScores) -> list[PageImage]:
    rows = found.seen.generated.rows[:SHOWN].tolist()
    images = [_grid(found.generated, rows, "generated")]
    if found.real is not None:
        images.append(_grid(found.real, evenly_spaced(found.real.count, SHOWN), "real"))
    return images


def _grid(stream: ImageStream, rows: Sequence[int], kind: str) -> PageImage:
    images = _alike(stream.pick(rows))
    return PageImage(
        png_of(to_pil(grid(np.stack(images)))), f"{len(images)} {kind} images", _GRID_WIDTH
    )


def _pairs(found: ImageScores) -> tuple[list[PageImage], str]:
    """Generated images closest to real ones, each beside the nearest, and what that says."""
    seen = found.seen
    if found.real is None or not _knows_memory(found.scores):
        return [], ""
    closest = seen.nearest_real
    chosen = _closest_of_each(closest.distances, seen.generated)
    made = found.generated.pick(seen.generated.rows[chosen].tolist())
    known = found.real.pick(seen.real.features.rows[closest.rows[chosen]].tolist())
    usual = float(seen.nearest_of_held_out.distances.median())
    images = []
    for first, second, place in zip(made, known, chosen.tolist(), strict=True):
        sheet = np.concatenate(_alike([first, second]), axis=1)
        ratio = float(closest.distances[place]) / (usual or 1.0)
        images.append(PageImage(png_of(to_pil(sheet)), f"{ratio:.2f}", _PAIR_WIDTH))
    return images, (
        "Left a generated image, right the training image that is nearest to it, the closest pairs "
        "first. The number is their distance over that of a held-out image from its nearest one, "
        "in the median: near 0 the model repeats what it was trained on."
    )


def _closest_of_each(distances: Tensor, generated: Features) -> Tensor:
    """The rows with the smallest distances, of all classes about as many, where there are any."""
    order = distances.argsort()
    labels = generated.labels
    if labels is None or not generated.class_names:
        return order[:PAIRS]
    share = max(1, PAIRS // len(generated.class_names))
    kept = [order[labels[order] == label][:share] for label in range(len(generated.class_names))]
    rows = torch.cat(kept)
    return rows[distances[rows].argsort()][:PAIRS]


def _knows_memory(scores: Sequence[Score]) -> bool:
    return any(score.name.startswith("memorisation") for score in scores)


def _charts(
    seen: EvalInputs, scores: Mapping[str, Score], baselines: Mapping[str, Score]
) -> dict[str, str]:
    """Caption -> chart of each score that has one."""
    charts = {}
    for metric, score in scores.items():
        if metric in _CHARTS:
            caption, draw = _CHARTS[metric]
            charts[f"{score.name}: {caption}"] = draw(score, baselines.get(score.name), seen)
    return charts


def _over_counts(score: Score, baseline: Score | None, seen: EvalInputs) -> str:
    distances = {
        int(key.removeprefix("at_")): value
        for key, value in score.details.items()
        if key.startswith("at_")
    }
    return line_over_inverse(list(distances), list(distances.values()), score.value)


def _by_class(score: Score, baseline: Score | None, seen: EvalInputs) -> str:
    return bars(score.details, baseline.details if baseline else {}, "real images")


def _nearest(score: Score, baseline: Score | None, seen: EvalInputs) -> str:
    return histograms(
        {
            "generated": seen.nearest_real.distances.numpy(),
            "held-out": seen.nearest_of_held_out.distances.numpy(),
        },
        "distance between features",
    )


_Draw: TypeAlias = Callable[[Score, Score | None, EvalInputs], str]

_COUNTS: tuple[str, _Draw] = ("the distance at several numbers of images", _over_counts)
_CLASSES: tuple[str, _Draw] = ("each class", _by_class)
_CHARTS: Mapping[str, tuple[str, _Draw]] = {
    "fid-infinity": _COUNTS,
    "fd-infinity": _COUNTS,
    "fid-per-class": _CLASSES,
    "fd-per-class": _CLASSES,
    "recall-per-class": _CLASSES,
    "memorisation": ("distance to the nearest training image", _nearest),
}
"""Metric -> what its chart shows, and who draws it."""


def _alike(images: Sequence[Pixels]) -> list[Pixels]:
    """The images as they are if all have one small shape, else as thumbnails of one shape."""
    shapes = {image.shape for image in images}
    if len(shapes) == 1 and max(images[0].shape[:2]) <= THUMBNAIL:
        return list(images)
    return [thumbnail(image) for image in images]
