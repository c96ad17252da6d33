"""The non-finite guard: skips bad steps, sets a bad run back, and gives up after some attempts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch

from genctl.engine.training import checkpoint
from genctl.engine.training.reports import PhaseReport
from genctl.engine.training.trainer import Trainer
from genctl.errors import ExitStatus, GenctlError, Suggestion
from genctl.output import Output
from genctl.runs import Run

MAX_SKIPPED = 20
"""Bad steps in a row before the run is set back; a loss scale of 2^16 needs 16 to reach 1."""

MAX_ATTEMPTS = 3


class NonFiniteGuard:
    """Counts steps whose gradients were not finite; their updates never reached the weights.

    After `MAX_SKIPPED` in a row the last good checkpoint is loaded again with half the learning
    rates and other noise; after `MAX_ATTEMPTS` of these the run ends.

    Args:
        trainer: the objective under training.
        run: the run, whose checkpoints are gone back to.
        output: where a set-back is reported.
        rate: the learning rate in the configuration; a lower one is suggested at the end.
    """

    def __init__(self, trainer: Trainer, run: Run, output: Output, rate: float) -> None:
        self._rate = rate
        self._trainer = trainer
        self._run = run
        self._output = output
        self._in_a_row = torch.zeros((), dtype=torch.int64, device=trainer.device)
        # With non-blocking checks the result is read rarely: reading it waits for the device.
        self._every = MAX_SKIPPED if trainer.nonblocking_checks else 1

    def watch(self, reports: Mapping[str, PhaseReport]) -> bool:
        """Check a step; True if the run was set back.

        Raises:
            GenctlError: it was set back too often, or there is no checkpoint to go back to.
        """
        good = torch.stack([report.finite for report in reports.values()]).all()
        self._in_a_row = torch.where(good, 0, self._in_a_row + 1)
        if self._trainer.index % self._every or int(self._in_a_row) < MAX_SKIPPED:
            return False
        self.set_back(f"{MAX_SKIPPED} steps in a row had non-finite gradients")
        return True

    def set_back(self, reason: str) -> None:
        """Load the last good checkpoint for another attempt."""
        trainer = self._trainer
        attempt, scale = trainer.attempt + 1, trainer.rate_scale / 2
        path = checkpoint.newest_good(self._run, self._output.warn)
        if path is None or attempt > MAX_ATTEMPTS:
            raise self._diverged(reason)
        good = checkpoint.read(path)
        trainer.restore(dataclasses.replace(good, attempt=attempt, rate_scale=scale))
        self._in_a_row.zero_()
        self._output.warn(
            f"{reason}; back to {path.name} with {scale:g} of the learning rate "
            f"(attempt {attempt} of {MAX_ATTEMPTS})"
        )

    def _diverged(self, reason: str) -> GenctlError:
        trainer = self._trainer
        lower = Suggestion(
            "", {"new": True, "train.lr": self._rate / 2}, "starts again with a lower rate"
        )
        exact = Suggestion("", {"new": True, "precision": "fp32"}, "computes in float32")
        return GenctlError(
            ExitStatus.NON_FINITE,
            f"training diverged at step {trainer.index}: {reason}",
            suggest=(lower,) if trainer.settings.precision == "fp32" else (lower, exact),
        )
