"""The only training loop of the project."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from genctl.config import TrainConfig
from genctl.engine.optim.determinism import determinism
from genctl.engine.reporting.loggers import JsonLines, Logger, read_rows
from genctl.engine.reporting.progress import Display, Pace, Reading
from genctl.engine.training import checkpoint
from genctl.engine.training.budget import Budget
from genctl.engine.training.callbacks import Callbacks, Observer
from genctl.engine.training.nonfinite_guard import NonFiniteGuard
from genctl.engine.training.reports import Window
from genctl.engine.training.settings import RunSettings
from genctl.engine.training.signals import StopSignals
from genctl.engine.training.trainer import Trainer
from genctl.errors import ExitStatus, GenctlError, Suggestion, is_out_of_memory
from genctl.output import Output
from genctl.plots.curves import draw_curves
from genctl.runs import Run

FIRST_CHECKPOINT_SECONDS = 10.0


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
        self._guard = NonFiniteGuard(trainer, run, output, settings.lr)
        self._rows = JsonLines(run.path / "metrics.jsonl", trainer.position)
        self._loggers = loggers
        self._display = Display(output, unit, trainer.device)
        self._units = units_per_example
        self._window = Window()
        self._pace = Pace(trainer.position)
        self._checkpoint_due = time.monotonic() + min(
            FIRST_CHECKPOINT_SECONDS, settings.checkpoint_seconds
        )
        self._row_due = self._preview_due = 0.0
        self._observer.resume(self._spend())
        trainer.on_settings_changed = self._record_settings

    @property
    def elapsed(self) -> float:
        """Seconds of training so far, over all starts."""
        return self._earlier + time.monotonic() - self._started

    def _spend(self) -> float:
        """The share of the budget that is spent by now.

        It decreases only where a set-back undoes examples of a budget in examples.
        """
        seconds = self._budget.seconds
        reserved = 0.0 if seconds is None else self._observer.schedule.ending(seconds)
        now = self._budget.fraction(self._trainer.position, self.elapsed, reserved=reserved)
        self._fraction = now if seconds is None else max(self._fraction, now)
        return self._fraction

    def run(self) -> None:
        """Train until the budget is spent; `checkpoint.mark_finished` is left to the caller.

        Raises:
            GenctlError: a signal stopped it (after saving), it diverged, or memory or disk ran out.
        """
        try:
            with (
                StopSignals(self._output.say) as signals,
                determinism(self._trainer.settings.deterministic),
                self._display,
            ):
                self._train(signals)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise self._trainer.gradients.exhausted() from None
        finally:
            for logger in (self._rows, *self._loggers):
                logger.close()

    def _train(self, signals: StopSignals) -> None:
        self._refuse_empty()
        self._spend()
        if self._score_due():  # an earlier start ended before it
            self._observe()
        finished = False
        while not finished:
            while (fraction := self._spend()) < 1.0:
                self._step(fraction)
                self._stop_if(signals)
                if self._spend() < 1.0:
                    self._observe()
            finished = self._finish(signals)

    def _step(self, fraction: float) -> None:
        reports = self._trainer.step(fraction)
        self._window.add(reports, fraction)
        if self._guard.watch(reports):
            self._forget_undone()
            self._checkpoint_due = 0.0

    def _observe(self) -> None:
        """Log, preview, score and save what is due."""
        now = time.monotonic()
        if now >= self._row_due:
            self._log()
            self._row_due = now + max(2.0, self.elapsed / 2000)
        if now >= self._preview_due:  # before a score: the first preview measures the cost
            self._observer.preview()
            self._preview_due = time.monotonic() + self._observer.schedule.pause(self.elapsed)
        if self._score_due():
            self._score()
        elif now >= self._checkpoint_due:
            self._save()
        else:
            return
        self._checkpoint_due = time.monotonic() + self._settings.checkpoint_seconds

    def _score_due(self) -> bool:
        """Whether a score is due; the last one comes at the end, and none before training."""
        due = self._observer.due(self._fraction)
        return self._trainer.index > 0 and bool(due) and due < self._settings.evaluations

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

    def _finish(self, signals: StopSignals) -> bool:
        """Preview and score the end; False if the weights are bad and training goes on."""
        self._log()
        self._stop_if(signals)
        self._observer.preview()
        self._stop_if(signals)
        if not self._score():
            return False
        draw_curves(read_rows(self._run.path / "metrics.jsonl"), self._run.path / "curves.png")
        return True

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

    def _save(self) -> Path | None:
        """Save a checkpoint; None if the weights are not finite and the run was set back."""
        snapshot = self._trainer.snapshot(self.elapsed)
        finite = snapshot.finite
        if not finite:
            self._guard.set_back("the weights are no longer finite")
            self._forget_undone()
            snapshot = self._trainer.snapshot(self.elapsed)
        path = checkpoint.save(self._run, snapshot, keep_last=self._settings.keep_last)
        return path if finite else None

    def _forget_undone(self) -> None:
        """Drop the metrics of steps that a set-back has undone, as a resume does."""
        self._window = Window()
        self._rows.cut(self._trainer.position)

    def _stop_if(self, signals: StopSignals) -> None:
        """Save and stop if a signal was received.

        Raises:
            GenctlError: one was.
        """
        if signals.received is None:
            return
        self._save()
        self._log()
        raise GenctlError(
            ExitStatus(128 + signals.received),
            f"stopped by {signals.received.name} at step {self._trainer.index}, "
            f"saved in {self._run.path}",
            hint="run the same command again to continue",
        )

    def _log(self) -> None:
        metrics, steps = self._window.means(), len(self._window.fractions)
        trainer = self._trainer
        rates = {f"rate/{name}": rate for name, rate in trainer.optimizers.rates().items()}
        row: dict[str, object] = {"elapsed": round(self.elapsed, 3), **metrics, **rates}
        if self._budget.seconds is not None:
            row["fractions"] = self._window.fractions
        self._window = Window()
        if not steps:
            return
        self._rows.log(trainer.position, row)
        for logger in self._loggers:
            logger.log(trainer.position, {**metrics, **rates})
        self._display.show(self._reading(metrics))

    def _reading(self, metrics: Mapping[str, float]) -> Reading:
        rate = self._pace.rate(self._trainer.position)
        if self._budget.examples is not None:
            left = (self._budget.examples - self._trainer.position) / rate if rate else None
        else:
            left = max(0.0, (self._budget.seconds or 0.0) - self.elapsed)
        seen = self._trainer.position * self._units
        return Reading(self._fraction, seen, rate * self._units, left, metrics)

    def _score(self) -> bool:
        """Save and score the averages, and measure the time of both.

        Returns:
            Whether the weights were good; otherwise the run was set back and nothing is scored.
        """
        begun = time.monotonic()
        path = self._save()
        if path is None:
            return False
        if due := self._observer.due(self._fraction):
            if row := self._observer.score(path):
                for logger in (self._rows, *self._loggers):
                    logger.log(self._trainer.position, row)
            self._observer.record(due)
        self._observer.schedule.scoring = time.monotonic() - begun + 1.0
        return True
