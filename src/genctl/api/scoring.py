"""``evaluate``: how good what a model makes is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genctl.api.devices import resolve_device
from genctl.api.model import QUIET, Model
from genctl.api.pictures import Pictures, generated, reference_source, source_batches
from genctl.api.text_scoring import score_text
from genctl.data.sources import ImageSource
from genctl.errors import ExitStatus, GenctlError, unknown
from genctl.evaluation.choose import Choice, choose_extractor
from genctl.evaluation.evaluate import evaluate_images, make_reference, real_floor
from genctl.evaluation.score import Metric, Score
from genctl.files import cache_folder
from genctl.output import Output

IMAGE_METRICS: tuple[Metric, ...] = ("fid", "is")
METRICS = (*IMAGE_METRICS, "bpb")


@dataclass(frozen=True)
class Evaluation:
    """A score and what helps to read it.

    Attributes:
        score: the number, its error and its signature.
        reason: why this extractor was taken, or which text.
        real: the same metric of real images: as many held-out ones as were scored for ``fid``,
            the reference itself for ``is``; None where there are none.
    """

    score: Score
    reason: str
    real: Score | None = None

    @property
    def facts(self) -> dict[str, str]:
        """What a reader should know besides the number: label -> text."""
        details = self.score.details
        if "nats_per_token" not in details:
            return {"extractor": self.reason}
        return {
            "text": self.reason,
            "per token": f"{details['nats_per_token']:.4f} ± {details['nats_per_token_error']:.4f} "
            f"nats, perplexity {details['perplexity']:.3g}, {details['accuracy']:.1%} right",
        }

    def __str__(self) -> str:
        return str(self.score)


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
        metric: ``fid``, the Fréchet distance to real images (smaller is better), ``is``, an
            Inception-style score (larger is better), or ``bpb``, the bits that a model of text
            needs for a byte of text it was not trained on (smaller is better).
        subject: a model or whatever `genctl.load` takes, or a folder, ``.npz`` or built-in data
            set of images; the latest run when None.
        ref: the real images or the text; what the model was trained on (of a text, the part that
            was held out) when None.
        n: how many images to score; 2000 of a model, all of a folder, when None. Of a text: how
            many windows; all when None.
        context: of a text: tokens in a window; the model's when None.
        extractor: ``digits``, ``inception`` or ``rand``; the one that suits when None.
        extractor_weights: a file of Inception weights.

    Raises:
        GenctlError: an unknown name, nothing to score, or nothing to compare with.
    """
    if metric not in METRICS:
        raise unknown("metric", metric, METRICS)
    if n is not None and n < 2:
        raise GenctlError(ExitStatus.USAGE, f"--n {n} is too few to score", hint="--n 2000")
    choice_of_weights = {"checkpoint": checkpoint, "weights": weights, "device": device}
    if metric == "bpb":
        score, reason = score_text(subject, ref, n, context, output=output, **choice_of_weights)
        return Evaluation(score, reason)
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
    needless = metric == "is" and ref is None and pictures.data is None
    reference = None if needless else reference_source(ref, pictures)
    choice = choose_extractor(
        "is" if metric == "is" else "fid",
        requested=extractor,
        weights=extractor_weights,
        data_extractor=_data_extractor(pictures, reference),
        device=resolve_device(device),
    )
    if reference is None or metric == "is":
        return _inception_score(pictures, reference, choice)
    return _distance(pictures, reference, choice)


def _inception_score(
    pictures: Pictures, reference: ImageSource | None, choice: Choice
) -> Evaluation:
    score = evaluate_images("is", pictures.batches, choice.extractor)
    if reference is None:
        return Evaluation(score, choice.reason)
    real = evaluate_images("is", source_batches(reference), choice.extractor)
    return Evaluation(score, choice.reason, real)


def _distance(pictures: Pictures, reference: ImageSource, choice: Choice) -> Evaluation:
    known = make_reference(
        source_batches(reference),
        choice.extractor,
        name=f"{reference.name}.{reference.split}",
        sha256=reference.fingerprint,
        cache=cache_folder(),
    )
    score = evaluate_images("fid", pictures.batches, choice.extractor, known)
    held_out = reference.held_out()
    if held_out is None:
        return Evaluation(score, choice.reason)
    real = real_floor(source_batches(held_out), known, count=score.n_generated)
    return Evaluation(score, choice.reason, real)


def _data_extractor(pictures: Pictures, reference: ImageSource | None) -> str | None:
    """The extractor that was made for the model's or the reference's data, if one was."""
    if pictures.data is not None and pictures.data.extractor:
        return pictures.data.extractor
    return (reference.extractor or None) if reference is not None else None
