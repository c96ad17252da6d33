"""Nothing complete is ever lost: each fault once for every family; `make torture` does it often."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from genctl.engine.training import checkpoint
from tests.faults.catalogue import EXPENSIVE, FAULTS
from tests.faults.rig import SETTINGS, Rig
from tests.kills import needs_fork

pytestmark = needs_fork
SLOW = ("lm", "diffusion")


@pytest.mark.parametrize(
    "fault",
    [pytest.param(name, marks=pytest.mark.slow if name in EXPENSIVE else ()) for name in FAULTS],
)
@pytest.mark.parametrize(
    "family",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in SETTINGS],
)
def test_survived(family: str, fault: str, tmp_path: Path) -> None:
    rig = Rig(family, tmp_path)
    FAULTS[fault](rig, random.Random(f"{family} {fault}"))
    assert checkpoint.newest_good(rig.run, print) is not None
