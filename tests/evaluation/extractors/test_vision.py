"""Networks of torchvision as extractors, beside torchvision itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from genctl.compat.torchvision import torchvision_module
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.evaluate import evaluate_images
from genctl.evaluation.extractors.choose import ExtractorRequest, choose_extractor
from genctl.evaluation.extractors.vision import VisionExtractor
from genctl.evaluation.reference import make_reference
from genctl.evaluation.score import metric_name

LAST = {"squeezenet1_1": "classifier.1", "shufflenet_v2_x0_5": "fc"}
NETWORKS = tuple(LAST)


def images(count: int, side: int = 224, channels: int = 3) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, side, side), generator=draw, dtype=torch.uint8)


def network_of(label: str) -> nn.Module:
    """With other values than a seed gives, also in the batch norms."""
    torch.manual_seed(5)
    network: nn.Module = torchvision_module("models").get_model(label, weights=None)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


@pytest.mark.parametrize("label", NETWORKS)
def test_features_are_what_torchvisions_last_layer_is_given(label: str, tmp_path: Path) -> None:
    network = network_of(label)
    torch.save(network.state_dict(), tmp_path / "权重.pth")
    found = VisionExtractor(f"torchvision:{label}", tmp_path / "权重.pth")
    given: list[Tensor] = []
    layer = network.get_submodule(LAST[label])
    layer.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    preset = torchvision_module("transforms._presets").ImageClassification(
        crop_size=224, resize_size=224
    )
    seen = images(2)
    with torch.inference_mode():
        network(preset(seen))
        features = found.features(found.prepare(seen))
    expected = given[0].mean((2, 3)) if given[0].ndim == 4 else given[0]
    assert features.shape == (2, found.dim)
    torch.testing.assert_close(features, expected)


def test_other_sizes_and_grey_are_resized_as_torchvision_does() -> None:
    found = VisionExtractor("torchvision:squeezenet1_1")
    preset = torchvision_module("transforms._presets").ImageClassification(
        crop_size=224, resize_size=224
    )
    grey = images(2, 500, 1)
    # It rounds to 8 bits after the resize; one level is 1 / 255 / 0.225.
    expected = preset(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(found.prepare(grey), expected, rtol=0, atol=0.6 / 255 / 0.22)
    assert found.prepare(images(1, 30, 4)).shape == (1, 3, 224, 224)


def test_random_weights_are_named_by_their_seed() -> None:
    first = choose_extractor(ExtractorRequest("torchvision:shufflenet_v2_x0_5"))
    assert "random weights" in first.reason
    assert metric_name("fid", first.extractor) == "fd[torchvision:shufflenet_v2_x0_5:seed0]"
    again = VisionExtractor("torchvision:shufflenet_v2_x0_5:seed0")
    other = VisionExtractor("torchvision:shufflenet_v2_x0_5:seed1")
    assert first.extractor.sha256 == again.sha256 != other.sha256
    assert other.name.endswith(":seed1")


def test_the_generator_of_others_is_left_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    VisionExtractor("torchvision:squeezenet1_1")
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_weights_are_named_by_their_content(suffix: str, tmp_path: Path) -> None:
    tensors = network_of("shufflenet_v2_x0_5").state_dict()
    headless = {
        f"module.{name}": tensor
        for name, tensor in tensors.items()
        if not name.startswith("fc.") and not name.endswith("num_batches_tracked")
    }
    whole, path = tmp_path / "whole.pth", tmp_path / f"weights.{suffix}"
    torch.save(tensors, whole)
    torch.save(headless, path) if suffix == "pth" else save_file(headless, path)
    found, same = (
        choose_extractor(ExtractorRequest("torchvision:shufflenet_v2_x0_5", file))
        for file in (path, whole)
    )
    sha = found.extractor.sha256
    assert sha == same.extractor.sha256
    assert metric_name("fid", found.extractor) == f"fd[torchvision:shufflenet_v2_x0_5:{sha[:8]}]"
    assert str(path) in found.reason


def test_a_distance_is_scored_and_its_reference_kept(tmp_path: Path) -> None:
    extractor = VisionExtractor("torchvision:squeezenet1_1")
    real, made = images(12, 32), images(6, 32).flip(2)
    references = [
        make_reference([real], extractor, name="r", sha256="1" * 64, cache=tmp_path)
        for _ in range(2)
    ]
    assert torch.equal(*(reference.features.values for reference in references))
    assert all(":" not in path.name for path in tmp_path.rglob("*"))
    [score] = evaluate_images(["kid"], [made], extractor, references[0])
    assert score.name == "kd[torchvision:squeezenet1_1:seed0]"
    assert f"ex:{extractor.name}:{extractor.sha256[:8]}" in score.signature


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("torchvision:resnet81", r"unknown network of torchvision 'resnet81'; did you mean 'res"),
        ("torchvision:", "unknown network of torchvision ''"),
        ("torchvision:fcn_resnet50", "did you mean"),
        ("torchvision:resnet18:sead1", ":seed and a number, not 'sead1'"),
        ("torchvision:resnet18:seed1:2", ":seed and a number, not 'seed1:2'"),
    ],
)
def test_a_wrong_name_is_one_line(name: str, reason: str) -> None:
    with pytest.raises(GenctlError, match=reason) as caught:
        choose_extractor(ExtractorRequest(name))
    assert caught.value.code is ExitStatus.USAGE
    assert "\n" not in caught.value.message


def test_a_seed_beside_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GenctlError, match="means random weights") as caught:
        VisionExtractor("torchvision:squeezenet1_1:seed1", tmp_path / "a.pth")
    assert caught.value.code is ExitStatus.USAGE


def wrong_shape(tensors: dict[str, Tensor]) -> Any:
    return tensors | {"features.0.bias": torch.zeros(7)}


def another(tensors: dict[str, Tensor]) -> Any:
    return {"conv1.weight": torch.zeros(3)}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (wrong_shape, r"squeezenet1_1: features\.0\.bias is \(7,\) instead of \(64,\)"),
        (another, r"it lacks features\.0\.weight"),
        (lambda _: [1, 2], "a list, not named tensors"),
        (None, "no such weights file"),
    ],
)
def test_wrong_weights_are_one_line(change: Any, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    if change is not None:
        torch.save(change(network_of("squeezenet1_1").state_dict()), path)
    with pytest.raises(GenctlError, match=reason) as caught:
        VisionExtractor("torchvision:squeezenet1_1", path)
    assert caught.value.code is ExitStatus.DATA
    assert "\n" not in caught.value.message
    assert path.exists() or "state_dict" in caught.value.hint


def test_old_names_of_densenet_are_known(tmp_path: Path) -> None:
    network = network_of("densenet121")
    old = {
        name.replace("norm1", "norm.1").replace("conv2", "conv.2"): tensor
        for name, tensor in network.state_dict().items()
    }
    torch.save(old, tmp_path / "old.pth")
    torch.save(network.state_dict(), tmp_path / "new.pth")
    found = {
        VisionExtractor("torchvision:densenet121", tmp_path / name).sha256
        for name in ("old.pth", "new.pth")
    }
    assert len(found) == 1


def test_a_callable_in_torchvisions_modules_is_still_the_users() -> None:
    with pytest.raises(GenctlError, match="it failed on images"):
        choose_extractor(ExtractorRequest("torchvision.models:squeezenet1_1"))
