"""``evaluate``: how good what a model makes is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from genctl.api.evaluation.request import EvalRequest, Subject
from genctl.api.evaluation.sample_scoring import score_samples
from genctl.api.evaluation.task import Scored, Task, plan
from genctl.api.pages.eval_page import write_report
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.errors import ExitStatus, GenctlError, opt
from genctl.evaluation.score import Score, warnings_of
from genctl.output import QUIET, Output
from genctl.registry import METRICS, Metric, parse_metrics


@dataclass(frozen=True)
class Evaluation:
    """Scores and what helps to read them.

    Attributes:
        scores: the numbers, their errors and signatures.
        reason: why this extractor was taken, or which data these are.
        words: what one scored sample is called, and several.
        baselines: name of a score -> the same metric of as many real images that the reference does
            not hold; where there are none, of ``is`` that of the reference itself.
        absent: name of a score -> why it has no baseline.
        left_out: name of a metric -> why ``all`` left it out.
        facts: what a reader should know besides the numbers: label -> text.
        page: the page that was written, if one was.
    """

    scores: tuple[Score, ...]
    reason: str
    words: tuple[str, str] = ("image", "images")
    baselines: Mapping[str, Score] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
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

    def to_json(self) -> dict[str, object]:
        """One document: ``scores``, ``reason``, and ``left_out``.

        Each score has its baseline, ``real``, or ``real_absent``: why there is none.
        """
        return {
            "scores": [self._with_baseline(score) for score in self.scores],
            "reason": self.reason,
            "left_out": dict(self.left_out),
        }

    def _with_baseline(self, score: Score) -> dict[str, Any]:
        baseline = self.baselines.get(score.name)
        return {
            **score.to_json(),
            "real": baseline.to_json() if baseline else None,
            "real_absent": self.absent.get(score.name),
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
    """Score a model or samples.

    Under torchrun the processes share the images, and rank 0 has the result.

    Args:
        metric: one or several, as a list or between commas; or ``all`` that can be computed of the
            subject. `genctl.metrics` lists them. Of images ``fid``, the Fréchet distance to
            real images, ``kid``, ``is``, ``prdc``, ... are computed in one pass; ``fd[NAME]`` and
            ``kd[NAME]`` are the distances in the features of another extractor. Of text ``bpb`` is
            the bits that a model needs for a byte of text it was not trained on, and
            ``distinct-2`` the share of different pairs of words.
        subject: a model or whatever `genctl.load` takes; a folder, ``.zip``, ``.npz`` or built-in
            data set of images; samples, or an array (N, H, W, C) uint8; a function from a list of
            places to that many images; a file of texts; the latest run when None.
        ref: the real images, as ``subject``, or an ``.npz`` of their statistics; or the text; what
            the model was trained on (of a text, the part that was held out) when None.
        n: how many images to score; 2000 of a model, all of a folder, when None. Of text: how many
            samples, 200 when None, and how many windows, all when None.
        extractor: ``digits``, ``inception``, ``rand``, ``px`` or ``module:callable``; the one that
            suits when None.
        extractor_weights: a file of Inception weights.
        protocol: whose way of resizing to follow with Inception: ``tf`` (the default),
            ``pytorch-fid``, ``clean`` or ``torchmetrics``.
        precision: of the features: ``fp32``, which ``auto`` means too, or ``bf16``, checked against
            fp32 on the first images.
        require: names, such as ``fid``, that must be claimed, or nothing is computed.
        strict: fail where there is anything to warn of.
        context: of ``bpb``: tokens in a window; the model's when None.
        out: a folder for ``eval.json`` and ``eval.html``; when None, that of the run for ``all``,
            else none.

    Raises:
        GenctlError: an unknown name, nothing to score, nothing to compare with, a name that cannot
            be claimed, or, if ``strict``, a warning.
    """
    request = EvalRequest(
        metric=metric,
        subject=subject,
        ref=ref,
        n=n,
        extractor=extractor,
        extractor_weights=extractor_weights,
        protocol=protocol,
        precision=precision,
        require=require,
        strict=strict,
        checkpoint=checkpoint,
        weights=weights,
        seed=seed,
        batch_size=batch_size,
        context=context,
        device=device,
        out=out,
    )
    return evaluate_request(request, output)


def evaluate_request(request: EvalRequest, output: Output = QUIET) -> Evaluation:
    """`evaluate`, of a request.

    Raises:
        GenctlError: as `evaluate`.
    """
    wanted = parse_metrics(request.metric)
    if request.n is not None and request.n < 2:
        raise GenctlError(
            ExitStatus.USAGE, f"{opt('n', request.n)} is too few to score", option="n", suggest=2000
        )
    world = ProcessGroup.join(request.device)
    shown = output if world.is_main else Output.silent()
    try:
        task = world.run_on_all_ranks(lambda: _planned(request, wanted, shown))
        own = "score" in task.kind.targets
        score = task.kind.load("score") if own else score_samples
        found: Scored = score(task, world, shown)
    finally:
        world.destroy()
    return _reported(found, task)


def _planned(request: EvalRequest, wanted: list[Metric] | None, output: Output) -> Task:
    task = plan(request, wanted, request.opened(request.subject, output))
    predicting = [spec.name for spec in METRICS.all() if "token_losses" in spec.needs]
    if request.context is not None and not any(
        "token_losses" in metric.spec.needs for metric in task.metrics
    ):
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('context', request.context)} is for {', '.join(predicting)}, not for "
            f"{request.metric_text}",
            hint=f"leave {opt('context')} out",
            option="context",
        )
    return task


def _reported(found: Scored, task: Task) -> Evaluation:
    request = task.request
    evaluation = Evaluation(
        tuple(found.scores),
        found.reason,
        task.kind.words,
        {baseline.name: baseline for baseline in found.baselines},
        found.absent,
        found.left_out,
        found.facts,
    )
    if request.strict and evaluation.warnings:
        count = len(evaluation.warnings)
        raise GenctlError(
            ExitStatus.DATA,
            f"{opt('strict')} allows no warnings, and there "
            f"{'is 1' if count == 1 else f'are {count}'}: {'; '.join(evaluation.warnings)}",
            hint=f"leave {opt('strict')} out to see the numbers",
            option="strict",
        )
    folder = Path(request.out) if request.out else (found.run if task.lenient else None)
    if folder is None:
        return evaluation
    return replace(evaluation, page=write_report(folder, evaluation.to_json(), found.page()))
