"""How much of the time of a run goes to previews and scores, and how many samples a score takes."""

from __future__ import annotations

from dataclasses import dataclass

PREVIEW_SHARE = 0.05
"""Of the time, what previews may take after the first one, and the last one of a budget."""
SCORE_SHARE = 0.2
"""Of a wall-clock budget, what all scores may take."""
FEWEST_SCORED = 64
"""With fewer samples than these a score says nothing."""


@dataclass
class EvalSchedule:
    """What the latest preview and score took, in seconds, and what follows from it.

    Attributes:
        samples: of a score, or windows of held-out text; 0 where nothing is scored.
        drawing: what a preview takes; 0 before the first one.
        scoring: what a score and the checkpoint before it take: a guess before the first one.
    """

    samples: int
    drawing: float = 0.0
    scoring: float = 3.0

    def pause(self, elapsed: float) -> float:
        """Seconds until the next preview: longer in long runs, and where one takes long."""
        return max(min(max(15.0, elapsed / 2), 600.0), self.drawing / PREVIEW_SHARE)

    def ending(self, budget: float) -> float:
        """Seconds of a wall-clock budget to keep free for the last preview and score."""
        return self.scoring + min(self.drawing, PREVIEW_SHARE * budget)

    def fit(self, seconds: float, budget: float, scores: int) -> None:
        """Take fewer samples where a wall-clock budget has no room for so many; keep their time.

        Args:
            seconds: that one sample takes.
            budget: of the run, in seconds.
            scores: how often the run is scored in all.
        """
        self.samples = affordable(self.samples, seconds, budget, scores)
        self.scoring += seconds * self.samples


def affordable(wanted: int, seconds: float, budget: float, scores: int) -> int:
    """On how many samples each of so many scores can be measured; 0 where on too few.

    Args:
        wanted: the most.
        seconds: that one sample takes.
        budget: of the run, in seconds.
    """
    fit = int(min(wanted, SCORE_SHARE * budget / scores / max(seconds, 1e-9)))
    return fit if fit >= min(wanted, FEWEST_SCORED) else 0
