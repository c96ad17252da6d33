"""The commands of rank 0 to the other ranks."""

from __future__ import annotations

import dataclasses
import enum
import json
from dataclasses import dataclass

COMMAND_BYTES = 256
"""The length of a command as JSON; the size is fixed, since one is sent in every step."""


class CommandKind(enum.Enum):
    """The commands of rank 0 to the other ranks."""

    STEP = "step"
    RELOAD = "reload"
    COLLECT = "collect"
    END = "end"


@dataclass(frozen=True)
class Command:
    """A command of rank 0 to the other ranks.

    Attributes:
        kind: a training step, loading a checkpoint, collecting sharded tensors, or the end.
        fraction: for a step, the share of the budget that is spent.
        index: for a reload, the step whose checkpoint is loaded.
        attempt: for a reload, how often training was set back.
        rate_scale: for a reload, the factor on the learning rates.
        everything: for a collection, whether to collect weights and optimizer states besides the
            EMA copies.
    """

    kind: CommandKind
    fraction: float = 0.0
    index: int = 0
    attempt: int = 0
    rate_scale: float = 1.0
    everything: bool = False

    def to_bytes(self) -> bytes:
        """JSON of `COMMAND_BYTES` bytes, which keeps every float exactly."""
        text = json.dumps({**dataclasses.asdict(self), "kind": self.kind.value})
        return text.encode().ljust(COMMAND_BYTES)

    @classmethod
    def from_bytes(cls, data: bytes) -> Command:
        """The command that `to_bytes` encoded."""
        fields = json.loads(data)
        return cls(**{**fields, "kind": CommandKind(fields["kind"])})
