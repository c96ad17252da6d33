"""``evaluate``: how good what a model makes is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from genctl.api.devices import resolve_device
from genctl.api.model import QUIET, Model
from genctl.api.pictures import Pictures, generated, reference_source, source_batches
from genctl.api.text_scoring import score_text
from genctl.data.sources import ImageSource
from genctl.errors import ExitStatus, GenctlError, unknown
from genctl.evaluation.choose import Choice, choose_extractor
from genctl.evaluation.evaluate import evaluate_images, real_floor, see_held_out
from genctl.evaluation.extractors.base import Classifier, Extractor
from genctl.evaluation.measures import NEEDS_IMAGES, Seen, measure
from genctl.evaluation.reference import Reference, make_reference
from genctl.evaluation.score import Metric, Score
from genctl.evaluation.summary import Summary, is_summary, read_summary
from genctl.files import cache_folder
from genctl.output import Output

IMAGE_METRICS: tuple[Metric, ...] = get_args(Metric)
TEXT_METRIC = "bpb"
ALL = "all"
METRICS = (*IMAGE_METRICS, TEXT_METRIC, ALL)


@dataclass(frozen=True)
class Evaluation:
    """Scores and what helps to read them.

    Attributes:
        scores: the numbers, their errors and signatures, in the order of `METRICS`.
        reason: why this extractor was taken, or which text.
        floors: name of a score -> the same metric of as many real images that the reference does
            not hold; where there are none, of ``is`` that of the reference itself.
    """

    scores: tuple[Score, ...]
    reason: str
    floors: Mapping[str, Score] = field(default_factory=dict)

    @property
    def score(self) -> Score:
        """The first, or only, one."""
        return self.scores[0]

    @property
    def real(self) -> Score | None:
        """The floor of `score`."""
        return self.floors.get(self.score.name)

    @property
    def facts(self) -> dict[str, str]:
        """What a reader should know besides the numbers: label -> text."""
        details = self.score.details
        if "nats_per_token" not in details:
            return {"extractor": self.reason}
        return {
            "text": self.reason,
            "per token": f"{details['nats_per_token']:.4f} ± {details['nats_per_token_error']:.4f} "
            f"nats, perplexity {details['perplexity']:.3g}, {details['accuracy']:.1%} right",
        }

    def __str__(self) -> str:
        return "\n".join(map(str, self.scores))


def evaluate(
    metric: str,
    subject: str | Path | Model | None = None,
    *,
    ref: str | None = None,
    n: int | None = None,
    extractor: str | None = None,
    extractor_weights: Path | None = None,
    checkpoint: str = "best",
    weights: str = "best",
    seed: int = 1,
    batch_size: int = 250,
    context: int | None = None,
    device: str | None = None,
    output: Output = QUIET,
) -> Evaluation:
    """Score a model or a set of images.

    Args:
        metric: one or, between commas, several, computed in one pass. ``fid``, the Fréchet
            distance to real images, ``fid-infinity``, that of infinitely many samples, and
            ``kid``, the kernel distance (smaller is better); ``is``, an Inception-style score
            (larger is better); ``prdc``, precision, recall, density and coverage (larger is
            better); ``memorisation``, how far samples are from training images beside held-out
            ones (1 is best); ``all`` of these that can be told. Or ``bpb``, the bits that a
            model of text needs for a byte of text it was not trained on (smaller is better).
        subject: a model or whatever `genctl.load` takes, or a folder, ``.npz`` or built-in data
            set of images; the latest run when None.
        ref: the real images, an ``.npz`` of their statistics, or the text; what the model was
            trained on (of a text, the part that was held out) when None.
        n: how many images to score; 2000 of a model, all of a folder, when None. Of a text: how
            many windows; all when None.
        context: of a text: tokens in a window; the model's when None.
        extractor: ``digits``, ``inception`` or ``rand``; the one that suits when None.
        extractor_weights: a file of Inception weights.

    Raises:
        GenctlError: an unknown name, nothing to score, or nothing to compare with.
    """
    wanted = _metrics(metric)
    if n is not None and n < 2:
        raise GenctlError(ExitStatus.USAGE, f"--n {n} is too few to score", hint="--n 2000")
    choice_of_weights = {"checkpoint": checkpoint, "weights": weights, "device": device}
    if not wanted:
        score, reason = score_text(subject, ref, n, context, output=output, **choice_of_weights)
        return Evaluation((score,), reason)
    if context is not None:
        raise GenctlError(
            ExitStatus.USAGE, f"--context is for bpb, not for {metric}", hint="leave --context out"
        )
    pictures = generated(
        subject,
        n,
        seed=seed,
        batch_size=batch_size,
        output=output,
        **choice_of_weights,
    )
    path = None if ref is None else Path(ref).expanduser()
    summary = path if path is not None and is_summary(path) else None
    needless = wanted == ["is"] and ref is None and pictures.data is None
    source = None if needless or summary else reference_source(ref, pictures)
    choice = choose_extractor(
        "is" if "is" in wanted and metric != ALL else "fid",
        requested=extractor,
        weights=extractor_weights,
        data_extractor=_data_extractor(pictures, source),
        device=resolve_device(device),
    )
    if metric == ALL:
        wanted = [m for m in wanted if _can_tell(m, choice.extractor, source)]
    known = read_summary(summary, choice.extractor) if summary else _reference(source, choice)
    return _evaluate(wanted, pictures, known, source, choice)


def _can_tell(metric: Metric, extractor: Extractor, source: ImageSource | None) -> bool:
    """Whether the extractor, and what there is of real images, are enough for ``metric``."""
    if metric == "is":
        return isinstance(extractor, Classifier)
    if metric == "memorisation":
        return source is not None and source.held_out() is not None
    return source is not None or metric not in NEEDS_IMAGES


def _metrics(text: str) -> list[Metric]:
    """The metrics of images that ``text`` names, each once; none where it is that of text.

    Raises:
        GenctlError: an unknown name, or metrics of images and of text together.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
    if names == [TEXT_METRIC]:
        return []
    if TEXT_METRIC in names:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{TEXT_METRIC} is of text, the other metrics are of images",
            hint=f"genctl eval {TEXT_METRIC}",
        )
    return [metric for metric in IMAGE_METRICS if metric in names or ALL in names]


def _evaluate(
    metrics: Sequence[Metric],
    pictures: Pictures,
    reference: Reference | Summary | None,
    source: ImageSource | None,
    choice: Choice,
) -> Evaluation:
    unseen = source.held_out() if source else None
    held_out, floors = None, list[Score]()
    if isinstance(reference, Reference) and unseen is not None:
        held_out = see_held_out(source_batches(unseen), reference, count=pictures.count)
        floors = real_floor(metrics, held_out, reference)
    elif isinstance(reference, Reference) and "is" in metrics:
        floors = measure("is", Seen(choice.extractor, reference.features))
    scores = evaluate_images(metrics, pictures.batches, choice.extractor, reference, held_out)
    return Evaluation(tuple(scores), choice.reason, {floor.name: floor for floor in floors})


def _reference(source: ImageSource | None, choice: Choice) -> Reference | None:
    if source is None:
        return None
    return make_reference(
        source_batches(source),
        choice.extractor,
        name=f"{source.name}.{source.split}",
        sha256=source.fingerprint,
        cache=cache_folder(),
    )


def _data_extractor(pictures: Pictures, reference: ImageSource | None) -> str | None:
    """The extractor that was made for the model's or the reference's data, if one was."""
    if pictures.data is not None and pictures.data.extractor:
        return pictures.data.extractor
    return (reference.extractor or None) if reference is not None else None
