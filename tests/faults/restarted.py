"""A training of two processes under torchrun, which starts both again when one of them is killed.

    torchrun ... -m tests.faults.restarted FILE RANK STEP train gan ...

runs ``genctl train gan ...``. The first process of that rank that comes to that step creates the
file and is killed.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from genctl.cli import main
from tests.faults.rig import Rig
from tests.kills import assert_same_end, at_step, die
from tests.processes import free_port

RANKS = 2
_NEVER = -1


def train_restarted(rig: Rig, rank: int, step: int, agents: int = 1) -> None:
    """Train with a process that is killed once; the end is that of a training without a fault.

    Args:
        rig: where, and of which family.
        rank: of the process.
        step: the one before which it is killed.
        agents: of torchrun, each with its share of the processes, as on several machines.
    """
    said = _under_torchrun(rig, rank, step, agents)
    assert (rig.root / "killed").exists(), said
    assert_same_end(_without_fault(rig.family).run, rig.run)


@functools.cache
def _without_fault(family: str) -> Rig:
    rig = Rig(family, Path(tempfile.mkdtemp(prefix=f"genctl-two-{family}-")))
    _under_torchrun(rig, 0, _NEVER, 1)
    return rig


def _under_torchrun(rig: Rig, rank: int, step: int, agents: int) -> str:
    """What the processes of a whole training said."""
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--max-restarts=2"),
        *(f"--nnodes={agents}", f"--nproc-per-node={RANKS // agents}", "--monitor-interval=0.1"),
        *("--rdzv-backend=c10d", f"--rdzv-endpoint=localhost:{free_port()}"),
        *("-m", __name__, str(rig.root / "killed"), str(rank), str(step), *rig.command),
    ]
    started = [
        subprocess.Popen(
            command,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(agents)
    ]
    said = "\n".join(agent.communicate(timeout=300)[0] for agent in started)
    assert not any(agent.returncode for agent in started), said
    return said


def _die_once(killed: Path, rank: int, step: int) -> None:
    def last_words() -> None:
        killed.touch()
        die()

    if int(os.environ["RANK"]) == rank and not killed.exists():
        at_step(step, last_words, pytest.MonkeyPatch())


if __name__ == "__main__":
    _die_once(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    sys.exit(main(sys.argv[4:]))
