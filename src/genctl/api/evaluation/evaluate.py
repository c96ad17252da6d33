"""``evaluate``: how good what a model makes is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from genctl.api.evaluation.image_scoring import ImageRequest, ImageScores, score_images
from genctl.api.evaluation.streams import Subject
from genctl.api.evaluation.text_scoring import score_text
from genctl.api.pages.eval_page import report_folder, write_report
from genctl.engine.devices import resolve_device
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.engine.sampling.loaded import LoadedModel
from genctl.errors import ExitStatus, GenctlError, Placeholder, Suggestion, opt, unknown
from genctl.evaluation.extractors.choose import ExtractorRequest
from genctl.evaluation.score import Metric, Score, warnings_of
from genctl.output import QUIET, Output
from genctl.runs import Run

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
        baselines: name of a score -> the same metric of as many real images that the reference does
            not hold; where there are none, of ``is`` that of the reference itself.
        page: the page that was written, if one was.
    """

    scores: tuple[Score, ...]
    reason: str
    baselines: Mapping[str, Score] = field(default_factory=dict)
    page: Path | None = None

    @property
    def score(self) -> Score:
        """The first, or only, one."""
        return self.scores[0]

    @property
    def real(self) -> Score | None:
        """The baseline of `score`."""
        return self.baselines.get(self.score.name)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of all scores, each once."""
        return warnings_of(self.scores)

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

    def to_json(self) -> dict[str, object]:
        """One document: ``scores``, each with ``real``, and ``reason``."""
        baselines = {name: baseline.to_json() for name, baseline in self.baselines.items()}
        return {
            "scores": [{**s.to_json(), "real": baselines.get(s.name)} for s in self.scores],
            "reason": self.reason,
        }

    def __str__(self) -> str:
        return "\n".join(map(str, self.scores))


def evaluate(
    metric: str | Sequence[str],
    subject: Subject | None = None,
    *,
    ref: Subject | None = None,
    n: int | None = None,
    extractor: str | None = None,
    extractor_weights: Path | None = None,
    protocol: str | None = None,
    precision: str = "auto",
    require: Sequence[str] = (),
    strict: bool = False,
    checkpoint: str = "best",
    weights: str = "best",
    seed: int = 1,
    batch_size: int = 250,
    context: int | None = None,
    device: str | None = None,
    out: str | Path | None = None,
    output: Output = QUIET,
) -> Evaluation:
    """Score a model or a set of images.

    Under torchrun the processes share the images, and rank 0 has the result.

    Args:
        metric: one or several, as a list or between commas, computed in one pass. ``fid``, the
            Fréchet distance to real images, ``fid-infinity``, that of infinitely many samples, and
            ``kid``, the kernel distance (smaller is better); ``is``, an Inception-style score
            (larger is better); ``prdc``, precision, recall, density and coverage (larger is
            better); ``per-class``, distance and recall of each class; ``memorisation``, how far
            samples are from training images beside held-out ones (1 is best); ``all`` of these
            that can be told. Or ``bpb``, the bits that a model of text needs for a byte of text it
            was not trained on (smaller is better).
        subject: a model or whatever `genctl.load` takes; a folder, ``.zip``, ``.npz`` or built-in
            data set of images; samples, or an array (N, H, W, C) uint8; a function from a list of
            places to that many images; the latest run when None.
        ref: the real images, as ``subject``, or an ``.npz`` of their statistics; or the text; what
            the model was trained on (of a text, the part that was held out) when None.
        n: how many images to score; 2000 of a model, all of a folder, when None. Of a text: how
            many windows; all when None.
        extractor: ``digits``, ``inception``, ``rand``, ``px``, ``torchvision:NAME`` (random weights
            unless a file is given; ``torchvision:NAME:seed1`` for others) or ``module:callable``;
            the one that suits when None.
        extractor_weights: a file of weights for ``inception`` or ``torchvision:NAME``.
        protocol: whose way of resizing to follow with Inception: ``tf`` (the default),
            ``pytorch-fid``, ``clean`` or ``torchmetrics``.
        precision: of the features: ``fp32``, which ``auto`` means too, or ``bf16``, checked against
            fp32 on the first images.
        require: names, such as ``fid``, that must be claimed, or nothing is computed.
        strict: fail where there is anything to warn of.
        context: of a text: tokens in a window; the model's when None.
        out: a folder for ``eval.json`` and ``eval.html``; when None, that of the run for ``all``,
            else none.

    Raises:
        GenctlError: an unknown name, nothing to score, nothing to compare with, a name that cannot
            be claimed, or, if ``strict``, a warning.
    """
    metric = metric if isinstance(metric, str) else ",".join(metric)
    wanted = _metrics(metric)
    if n is not None and n < 2:
        raise GenctlError(
            ExitStatus.USAGE, f"{opt('n', n)} is too few to score", option="n", suggest=2000
        )
    choice = {"checkpoint": checkpoint, "weights": weights, "device": device}
    if not wanted:
        return _of_text(subject, ref, n, context, output, choice)
    if context is not None:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('context', context)} is for {TEXT_METRIC}, not for {metric}",
            hint=f"leave {opt('context')} out",
            option="context",
        )
    world = ProcessGroup.join(device)
    try:
        wish = ExtractorRequest(
            extractor, extractor_weights, protocol, precision, resolve_device(device)
        )
        request = ImageRequest(
            metrics=wanted,
            lenient=metric == ALL,
            subject=subject,
            ref=ref,
            n=n,
            wish=wish,
            required=require,
            seed=seed,
            batch_size=batch_size,
            choice=choice,
        )
        found = score_images(request, world, output if world.is_main else Output.silent())
    finally:
        world.destroy()
    return _reported(found, metric, None if out is None else Path(out), strict)


def _of_text(
    subject: Subject | None,
    ref: Subject | None,
    n: int | None,
    context: int | None,
    output: Output,
    choice: Mapping[str, str | None],
) -> Evaluation:
    models = str | Path | Run | LoadedModel | None
    if not isinstance(subject, models) or not isinstance(ref, str | Path | None):
        raise GenctlError(
            ExitStatus.USAGE,
            f"{TEXT_METRIC} needs a model that generates text, and a text",
            suggest=Suggestion("eval", {"ref": Placeholder("FILE")}, args=(TEXT_METRIC,)),
        )
    text = None if ref is None else str(ref)
    score, reason = score_text(subject, text, n, context, output=output, **choice)
    return Evaluation((score,), reason)


def _reported(found: ImageScores, metric: str, out: Path | None, strict: bool) -> Evaluation:
    evaluation = Evaluation(
        tuple(found.scores),
        f"{found.seen.extractor.name} ({found.reason})",
        {baseline.name: baseline for baseline in found.baselines},
    )
    if strict and evaluation.warnings:
        count = len(evaluation.warnings)
        raise GenctlError(
            ExitStatus.DATA,
            f"{opt('strict')} allows no warnings, and there "
            f"{'is 1' if count == 1 else f'are {count}'}: {'; '.join(evaluation.warnings)}",
            hint=f"leave {opt('strict')} out to see the numbers",
            option="strict",
        )
    folder = out or (report_folder(found.generated) if metric == ALL else None)
    if folder is None:
        return evaluation
    return replace(evaluation, page=write_report(folder, evaluation.to_json(), found))


def _metrics(text: str) -> list[Metric]:
    """The metrics of images that ``text`` names, each once; none where it is that of text.

    Raises:
        GenctlError: an unknown name, or metrics of images and of text together.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in METRICS:
            raise unknown("metric", name, METRICS, option="metric")
    if names == [TEXT_METRIC]:
        return []
    if TEXT_METRIC in names:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{TEXT_METRIC} scores text, and the other metrics score images",
            option="metric",
            suggest=Suggestion("eval", args=(TEXT_METRIC,)),
        )
    return [metric for metric in IMAGE_METRICS if metric in names or ALL in names]
