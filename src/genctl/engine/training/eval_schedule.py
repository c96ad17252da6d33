"""The time of a run that previews and scores take, and the number of samples in a score."""

from __future__ import annotations

from dataclasses import dataclass

PREVIEW_SHARE = 0.05
"""The maximum share of the time for previews after the first, and of a budget for the last one."""
SCORE_SHARE = 0.2
"""The maximum share of a wall-clock budget for all scores."""
FEWEST_SCORED = 64
"""A score with fewer samples is meaningless."""


@dataclass
class EvalSchedule:
    """The seconds that the latest preview and score took, and the schedule that follows from them.

    Attributes:
        samples: number of samples, or windows of held-out text, in a score; 0 if nothing is scored.
        drawing: the seconds of a preview; 0 before the first one.
        scoring: the seconds of a score and the checkpoint before it; a guess before the first one.
    """

    samples: int
    drawing: float = 0.0
    scoring: float = 3.0

    def pause(self, elapsed: float) -> float:
        """Seconds until the next preview: more in long runs, and if a preview takes long."""
        return max(min(max(15.0, elapsed / 2), 600.0), self.drawing / PREVIEW_SHARE)

    def ending(self, budget: float) -> float:
        """Seconds of a wall-clock budget to keep free for the last preview and score."""
        return self.scoring + min(self.drawing, PREVIEW_SHARE * budget)

    def fit(self, seconds: float, budget: float, scores: int) -> None:
        """Reduce the samples to what a wall-clock budget allows, and add their time to a score's.

        Args:
            seconds: the seconds that one sample takes.
            budget: the budget of the run, in seconds.
            scores: how often the run is scored in total.
        """
        self.samples = affordable(self.samples, seconds, budget, scores)
        self.scoring += seconds * self.samples


def affordable(wanted: int, seconds: float, budget: float, scores: int) -> int:
    """The number of samples that each score can have; 0 if it would be too small.

    Args:
        wanted: the maximum number.
        seconds: the seconds that one sample takes.
        budget: the budget of the run, in seconds.
        scores: how often the run is scored in total.
    """
    fit = int(min(wanted, SCORE_SHARE * budget / scores / max(seconds, 1e-9)))
    return fit if fit >= min(wanted, FEWEST_SCORED) else 0
