"""The page of an evaluation, ``eval.html``, and ``eval.json`` beside it.

`genctl.api.pages.run_page` is the page of a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genctl.data.images.drawing import THUMBNAIL, grid, png_of, thumbnail, to_pil
from genctl.data.images.stream import ImageStream, Pixels, evenly_spaced
from genctl.evaluation.features import Features
from genctl.evaluation.image_inputs import EvalInputs
from genctl.evaluation.page import Page
from genctl.evaluation.reference import Reference
from genctl.evaluation.score import Score, warnings_of
from genctl.files import make_directory, write_atomic, write_json
from genctl.registry import Metric
from genctl.web.render import PageImage

SHOWN, PAIRS = 64, 24
_GRID_WIDTH, _PAIR_WIDTH = 480, 160


@dataclass(frozen=True)
class ImageView:
    """Images, and what each extractor computed from them.

    Attributes:
        seen: the inputs of each extractor, and the scores of its metrics.
        generated, real: the images.
        reason: the extractors, and why they were chosen.
    """

    seen: Sequence[tuple[EvalInputs, Sequence[tuple[Metric, Sequence[Score]]]]]
    generated: ImageStream
    real: ImageStream | None
    reason: str


def write_report(folder: Path, document: dict[str, object], page: Page) -> Path:
    """Write ``eval.json`` and ``eval.html`` into ``folder``, each atomically; returns the page.

    Raises:
        GenctlError: the folder is not writable.
    """
    place = folder / "eval.html"
    content = page.to_html()
    make_directory(folder)
    write_json(folder / "eval.json", document)
    write_atomic(place, content)
    return place


def image_page(
    view: ImageView,
    scores: Sequence[Score],
    baselines: Mapping[str, Score],
) -> Page:
    """The page of an evaluation of images."""
    seen, _ = view.seen[0]
    real = "" if view.real is None else f"{view.real.name}, {view.real.split} split"
    facts = {
        "generated": f"{seen.generated.count:,} images of {view.generated.name}",
        "real": f"{seen.reference.count:,} images of {real}"
        if isinstance(seen.reference, Reference)
        else seen.reference.name
        if seen.reference
        else "none",
        "extractor": view.reason,
    }
    pairs, note = _pairs(view)
    return Page(
        title=f"Evaluation of {view.generated.name}",
        facts=facts,
        scores=scores,
        baselines=baselines,
        warnings=warnings_of(scores),
        grids=_grids(view),
        pairs=pairs,
        pairs_note=note,
        charts=_charts(view, baselines),
    )


def _grids(view: ImageView) -> list[PageImage]:
    seen, _ = view.seen[0]
    rows = seen.generated.rows[:SHOWN].tolist()
    images = [_grid(view.generated, rows, "generated")]
    if view.real is not None:
        images.append(_grid(view.real, evenly_spaced(view.real.count, SHOWN), "real"))
    return images


def _grid(stream: ImageStream, rows: Sequence[int], kind: str) -> PageImage:
    images = _alike(stream.pick(rows))
    return PageImage(
        png_of(to_pil(grid(np.stack(images)))), f"{len(images)} {kind} images", _GRID_WIDTH
    )


def _pairs(view: ImageView) -> tuple[list[PageImage], str]:
    """Generated images closest to real ones, each beside its nearest real one, and a note."""
    seen = next((inputs for inputs, found in view.seen if _looks_for_copies(found)), None)
    if view.real is None or seen is None:
        return [], ""
    closest = seen.nearest_real
    chosen = _closest_of_each(closest.distances, seen.generated)
    made = view.generated.pick(seen.generated.rows[chosen].tolist())
    known = view.real.pick(seen.real.features.rows[closest.rows[chosen]].tolist())
    usual = float(seen.nearest_of_held_out.distances.median())
    images = []
    for first, second, place in zip(made, known, chosen.tolist(), strict=True):
        sheet = np.concatenate(_alike([first, second]), axis=1)
        ratio = float(closest.distances[place]) / (usual or 1.0)
        images.append(PageImage(png_of(to_pil(sheet)), f"{ratio:.2f}", _PAIR_WIDTH))
    return images, (
        "Each pair shows a generated image on the left and the nearest training image on the "
        "right, closest pairs first. The number is their distance, divided by the median distance "
        "of a held-out image to its nearest training image. A number near 0 means that the model "
        "repeats a training image."
    )


def _closest_of_each(distances: Tensor, generated: Features) -> Tensor:
    """The rows with the smallest distances, about equally many of each class if there are any."""
    order = distances.argsort()
    labels = generated.labels
    if labels is None or not generated.class_names:
        return order[:PAIRS]
    share = max(1, PAIRS // len(generated.class_names))
    kept = [order[labels[order] == label][:share] for label in range(len(generated.class_names))]
    rows = torch.cat(kept)
    return rows[distances[rows].argsort()][:PAIRS]


def _looks_for_copies(found: Iterable[tuple[Metric, Sequence[Score]]]) -> bool:
    """Whether the distances to real and held-out images are known."""
    return any("held_out" in metric.spec.needs for metric, _ in found)


def _charts(view: ImageView, baselines: Mapping[str, Score]) -> dict[str, str]:
    """Caption -> the chart of each score whose metric draws one."""
    charts = {}
    for seen, found in view.seen:
        for metric, scores in found:
            if draw := metric.spec.load_chart():
                for score in scores:
                    caption, svg = draw(score, baselines.get(score.name), seen)
                    charts[f"{score.name}: {caption}"] = svg
    return charts


def _alike(images: Sequence[Pixels]) -> list[Pixels]:
    """The images unchanged if all have one small shape, otherwise as thumbnails of one shape."""
    shapes = {image.shape for image in images}
    if len(shapes) == 1 and max(images[0].shape[:2]) <= THUMBNAIL:
        return list(images)
    return [thumbnail(image) for image in images]
