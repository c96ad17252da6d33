"""The losses of given tokens."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from genctl.contracts import TargetLosses


def target_losses(logits: Tensor, targets: Tensor, mask: Tensor) -> TargetLosses:
    """The cross-entropy of each target, computed in float32.

    Args:
        logits: (B, T, vocabulary) of the targets.
        targets: (B, T) int64.
        mask: (B, T) bool, true where the target counts.
    """
    logits = logits.float()
    nats = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    return TargetLosses(nats.masked_fill(~mask, 0.0), (logits.argmax(-1) == targets) & mask)
