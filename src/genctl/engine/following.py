"""What the processes other than rank 0 do: as they are told."""

from __future__ import annotations

import dataclasses

from genctl.engine import checkpoint
from genctl.engine.distributed import RELOAD, STEP, World
from genctl.engine.trainer import Trainer
from genctl.runs import Run


def follow(trainer: Trainer, run: Run, world: World) -> None:
    """Step and reload when rank 0 does, until it ends.

    Args:
        run: on a disk that all processes see.
    """
    while True:
        order = world.receive()
        if order.kind == STEP:
            trainer.step(order.one)
        elif order.kind == RELOAD:
            path = run.checkpoints / checkpoint.name_of(int(order.one))
            trainer.restore(
                dataclasses.replace(
                    checkpoint.read(path), attempt=int(order.two), rate_scale=order.three
                )
            )
        else:
            return
