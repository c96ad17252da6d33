"""Weights that several tests of this room read."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from genctl.evaluation.extractors.rand import RandExtractor
from tests.evaluation.inception_weights import random_inception


@pytest.fixture(scope="session")
def inception_tensors() -> dict[str, Tensor]:
    return random_inception(seed=0)


@pytest.fixture(scope="session")
def weights_file(
    inception_tensors: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Unverified weights in the published layout."""
    path = tmp_path_factory.mktemp("权重") / "inception.pth"
    torch.save(inception_tensors, path)
    return path


@pytest.fixture(scope="session")
def rand() -> RandExtractor:
    return RandExtractor()
