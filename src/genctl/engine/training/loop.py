"""The only training loop of the project."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from genctl.config import TrainConfig
from genctl.engine.optim.determinism import determinism
from genctl.engine.reporting.loggers import JsonLines, Logger, read_rows
from genctl.engine.reporting.progress import Display, Reading
from genctl.engine.training import checkpoint
from genctl.engine.training.budget import Budget
from genctl.engine.training.callbacks import Callbacks, Observer
from genctl.engine.training.nonfinite_guard import NonFiniteGuard
from genctl.engine.training.reports import phase_metrics
from genctl.engine.training.settings import RunSettings
from genctl.engine.training.signals import StopSignals
from genctl.engine.training.trainer import Trainer
from genctl.errors import ExitStatus, GenctlError, Suggestion, is_out_of_memory
from genctl.output import Output
from genctl.plots.curves import draw_curves
from genctl.runs import Run

FIRST_CHECKPOINT_SECONDS = 10.0


@dataclass
class _Window:
    """Metrics summed on the device since the last row."""

    totals: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    fractions: list[float] = field(default_factory=list)

    def add(self, metrics: Mapping[str, Tensor], fraction: float) -> None:
        for name, value in metrics.items():
            self.totals[name] = self.totals[name] + value if name in self.totals else value
            self.counts[name] = self.counts.get(name, 0) + 1
        self.fractions.append(fraction)

    def means(self) -> dict[str, float]:
        names = sorted(self.totals)
        if not names:
            return {}
        values = torch.stack([self.totals[n].float() / self.counts[n] for n in names]).tolist()
        return dict(zip(names, values, strict=True))


class Loop:
    """Runs a trainer to the end of its budget.

    Args:
        trainer: the objective under training, restored from ``run`` when it has checkpoints.
        run: the run that everything is written to; the caller holds its lock.
        budget: when to end.
        settings: how often to save, keep and score.
        hooks: previews and scores.
        output: where messages are printed.
        unit: the unit that the display counts in.
        units_per_example: number of these units in an example.
        loggers: loggers of metrics besides ``metrics.jsonl``.
        started: `time.monotonic` at the start of the command.
    """

    def __init__(
        self,
        trainer: Trainer,
        run: Run,
        budget: Budget,
        settings: TrainConfig,
        *,
        hooks: Callbacks,
        output: Output,
        unit: str,
        units_per_example: int = 1,
        loggers: Sequence[Logger] = (),
        started: float | None = None,
    ) -> None:
        self._trainer = trainer
        self._run = run
        self._budget = budget
        self._settings = settings
        self._observer = Observer(
            trainer,
            run,
            hooks,
            evaluations=settings.evaluations,
            seconds=budget.seconds,
            output=output,
        )
        self._output = output
        self._started = time.monotonic() if started is None else started
        self._earlier = 0.0
        self._fraction = 0.0
        self._resume()
        self._guard = NonFiniteGuard(trainer, run, output)
        self._rows = JsonLines(run.path / "metrics.jsonl", trainer.position)
        self._loggers = loggers
        self._display = Display(output, unit, trainer.device)
        self._units = units_per_example
        self._window = _Window()
        self._first_position = trainer.position
        self._training_since = time.monotonic()
        self._scored = int(self._spend() * settings.evaluations)
        trainer.on_settings_changed = self._record_settings

    @property
    def elapsed(self) -> float:
        """Seconds of training so far, over all starts."""
        return self._earlier + time.monotonic() - self._started

    def _spend(self) -> float:
        """The share of the budget that is spent by now; it never decreases."""
        seconds = self._budget.seconds
        reserved = 0.0 if seconds is None else self._observer.schedule.ending(seconds)
        now = self._budget.fraction(self._trainer.position, self.elapsed, reserved=reserved)
        self._fraction = max(self._fraction, now)
        return self._fraction

    def run(self) -> None:
        """Train until the budget is spent.

        Raises:
            GenctlError: a signal stopped it (after saving), it diverged, or memory or disk ran out.
        """
        try:
            with (
                StopSignals() as signals,
                determinism(self._trainer.settings.deterministic),
                self._display,
            ):
                self._train(signals)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise GenctlError(
                ExitStatus.OUT_OF_MEMORY,
                f"out of memory at micro-batches of {self._trainer.settings.micro_batch}",
                option="train.micro_batch",
                suggest=Suggestion(
                    "",
                    {
                        "new": True,
                        "train.micro_batch": max(1, self._trainer.settings.micro_batch // 2),
                    },
                ),
            ) from None
        finally:
            for logger in (self._rows, *self._loggers):
                logger.close()

    def _train(self, signals: StopSignals) -> None:
        first = min(FIRST_CHECKPOINT_SECONDS, self._settings.checkpoint_seconds)
        checkpoint_due = time.monotonic() + first
        row_due = preview_due = 0.0
        self._refuse_empty()
        while (fraction := self._spend()) < 1.0:
            reports = self._trainer.step(fraction)
            self._window.add(phase_metrics(reports), fraction)
            now = time.monotonic()
            if self._guard.watch(reports):
                checkpoint_due = 0.0
            if signals.received is not None:
                self._stop(signals.received.name, 128 + signals.received)
            if self._spend() >= 1.0:
                break
            if now >= row_due:
                self._log()
                row_due = now + max(2.0, self.elapsed / 2000)
            if now >= preview_due:  # before a score: the first preview measures the cost
                self._observer.preview()
                preview_due = time.monotonic() + self._observer.schedule.pause(self.elapsed)
            due = int(self._fraction * self._settings.evaluations)
            if self._scored < due < self._settings.evaluations:  # the last one comes at the end
                self._score()
                checkpoint_due = time.monotonic() + self._settings.checkpoint_seconds
            elif now >= checkpoint_due:
                self._save()
                checkpoint_due = time.monotonic() + self._settings.checkpoint_seconds
        self._finish()

    def _record_settings(self, settings: RunSettings) -> None:
        """Write settings that the trainer had to change, so that a resumed run keeps them."""
        self._run.write("resolved.json", dataclasses.asdict(settings))

    def _refuse_empty(self) -> None:
        """Refuse a budget that ends before the first step and would save untrained weights."""
        if self._trainer.index == 0 and self._spend() >= 1.0:
            ending = self._observer.schedule.scoring
            raise GenctlError(
                ExitStatus.USAGE,
                f"a budget of {self._budget.seconds:g} s is spent before training can begin: "
                f"starting took {self.elapsed:.0f} s, ending takes {ending:.0f} s",
                option="budget",
                suggest=("1m", Suggestion("", {"budget": "10k"}, "counts examples")),
            )

    def _finish(self) -> None:
        self._log()
        self._observer.preview()
        self._score(finished=True)
        draw_curves(read_rows(self._run.path / "metrics.jsonl"), self._run.path / "curves.png")

    def _resume(self) -> None:
        path = checkpoint.newest_good(self._run, self._output.warn)
        if path is None:
            return
        snapshot = checkpoint.read(path)
        self._trainer.restore(snapshot)
        self._earlier = snapshot.elapsed
        self._output.say(
            f"resuming {self._run.path} from step {snapshot.index} "
            f"({snapshot.position:,} examples, {snapshot.elapsed:.0f} s of training)"
        )

    def _save(self, *, finished: bool = False) -> Path:
        snapshot = self._trainer.snapshot(self.elapsed)
        if not snapshot.finite:
            self._guard.set_back("the weights are no longer finite")
            snapshot, finished = self._trainer.snapshot(self.elapsed), False
        return checkpoint.save(
            self._run, snapshot, finished=finished, keep_last=self._settings.keep_last
        )

    def _stop(self, signal_name: str, code: int) -> None:
        self._save()
        self._log()
        raise GenctlError(
            ExitStatus(code),
            f"stopped by {signal_name} at step {self._trainer.index}, saved in {self._run.path}",
            hint="run the same command again to continue",
        )

    def _log(self) -> None:
        metrics = self._window.means()
        trainer = self._trainer
        rates = {f"rate/{name}": rate for name, rate in trainer.optimizers.rates().items()}
        row: dict[str, object] = {"elapsed": round(self.elapsed, 3), **metrics, **rates}
        if self._budget.seconds is not None:
            row["fractions"] = self._window.fractions
        self._window = _Window()
        if not metrics:
            return
        self._rows.log(trainer.position, row)
        for logger in self._loggers:
            logger.log(trainer.position, {**metrics, **rates})
        self._display.show(self._reading(metrics))

    def _reading(self, metrics: Mapping[str, float]) -> Reading:
        seconds = max(time.monotonic() - self._training_since, 1e-9)
        rate = (self._trainer.position - self._first_position) / seconds
        if self._budget.examples is not None:
            left = (self._budget.examples - self._trainer.position) / rate if rate else None
        else:
            left = (self._budget.seconds or 0.0) - self.elapsed
        seen = self._trainer.position * self._units
        return Reading(self._fraction, seen, rate * self._units, left, metrics)

    def _score(self, *, finished: bool = False) -> None:
        """Save and score the averages, and measure the time of both."""
        begun = time.monotonic()
        self._scored = int(self._fraction * self._settings.evaluations)
        if row := self._observer.score(self._save(finished=finished)):
            for logger in (self._rows, *self._loggers):
                logger.log(self._trainer.position, row)
        self._observer.schedule.scoring = time.monotonic() - begun + 1.0
