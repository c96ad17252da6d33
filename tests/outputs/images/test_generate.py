from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genctl.api.models.model import Model, open_model
from genctl.contracts import Batch
from genctl.errors import ExitStatus, GenctlError
from genctl.outputs.base import SampleRequest
from genctl.outputs.images.generate import trajectory
from genctl.outputs.text import KIND as TEXT
from genctl.registry import OutputKind
from tests.export.models import data_spec, tiny_run


class Steps:
    """A sampler of three steps, with memory for two rows; the pixels say step and row."""

    conditions: frozenset[str] = frozenset()

    def sample(self, request: Any, condition: Batch, noise: Any) -> torch.Tensor:
        return self.trajectory(request, condition, noise)[-1]

    def trajectory(self, request: Any, condition: Batch, noise: Any) -> torch.Tensor:
        rows = torch.tensor(list(condition.positions), dtype=torch.float)
        if len(rows) > 2:
            raise RuntimeError("you tried to allocate more memory than there is")
        steps = torch.arange(3)[:, None] * 10 + rows
        return ((steps + 0.5) / 127.5 - 1)[:, :, None, None, None].expand(-1, -1, 1, 4, 4)


class OfSteps(Model):
    def sampler(self) -> Any:
        return Steps()


class OfText(Model):
    @property
    def output(self) -> OutputKind:
        return TEXT


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    root = tmp_path_factory.mktemp("generate") / "run"
    tiny_run(root, data=data_spec(classes=()))
    return open_model(root, device="cpu")


def test_a_trajectory_in_several_chunks(model: Model) -> None:
    frames = trajectory(OfSteps(**vars(model)), SampleRequest(5))
    values = [frame.array[:, 0, 0, 0].tolist() for frame in frames]
    assert values == [[10 * step + row for row in range(5)] for step in range(3)]
    few = trajectory(OfSteps(**vars(model)), SampleRequest(5, batch_size=2))
    assert all(np.array_equal(a.array, b.array) for a, b in zip(few, frames, strict=True))


def test_only_images_have_a_trajectory(model: Model, tmp_path: Path) -> None:
    with pytest.raises(GenctlError, match=r"generates texts; use Model\.write") as refused:
        OfText(**vars(model)).trajectory(2)
    assert refused.value.code is ExitStatus.USAGE
