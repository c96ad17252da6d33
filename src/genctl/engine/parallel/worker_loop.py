"""What the processes other than rank 0 do: as they are told."""

from __future__ import annotations

import dataclasses

from genctl.engine.parallel.process_group import COLLECT, END, STEP, ProcessGroup
from genctl.engine.training import checkpoint
from genctl.engine.training.signals import StopSignals
from genctl.engine.training.trainer import Trainer
from genctl.runs import Run


def run_worker(trainer: Trainer, run: Run, world: ProcessGroup) -> None:
    """Step and reload when rank 0 does, until it ends.

    A first stop signal is left to rank 0, which saves before it lets the others go.

    Args:
        run: on a disk that all processes see.

    Raises:
        WorkerExit: rank 0 is gone.
    """
    with StopSignals():
        while (order := world.receive()).kind != END:
            if order.kind == STEP:
                trainer.step(order.one)
            elif order.kind == COLLECT:
                trainer.collect(everything=bool(order.one))
            else:
                path = run.checkpoints / checkpoint.name_of(int(order.one))
                snapshot = checkpoint.read(path)
                attempt, rate_scale = int(order.two), order.three
                trainer.restore(
                    dataclasses.replace(snapshot, attempt=attempt, rate_scale=rate_scale)
                )
