"""Networks of the user's own as extractors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.custom import CustomExtractor
from genctl.evaluation.features import extract
from genctl.evaluation.score import metric_name

SOURCE = """
import torch
from torch import nn

class Mean(nn.Module):
    size, batch_size = 16, 8
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.full((1,), 2.0))
    def forward(self, images):
        return images.float().mean((2, 3)) * self.scale

def plain():
    return lambda images: images.float().flatten(1)[:, :5]

def flat(): return lambda images: images.float().mean()
def broken(): return lambda images: images.nothing
def wrong(): return 3
value = 7
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_networks.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_module_is_named_by_its_weights_and_source() -> None:
    extractor = CustomExtractor("own_networks:Mean")
    assert (extractor.dim, extractor.size, extractor.batch_size) == (3, 16, 8)
    images = torch.full((11, 1, 40, 20), 50, dtype=torch.uint8)
    found = extract(extractor, [images])
    torch.testing.assert_close(found.values, torch.full((11, 3), 100.0))
    assert metric_name("fid", extractor) == f"fd[Mean:{extractor.sha256[:8]}]"
    assert CustomExtractor("own_networks:Mean").sha256 == extractor.sha256
    assert CustomExtractor("own_networks:plain").sha256 != extractor.sha256


def test_a_function_sees_images_as_they_are() -> None:
    extractor = CustomExtractor("own_networks:plain")
    image = torch.arange(3 * 7 * 9, dtype=torch.uint8).reshape(1, 3, 7, 9)
    assert extract(extractor, [image]).values.tolist() == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("own_networks:Absent", "has no attribute 'Absent'"),
        ("no_such_module:x", "No module named 'no_such_module'"),
        ("own_networks:value", "is not callable"),
        ("own_networks:wrong", "it returned a int, not a network"),
        ("own_networks:flat", r"it returns \(\) for 2 images, not \(2, features\)"),
        ("own_networks:broken", "it failed on images"),
    ],
)
def test_what_is_no_network_says_why(target: str, reason: str) -> None:
    with pytest.raises(GenctlError, match=reason) as caught:
        CustomExtractor(target)
    assert caught.value.code is ExitStatus.USAGE
    assert "\n" not in caught.value.message
