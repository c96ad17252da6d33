"""What is looked at while a model trains: previews and scores, in the time there is for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from genctl.contracts import Monitor
from genctl.engine.training.eval_schedule import SCORE_SHARE, EvalSchedule
from genctl.engine.training.trainer import Trainer
from genctl.files import make_directory
from genctl.output import Output
from genctl.runs import Run

KEPT = "scoring.json"
"""The file of a run that keeps how many samples a score takes, where a budget has no room for more.
"""

Modules = Mapping[str, nn.Module]
Scores = Mapping[str, float]


@dataclass(frozen=True)
class Callbacks:
    """What `api` lets the engine do with the averaged modules now and then.

    Attributes:
        preview: writes a picture to the path (without suffix).
        evaluate: scores them on so many samples, or windows of held-out text; the names include
            the one that the monitor watches.
        references: writes examples of the data into a folder, to compare previews with.
        monitor: what "best" means where the family's own monitor is not among the scores.
        cost: seconds that one sample or window of a score takes; asked once, after a preview.
    """

    preview: Callable[[Modules, Path], None] | None = None
    evaluate: Callable[[Modules, int], Scores] | None = None
    cost: Callable[[Modules], float] | None = None
    references: Callable[[Path], None] | None = None
    monitor: Monitor | None = None


class Observer:
    """Draws previews of one run, and scores it.

    Args:
        trainer: whose averages are looked at.
        run: where previews and the best score go.
        hooks: how to draw and to score.
        evaluations: how often the run is scored in all.
        seconds: of a wall-clock budget; None of another one.
        output: hears of what is best, and of scores that do not fit the budget.

    Attributes:
        schedule: what previews and scores take, and how many samples a score has.
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
        self.schedule = EvalSchedule(self._kept_samples())

    def preview(self) -> None:
        """Draw a preview of the first EMA copy."""
        if self._hooks.preview:
            begun, first_one = time.monotonic(), not self.schedule.drawing
            folder = make_directory(self._run.samples)
            modules = next(iter(self._trainer.averages().values()))
            self._hooks.preview(modules, folder / f"step-{self._trainer.index:08d}")
            self.schedule.drawing = time.monotonic() - begun
            if first_one and self._seconds is not None and self._evaluations and self._hooks.cost:
                self._make_room(self._seconds, self._hooks.cost(modules))

    def score(self, checkpoint: Path) -> dict[str, float]:
        """The scores of every average, as they were saved; remembers the best.

        Returns:
            A row of metrics, in which scores of all but the first average carry its name; empty
            where nothing is scored.
        """
        row: dict[str, float] = {}
        samples = self.schedule.samples
        if not self._hooks.evaluate or not self._evaluations or not samples:
            return row
        for name, modules in self._trainer.averages().items():
            scores = self._hooks.evaluate(modules, samples)
            row |= {f"{key}/{name}" if row else key: value for key, value in scores.items()}
            self._note_best(checkpoint, name, scores)
        return row

    def _make_room(self, budget: float, seconds: float) -> None:
        """Keep time for the last score, whose samples take so long each, and choose how many.

        Only before the first one: scores of other numbers of samples are not comparable.
        """
        seconds *= len(self._trainer.averages())
        if self._run.read("best.json") is not None:
            self.schedule.scoring += seconds * self.schedule.samples
            return
        wanted = self.schedule.samples
        self.schedule.fit(seconds, budget, self._evaluations)
        if (fit := self.schedule.samples) < wanted:
            self._output.say(
                f"scores in training take {fit or 'no'} samples instead of {wanted}: "
                f"those would take more than {SCORE_SHARE:.0%} of the budget"
            )
            self._run.write(KEPT, {"samples": fit})

    def _kept_samples(self) -> int:
        """How many samples a score of this run takes: as many as before, or as the family wants."""
        if kept := self._run.read(KEPT):
            return int(kept["samples"])
        # Where runs kept it before they had the file.
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


def _better(monitor: Monitor, value: float, best: float) -> bool:
    return value < best if monitor.lower_is_better else value > best
