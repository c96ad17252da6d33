"""``evaluate``: measures how good the samples of a model are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from genctl.api.evaluation.request import EvalRequest
from genctl.api.evaluation.sample_scoring import score_samples
from genctl.api.evaluation.task import Scored, Task, plan
from genctl.api.pages.eval_page import write_report
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.errors import PYTHON, ExitStatus, GenctlError, Spelling, opt, spelt
from genctl.evaluation.score import Score, warnings_of
from genctl.output import QUIET, Output
from genctl.registry import METRICS, Metric, parse_metrics


@dataclass(frozen=True)
class Evaluation:
    """Scores and what helps to read them.

    Attributes:
        scores: the numbers, their errors and signatures.
        reason: why this extractor was chosen, or which data was used.
        words: the word for one scored sample, and for several.
        baselines: name of a score -> the same metric of equally many real images that are not in
            the reference; for ``is`` without such images, the metric of the reference itself.
        absent: name of a score -> why it has no baseline.
        left_out: name of a metric -> why ``all`` left it out.
        facts: what a reader should know besides the numbers: label -> text.
        page: the page, if one was written.
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
        """The first score, or the only one."""
        return self.scores[0]

    @property
    def real(self) -> Score | None:
        """The baseline of `score`."""
        return self.baselines.get(self.score.name)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of all scores, each once."""
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
    request: EvalRequest, output: Output = QUIET, spelling: Spelling = PYTHON
) -> Evaluation:
    """Score a model or samples.

    Under torchrun the processes share the images, and rank 0 has the result.

    Args:
        spelling: how the reasons for absent scores spell options.

    Raises:
        GenctlError: a name is unknown, there is nothing to score or nothing to compare with, the
            scores do not qualify for a required name, or, if ``strict``, there is a warning.
    """
    wanted = parse_metrics(request.metric)
    if request.n is not None and request.n < 2:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('n', request.n)} is too few to score",
            option="n",
            suggest=2000,
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
    return _reported(found, task, spelling)


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


def _reported(found: Scored, task: Task, spelling: Spelling) -> Evaluation:
    request = task.request
    absent, left_out = (
        {name: spelt(why, spelling) for name, why in reasons.items()}
        for reasons in (found.absent, found.left_out)
    )
    evaluation = Evaluation(
        tuple(found.scores),
        found.reason,
        task.kind.words,
        {baseline.name: baseline for baseline in found.baselines},
        absent,
        left_out,
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
    page = replace(found.page(), absent=absent, left_out=left_out)
    return replace(evaluation, page=write_report(folder, evaluation.to_json(), page))
