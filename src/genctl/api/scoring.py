"""``evaluate``: how good what a model makes is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from genctl.api.devices import resolve_device
from genctl.api.model import QUIET, Model
from genctl.api.pictures import Pictures, generated, reference_source, source_batches
from genctl.data.sources import ImageSource
from genctl.errors import ExitStatus, GenctlError, unknown
from genctl.evaluation.choose import Choice, choose_extractor
from genctl.evaluation.evaluate import Reference, evaluate_images, make_reference, real_floor
from genctl.evaluation.score import Metric, Score
from genctl.output import Output

METRICS: tuple[Metric, ...] = ("fid", "is")


@dataclass(frozen=True)
class Evaluation:
    """A score and what helps to read it.

    Attributes:
        score: the number, its error and its signature.
        reason: why this extractor was taken.
        floor: where as many real held-out images stand; None when there are none.
    """

    score: Score
    reason: str
    floor: Score | None = None

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
    weights: str = "ema",
    seed: int = 1,
    batch_size: int = 250,
    device: str | None = None,
    output: Output = QUIET,
) -> Evaluation:
    """Score a model or a set of images.

    Args:
        metric: ``fid``, the Fréchet distance to real images (smaller is better), or ``is``, an
            Inception-style score (larger is better).
        subject: a model or whatever `genctl.load` takes, or a folder, ``.npz`` or built-in data
            set of images; the latest run when None.
        ref: the real images; what the model was trained on when None.
        n: how many images to score; 2000 of a model, all of a folder, when None.
        extractor: ``digits``, ``inception`` or ``rand``; the one that suits when None.
        extractor_weights: a file of Inception weights.

    Raises:
        GenctlError: an unknown name, nothing to score, or nothing to compare with.
    """
    if metric not in METRICS:
        raise unknown("metric", metric, METRICS)
    if n is not None and n < 2:
        raise GenctlError(ExitStatus.USAGE, f"--n {n} is too few to score", hint="--n 2000")
    pictures = generated(
        subject,
        n,
        seed=seed,
        batch_size=batch_size,
        output=output,
        checkpoint=checkpoint,
        weights=weights,
        device=device,
    )
    reference = reference_source(ref, pictures) if metric == "fid" else None
    choice = choose_extractor(
        metric,
        requested=extractor,
        weights=extractor_weights,
        data_extractor=_data_extractor(pictures, reference),
        device=resolve_device(device),
    )
    if reference is None:
        return Evaluation(evaluate_images("is", pictures.batches, choice.extractor), choice.reason)
    known = _known(reference, choice)
    score = evaluate_images("fid", pictures.batches, choice.extractor, known)
    return Evaluation(score, choice.reason, _floor(reference, known, score))


def cache_folder() -> Path:
    """Where features of reference images are kept: ``$GENCTL_CACHE``, else ``~/.cache/genctl``."""
    return Path(os.environ.get("GENCTL_CACHE") or Path.home() / ".cache" / "genctl")


def _known(source: ImageSource, choice: Choice) -> Reference:
    return make_reference(
        source_batches(source),
        choice.extractor,
        name=f"{source.name}.{source.split}",
        sha256=source.fingerprint,
        cache=cache_folder(),
    )


def _floor(source: ImageSource, known: Reference, score: Score) -> Score | None:
    """Where as many real images stand that are not in the reference, if the source has any."""
    held_out = source.held_out()
    if held_out is None:
        return None
    return real_floor(source_batches(held_out), known, count=score.n_generated)


def _data_extractor(pictures: Pictures, reference: ImageSource | None) -> str | None:
    """The extractor that was made for the model's or the reference's data, if one was."""
    if pictures.data is not None and pictures.data.extractor:
        return pictures.data.extractor
    return "digits" if reference is not None and reference.name == "digits" else None
