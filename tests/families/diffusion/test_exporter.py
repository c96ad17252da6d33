from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from genctl.contracts import Trained
from genctl.errors import ExitStatus, GenctlError
from genctl.export import onnx
from genctl.families.diffusion.denoiser import Denoiser
from genctl.families.diffusion.exporter import plan_diffusers, plan_onnx
from genctl.families.diffusion.networks.dit import DiT
from genctl.families.diffusion.networks.unet import UNet
from tests.export.models import tiny_config
from tests.specs import image_spec

Shape = tuple[int, int, int]


def trained(
    network: nn.Module, prediction: str, shape: Shape, classes: tuple[str, ...] = ()
) -> Trained:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    denoiser = Denoiser(network, prediction, 0.5).eval().requires_grad_(False)
    data = image_spec("照片", shape, 9, classes, {"sigma_data": 0.5})
    return Trained("diffusion", None, data, {"denoiser": denoiser})


def dit(shape: Shape, num_classes: int) -> DiT:
    torch.manual_seed(0)
    return DiT(shape, num_classes, width=16, depth=1, heads=2, patch=4)


def unet(shape: Shape, num_classes: int) -> UNet:
    torch.manual_seed(0)
    return UNet(
        shape,
        num_classes,
        width=8,
        multiples=(1, 2),
        depth=1,
        attention=(False, True),
        unshuffle=2,
    )


@pytest.mark.parametrize(
    ("build", "prediction", "shape", "classes"),
    [
        (unet, "flow", (1, 9, 14), ("猫", "狗")),
        (dit, "v", (3, 8, 10), ()),
    ],
)
def test_the_denoiser_runs_elsewhere(
    build: type, prediction: str, shape: Shape, classes: tuple[str, ...], tmp_path: Path
) -> None:
    model = trained(build(shape, len(classes)), prediction, shape, classes)
    plan = plan_onnx(model)
    document = {
        "config": tiny_config().to_json(),
        "data": model.data.to_json(),
        "weights": "ema",
        "step": None,
    }
    proof = onnx.write(plan, tmp_path / "模型.onnx", document)
    assert proof.error <= proof.tolerance
    found, session = onnx.read(tmp_path / "模型.onnx")
    assert found["role"] == "denoiser"
    inputs = plan.example(3)
    assert len(inputs) == (3 if classes else 2)
    torch.testing.assert_close(session(*inputs), plan.module(*inputs), rtol=1e-3, atol=1e-3)


def test_a_transformer_is_refused_by_diffusers() -> None:
    with pytest.raises(
        GenctlError, match="diffusers has no model that takes the weights"
    ) as caught:
        plan_diffusers(trained(dit((1, 8, 8), 0), "flow", (1, 8, 8)))
    assert caught.value.code == ExitStatus.USAGE
    assert "onnx" in caught.value.hint
