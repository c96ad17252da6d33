"""Previews and scores during training, within the time that is available for them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from genctl import documents
from genctl.contracts import Monitor
from genctl.engine.devices import threads_set_to
from genctl.engine.training.eval_schedule import SCORE_SHARE, EvalSchedule
from genctl.engine.training.trainer import Trainer
from genctl.files import make_directory
from genctl.output import Output
from genctl.runs import Run

KEPT = "scoring.json"
"""The file of a run with the number of samples of a score, if the budget allows no more of them."""

SCORED = "scored.json"
"""The file of a run with the number of its scores so far."""

Modules = Mapping[str, nn.Module]
Scores = Mapping[str, float]


@dataclass(frozen=True)
class Callbacks:
    """What the engine does with the averaged modules at intervals; `api` supplies it.

    Attributes:
        preview: writes a preview to the path (without suffix).
        evaluate: scores the modules on the given number of samples, or windows of held-out text;
            the names include the metric of the monitor.
        references: writes examples of the data into a folder, to compare previews with.
        monitor: what "best" means if the family's own monitor is not among the scores.
        cost: seconds that one sample or window of a score takes; called once, after a preview.
    """

    preview: Callable[[Modules, Path], None] | None = None
    evaluate: Callable[[Modules, int], Scores] | None = None
    cost: Callable[[Modules], float] | None = None
    references: Callable[[Path], None] | None = None
    monitor: Monitor | None = None


class Observer:
    """Writes previews of one run, and scores it.

    Args:
        trainer: the trainer whose averages are sampled and scored.
        run: the run that previews and the best score are written to.
        hooks: the functions for previews and scores.
        evaluations: how often the run is scored in total.
        seconds: the seconds of a wall-clock budget; None for another budget.
        output: where new best scores, and scores that do not fit the budget, are reported.

    Attributes:
        schedule: the time of previews and scores, and the number of samples in a score.
    """

    def __init__(
        self,
        trainer: Trainer,
        run: Run,
        hooks: Callbacks,
        *,
        evaluations: int,
        seconds: float | None,
        output: Output,
    ) -> None:
        self._trainer = trainer
        self._run = run
        self._hooks = hooks
        self._evaluations = evaluations
        self._seconds = seconds
        self._output = output
        self._scored = 0
        self.schedule = EvalSchedule(self._kept_samples())

    def resume(self, fraction: float) -> None:
        """Read the number of scores that earlier starts of the run have made.

        Args:
            fraction: the share of the budget that they have spent.
        """
        kept = _kept(self._run, SCORED, "scores")
        if kept is not None:
            self._scored = kept
        elif self._trainer.index == 0:
            self.record(0)
        else:  # an older version did not count, and an unfinished run lacks its last score
            self._scored = min(int(fraction * self._evaluations), self._evaluations - 1)

    def due(self, fraction: float) -> int:
        """The number of scores after the one that is due; 0 if none is.

        Args:
            fraction: the share of the budget that is spent.
        """
        due = int(fraction * self._evaluations)
        return due if due > self._scored else 0

    def record(self, scored: int) -> None:
        """Count the scores of the run, so that an interrupted one is made after a resume."""
        self._scored = scored
        if self._hooks.evaluate and self._evaluations:
            self._run.write(SCORED, {"scores": scored})

    def preview(self) -> None:
        """Write a preview of the first EMA copy."""
        if self._hooks.preview:
            begun, first_one = time.monotonic(), not self.schedule.drawing
            folder = make_directory(self._run.samples)
            modules = next(iter(self._trainer.averages().values()))
            with self._all_cores():
                self._hooks.preview(modules, folder / f"step-{self._trainer.index:08d}")
            self.schedule.drawing = time.monotonic() - begun
            if first_one and self._seconds is not None and self._evaluations and self._hooks.cost:
                with self._all_cores():
                    cost = self._hooks.cost(modules)
                self._make_room(self._seconds, cost)

    def score(self, checkpoint: Path) -> dict[str, float]:
        """Score every average, as saved in ``checkpoint``, and record the best one.

        Returns:
            A row of metrics; the scores of all averages but the first end in the average's name.
            The row is empty if nothing is scored.
        """
        row: dict[str, float] = {}
        samples = self.schedule.samples
        if not self._hooks.evaluate or not self._evaluations or not samples:
            return row
        for name, modules in self._trainer.averages().items():
            with self._all_cores():
                scores = self._hooks.evaluate(modules, samples)
            row |= {f"{key}/{name}" if row else key: value for key, value in scores.items()}
            self._note_best(checkpoint, name, scores)
        return row

    def _all_cores(self) -> AbstractContextManager[None]:
        """The threads of all ranks of this machine, which wait for this one in the block."""
        world, threads = self._trainer.world, self._trainer.settings.threads
        return threads_set_to(threads * world.size) if world.shares_memory else nullcontext()

    def _make_room(self, budget: float, seconds: float) -> None:
        """Reserve time for the last score, and choose the number of samples of every score.

        The number is only chosen before the first score, since scores of different numbers of
        samples are not comparable.

        Args:
            budget: the wall-clock budget in seconds.
            seconds: the seconds that one sample takes.
        """
        seconds *= max(1, len(self._trainer.ema.copies))  # or the raw weights
        if self._run.read("best.json") is not None:
            self.schedule.scoring += seconds * self.schedule.samples
            return
        wanted = self.schedule.samples
        self.schedule.fit(seconds, budget, self._evaluations)
        if (fit := self.schedule.samples) < wanted:
            self._output.say(
                f"scores in training use {fit or 'no'} samples instead of {wanted}, "
                f"which would take more than {SCORE_SHARE:.0%} of the budget"
            )
            self._run.write(KEPT, {"samples": fit})

    def _kept_samples(self) -> int:
        """The number of samples in a score of this run: as before, or the family's default."""
        kept = _kept(self._run, KEPT, "samples")
        if kept is not None:
            return kept
        # Older runs keep the number in this file.
        older = (self._run.read("resolved.json") or {}).get("scored")
        if older is not None:
            self._run.write(KEPT, {"samples": older})
            return int(older)
        return (self._monitor or Monitor("")).samples

    @property
    def _monitor(self) -> Monitor | None:
        return self._hooks.monitor or self._trainer.objective.monitor

    def _note_best(self, checkpoint: Path, weights: str, scores: Scores) -> None:
        monitor = self._monitor
        if monitor is None or monitor.metric not in scores:
            return
        value = scores[monitor.metric]
        if not math.isfinite(value):
            self._output.warn(
                f"{monitor.metric} is {value} at {checkpoint.name} ({weights}) and cannot be best"
            )
            return
        best = self._run.read("best.json")
        if best is None or _better(monitor, value, best["value"]):
            self._run.write(
                "best.json",
                {
                    "checkpoint": checkpoint.name,
                    "step": self._trainer.index,
                    "metric": monitor.metric,
                    "value": value,
                    "weights": weights,
                },
            )
            self._output.detail(
                f"best so far: {monitor.metric} {value:.4g} at {checkpoint.name} ({weights})"
            )


def _kept(run: Run, file: str, field: str) -> int | None:
    """The number in a document of a run, or None if there is no document.

    Raises:
        GenctlError: (DATA) it is damaged.
    """
    document = run.read(file)
    if document is None:
        return None
    try:
        return int(documents.require(document, (field,))[field])
    except (TypeError, ValueError) as error:
        raise documents.damaged(run.path / file, error) from None


def _better(monitor: Monitor, value: float, best: float) -> bool:
    return value < best if monitor.lower_is_better else value > best
