"""The loop of the ranks other than 0: they follow the commands of rank 0."""

from __future__ import annotations

import dataclasses

from genctl.engine.optim.determinism import determinism
from genctl.engine.parallel.commands import CommandKind
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.engine.training import checkpoint
from genctl.engine.training.signals import StopSignals
from genctl.engine.training.trainer import Trainer
from genctl.runs import Run


def run_worker(trainer: Trainer, run: Run, world: ProcessGroup) -> None:
    """Step, reload and collect when rank 0 does, until rank 0 sends the end.

    A first stop signal is left to rank 0, which saves before it ends the workers.

    Args:
        run: the run, on a disk that all ranks can read.

    Raises:
        WorkerExit: rank 0 is gone.
    """
    with StopSignals(), determinism(trainer.settings.deterministic):
        while (command := world.receive_command()).kind is not CommandKind.END:
            if command.kind is CommandKind.STEP:
                trainer.step(command.fraction)
            elif command.kind is CommandKind.COLLECT:
                trainer.full_tensors(everything=command.everything)
            else:
                snapshot = checkpoint.read(run.checkpoints / checkpoint.name_of(command.index))
                trainer.restore(
                    dataclasses.replace(
                        snapshot, attempt=command.attempt, rate_scale=command.rate_scale
                    )
                )
