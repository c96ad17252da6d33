"""Scores of images: both sides seen by one extractor, each once, and every metric from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genctl.api.evaluation.sharing import see_together
from genctl.api.evaluation.streams import ModelStream, Subject, open_reference, open_subject
from genctl.data.images.stream import ImageStream, evenly_spaced
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.compute import NEEDS_IMAGES, require
from genctl.evaluation.eval_inputs import EvalInputs
from genctl.evaluation.evaluate import measure_all, real_baseline
from genctl.evaluation.extractors.base import Classifier, Extractor
from genctl.evaluation.extractors.choose import ExtractorChoice, ExtractorRequest, choose_extractor
from genctl.evaluation.extractors.inception.weights import find_weights, missing_weights
from genctl.evaluation.features import Features, extract
from genctl.evaluation.measures.inception_score import SPLITS
from genctl.evaluation.measures.infinity import POINTS
from genctl.evaluation.measures.neighbours import DENSITY_K, PRECISION_K
from genctl.evaluation.reference import Reference, make_reference
from genctl.evaluation.score import Metric, Score, metric_name
from genctl.evaluation.statistics_file import Summary, is_summary, read_summary
from genctl.files import cache_folder
from genctl.output import Output


@dataclass(frozen=True)
class ImageRequest:
    """What a user asked of `evaluate` about images; see there.

    Attributes:
        metrics: in the order in which they are shown.
        lenient: leave out the metrics that cannot be told, instead of refusing.
        required: names that must be claimed.
        choice: ``checkpoint`` and ``weights`` of a run, and ``device``.
    """

    metrics: Sequence[Metric]
    lenient: bool
    subject: Subject | None
    ref: Subject | None
    n: int | None
    wish: ExtractorRequest
    required: Sequence[str]
    seed: int
    batch_size: int
    choice: Mapping[str, Any]


@dataclass(frozen=True)
class ImageScores:
    """Scores, and what they are of.

    Attributes:
        baselines: the same metrics of held-out real images; of ``is`` of the reference itself where
            there are none.
        reason: why the extractor was taken.
        seen: the features.
        generated, real: the images.
    """

    scores: list[Score]
    baselines: list[Score]
    reason: str
    seen: EvalInputs
    generated: ImageStream
    real: ImageStream | None


@dataclass(frozen=True)
class _Sides:
    """Both sides, before anything was looked at."""

    generated: ImageStream
    rows: Sequence[int]
    real: ImageStream | None
    summary: Path | None
    choice: ExtractorChoice
    metrics: list[Metric]


def score_images(request: ImageRequest, world: ProcessGroup, output: Output) -> ImageScores:
    """See both sides and measure.

    Args:
        world: the processes that share the work; only rank 0 gets to measuring.

    Raises:
        GenctlError: as `genctl.evaluate`.
        WorkerExit: in every process but rank 0, when its part is done.
    """
    sides = world.run_on_all_ranks(lambda: _open(request, output))
    extractor = sides.choice.extractor
    known = world.run_on_all_ranks(lambda: _known(sides, output) if world.is_main else (None, None))
    features = see_together(world, extractor, sides.generated, sides.rows, output)
    seen = EvalInputs(extractor, features, *known)
    scores = measure_all(sides.metrics, seen)
    baselines = _baselines(sides.metrics, seen)
    return ImageScores(scores, baselines, sides.choice.reason, seen, sides.generated, sides.real)


def _open(request: ImageRequest, output: Output) -> _Sides:
    generated = open_subject(
        request.subject,
        request.n,
        seed=request.seed,
        batch_size=request.batch_size,
        output=output,
        **request.choice,
    )
    summary = _summary_path(request.ref)
    real = None if summary else _real(request, generated, output)
    choice = choose_extractor(
        request.wish,
        data_extractor=generated.extractor or (real.extractor if real else "") or None,
        classifier="is" in request.metrics and not request.lenient,
    )
    _require_names(request.required, choice.extractor)
    rows = evenly_spaced(generated.count, request.n or generated.count)
    metrics = [
        metric
        for metric in request.metrics
        if not request.lenient or _can_tell(metric, choice.extractor, generated, real, len(rows))
    ]
    return _Sides(generated, rows, real, summary, choice, metrics)


def _known(sides: _Sides, output: Output) -> tuple[Reference | Summary | None, Features | None]:
    """What there is to compare with, and held-out images; refuses what they are not enough for."""
    reference: Reference | Summary | None = None
    held_out = None
    if sides.summary:
        reference = read_summary(sides.summary, sides.choice.extractor)
    elif sides.real is not None:
        reference, held_out = _see_real(sides.real, sides.choice, len(sides.rows), output)
    require(sides.metrics, sides.choice.extractor, reference, held_out)
    return reference, held_out


def _summary_path(ref: Subject | None) -> Path | None:
    if not isinstance(ref, str | Path):
        return None
    path = Path(ref).expanduser()
    return path if is_summary(path) else None


def _real(request: ImageRequest, generated: ImageStream, output: Output) -> ImageStream | None:
    """The real images; None where nothing needs them."""
    knows_data = isinstance(generated, ModelStream)
    if list(request.metrics) == ["is"] and request.ref is None and not knows_data:
        return None
    return open_reference(
        request.ref, generated, batch_size=request.batch_size, output=output, **request.choice
    )


def _require_names(names: Sequence[str], extractor: Extractor) -> None:
    """Refuse to go on where a name could not be claimed.

    Raises:
        GenctlError: (DATA) the weights that the name stands for are not here, or not in use.
    """
    for name in names:
        own = metric_name(name, extractor)
        if own == name:
            continue
        search = find_weights()
        if search.path is None:
            raise missing_weights(search)
        raise GenctlError(
            ExitStatus.DATA,
            f"{name} means the published Inception weights, and this would be {own}",
            option="extractor",
            suggest="inception",
        )


def _can_tell(
    metric: Metric,
    extractor: Extractor,
    generated: ImageStream,
    real: ImageStream | None,
    count: int,
) -> bool:
    """Whether the extractor, and what there is of images, are enough for ``metric``."""
    if metric == "is":
        return isinstance(extractor, Classifier) and count >= SPLITS
    if metric == "prdc":
        return real is not None and min(real.count, count) > DENSITY_K
    if metric == "memorisation":
        return real is not None and real.held_out() is not None
    if metric == "fid-infinity":
        return count >= 2 * POINTS
    if metric == "per-class":
        common = set(generated.class_names).intersection(real.class_names if real else ())
        return len(common) > 1 and count > 2 * PRECISION_K * len(common)
    return real is not None or metric not in NEEDS_IMAGES


def _see_real(
    real: ImageStream, choice: ExtractorChoice, count: int, output: Output
) -> tuple[Reference, Features | None]:
    """The reference, and as many held-out images as there will be generated ones."""
    reading = real.read(range(real.count))
    reading.batches = output.track(reading.batches, real.count, real.verb)
    reference = make_reference(
        reading,
        choice.extractor,
        name=f"{real.name}.{real.split}",
        sha256=real.fingerprint,
        cache=cache_folder() if real.lasting else None,
        labels=real.labels,
        class_names=real.class_names,
    )
    unseen = real.held_out()
    if unseen is None:
        return reference, None
    found = extract(choice.extractor, unseen.read(evenly_spaced(unseen.count, count)))
    return reference, found.labelled(unseen.labels, unseen.class_names)


def _baselines(metrics: Sequence[Metric], seen: EvalInputs) -> list[Score]:
    """Where real images stand."""
    if not isinstance(seen.reference, Reference):
        return []
    if seen.held_out is not None:
        return real_baseline(metrics, seen.held_out, seen.reference)
    if "is" not in metrics:
        return []
    return measure_all(["is"], EvalInputs(seen.extractor, seen.reference.features))
