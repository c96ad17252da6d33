"""Images a second from 8-bit pixels to Inception features, resizing included.

The weights are random, and the same for all. clean-fid runs a TorchScript file that must be
downloaded, so a traced copy of torch-fidelity's network stands in for it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from genctl.compat.torchvision import import_torchvision
from genctl.evaluation.extractors.fast import AUDITED, in_half
from genctl.evaluation.extractors.inception.extractor import InceptionExtractor
from genctl.evaluation.features import exact_float32, extract

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.evaluation.extractors.inception_files import random_inception

SIDE = 64
OWN = "genctl"
Look = Callable[[Tensor], object]
"""At (N, 3, H, W) uint8 images."""


def run(rounds: int, device: str) -> str:
    """The table as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "inception.pth"
        torch.save(random_inception(seed=0), weights)
        contenders = {OWN: _own(weights, device), "genctl, fast": _fast(weights, device)}
        contenders |= _peers(weights, device)
    count = 64 if device == "cpu" else 2048
    images = torch.from_numpy(_smooth(count))
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for look in contenders.values():
        look(images[: count // 2])
    for _ in range(rounds):
        for name, look in contenders.items():
            rates[name].append(_rate(look, images, device))
    lines = ["| | images/s | genctl / it | genctl fast / it |", "|---|--:|--:|--:|"]
    for name, found in rates.items():
        exact, fast = (
            statistics.median(a / b for a, b in zip(rates[own], found, strict=True))
            for own in (OWN, "genctl, fast")
        )
        lines.append(f"| {name} | {statistics.median(found):,.1f} | {exact:.2f} | {fast:.2f} |")
    return "\n".join(lines)


def _rate(look: Look, images: Tensor, device: str) -> float:
    begun = time.perf_counter()
    with torch.inference_mode():
        look(images)
    if device != "cpu":
        torch.cuda.synchronize()
    return len(images) / (time.perf_counter() - begun)


def _smooth(count: int) -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 256, (count, 3, 8, 8), dtype=np.uint8)
    return coarse.repeat(SIDE // 8, 2).repeat(SIDE // 8, 3)


def _own(weights: Path, device: str) -> Look:
    extractor = InceptionExtractor(weights, device)
    return lambda images: extract(extractor, [images])


def _fast(weights: Path, device: str) -> Look:
    extractor = in_half(InceptionExtractor(weights, device, halved=True))
    extract(extractor, [torch.from_numpy(_smooth(AUDITED))])  # the check is once for any number
    return lambda images: extract(extractor, [images])


def _peers(weights: Path, device: str) -> dict[str, Look]:
    """Those that are installed, each with its own resizing, in batches of 32 on a CPU."""
    import_torchvision()
    found: dict[str, Look] = {}
    size = 32 if device == "cpu" else 64
    builders = (
        ("torch-fidelity", _torch_fidelity),
        ("pytorch-fid", _pytorch_fid),
        ("clean-fid", _clean_fid),
    )
    for name, build in builders:
        try:
            look = build(weights, device)
        except ImportError as error:
            print(f"{name} is not here: {error}", file=sys.stderr)
            continue
        found[name] = partial(_in_parts, look, size)
        if device != "cpu":  # there they compute in TF32 unless told not to, and genctl never does
            found[f"{name}, without TF32"] = _without_tf32(found[name])
    return found


def _in_parts(look: Look, size: int, images: Tensor) -> object:
    return [look(part) for part in images.split(size)]


def _without_tf32(look: Look) -> Look:
    def exact(images: Tensor) -> object:
        with exact_float32():
            return look(images)

    return exact


def _torch_fidelity(weights: Path, device: str) -> Look:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    network = FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(weights)
    ).to(device)
    return lambda images: network(images.to(device))[0].cpu()


def _pytorch_fid(weights: Path, device: str) -> Look:
    from pytorch_fid import inception

    inception.load_state_dict_from_url = lambda *_, **__: torch.load(weights, weights_only=True)
    network = inception.InceptionV3([3]).to(device).eval()
    return lambda images: network(images.to(device).float() / 255)[0].cpu()


def _clean_fid(weights: Path, device: str) -> Look:
    from cleanfid.inception_torchscript import InceptionV3W
    from cleanfid.resize import build_resizer

    class Base(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = _Layers(weights)

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.layers(x)
            return found

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "inception-2015-12-05.pt"
        torch.jit.trace(Base().eval(), torch.zeros(1, 3, 299, 299)).save(str(path))
        network = InceptionV3W(folder, download=False, resize_inside=False).to(device).eval()
    resize = build_resizer("clean")

    def look(images: Tensor) -> Tensor:
        resized = np.stack([resize(image) for image in images.permute(0, 2, 3, 1).numpy()])
        batch = torch.from_numpy(resized).permute(0, 3, 1, 2).to(device)
        found: Tensor = network(batch).cpu()
        return found

    return look


class _Layers(nn.Module):
    """torch-fidelity's network from resized pixels on."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        self.base = FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(weights)
        )

    def forward(self, x: Tensor) -> Tensor:
        base = self.base
        for name in (
            "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_1", "Conv2d_3b_1x1",
            "Conv2d_4a_3x3", "MaxPool_2", "Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a",
            "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_7a", "Mixed_7b", "Mixed_7c",
            "AvgPool",
        ):  # fmt: skip
            x = getattr(base, name)(x)
        return x.flatten(1)
