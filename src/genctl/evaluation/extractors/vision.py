"""Classification networks of torchvision as extractors: ``--extractor torchvision:resnet18``.

Weights come from a file (``--weights``); genctl downloads none. Without a file they are random and
the name says so: ``torchvision:resnet18:seed0``.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genctl.compat.torchvision import torchvision_module
from genctl.errors import ExitStatus, GenctlError, unknown
from genctl.evaluation.extractors.base import Origin
from genctl.evaluation.extractors.inception.reader import read_tensors
from genctl.evaluation.extractors.pixels import to_rgb
from genctl.weights import sha256_of_tensors

PREFIX = "torchvision:"
_SEED = re.compile(r"seed(\d{1,18})")
_OPTIONS = {"transform_input": True, "aux_logits": False}
"""Of GoogLeNet and Inception: images as torchvision's weights want them, and no heads that only
training uses."""

_INCEPTIONS = ("googlenet", "inception_v3")
_HINT = "--extractor torchvision:NAME, or torchvision:NAME:seed1 for other random weights"
_OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)$")
"""How torchvision's published DenseNet files call what the network calls ``norm1`` and so on."""


def is_vision(name: str) -> bool:
    """Whether an extractor's name means a network of torchvision.

    The package ``torchvision`` itself holds no network, so that ``module:callable`` never begins
    like this; ``torchvision.models:resnet18`` still does.
    """
    return name.startswith(PREFIX)


class VisionExtractor:
    """What a network of torchvision gives to its last layer, averaged over space if it is a map.

    Images are resized as a whole, antialiased, to the side that the network is used at, and scaled
    by the mean and deviation of ImageNet, as torchvision's own evaluation has it.

    Args:
        name: ``torchvision:NAME`` or ``torchvision:NAME:seedN``.
        weights: a ``.safetensors`` file or a PyTorch file of tensors; random weights when None, of
            seed 0 unless the name has one. The last layer is not needed.
        device: where to compute.

    Raises:
        GenctlError: (USAGE) no such network, or a seed beside weights; (DATA) the file is absent,
            unreadable, or of another network; (FAILURE) torchvision cannot be imported.
    """

    precision = "fp32"

    def __init__(
        self, name: str, weights: Path | None = None, device: torch.device | str = "cpu"
    ) -> None:
        label, seed = _parsed(name)
        if weights is not None and seed is not None:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{name!r} asks for random weights, and {weights} has others",
                hint=f"leave out :seed{seed}, or the file",
            )
        self._device = torch.device(device)
        network = _built(label, seed or 0)
        self.size, self._preset = _input_of(label, network)
        self.dim = _drop_head(network)
        if weights is None:
            self.name = f"{PREFIX}{label}:seed{seed or 0}"
            self.origin: Origin = "bundled"
        else:
            self.name = f"{PREFIX}{label}"
            self.origin = "custom"
            _fill(network, label, weights)
        self.sha256 = sha256_of_tensors(
            {name: tensor for name, tensor in network.state_dict().items() if not _counts(name)}
        )
        self._network = network.eval().requires_grad_(False).to(self._device)
        self.batch_size = 16 if self._device.type == "cpu" else 128
        filter_name = self._preset.interpolation.value
        self.protocol = f"rgb-{filter_name}-antialias-{self.size}-imagenet"
        self._functional = torchvision_module("transforms.v2.functional")

    def prepare(self, images: Tensor) -> Tensor:
        """``(B, 3, size, size) float32``, of mean 0 and deviation 1 on ImageNet."""
        rgb = to_rgb(images.to(self._device)).float() / 255
        preset, side = self._preset, [self.size, self.size]
        sized = self._functional.resize(rgb, side, preset.interpolation, antialias=True)
        inputs: Tensor = self._functional.normalize(sized, preset.mean, preset.std)
        return inputs

    def features(self, inputs: Tensor) -> Tensor:
        """``(B, dim) float32``."""
        features: Tensor = self._network(inputs)
        return features.flatten(1)


def _parsed(name: str) -> tuple[str, int | None]:
    """The network, and the seed if there is one."""
    label, *rest = name.removeprefix(PREFIX).split(":")
    models = torchvision_module("models")
    known = models.list_models(module=models)
    if label not in known:
        raise unknown("network of torchvision", label, known, hint=_HINT)
    if not rest:
        return label, None
    match = _SEED.fullmatch(":".join(rest))
    if match is None:
        raise GenctlError(
            ExitStatus.USAGE,
            f"after torchvision:{label} can come :seed and a number, not {':'.join(rest)!r}",
            hint=_HINT,
        )
    return label, int(match[1])


def _built(label: str, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # GoogLeNet: its initial values may change
        torch.manual_seed(seed)
        options = _OPTIONS if label in _INCEPTIONS else {}
        models = torchvision_module("models")
        network: nn.Module = models.get_model(label, weights=None, **options)
    return network


def _input_of(label: str, network: nn.Module) -> tuple[int, Any]:
    """The side of images, and torchvision's preset of mean, deviation and filter."""
    preset = torchvision_module("models").get_model_weights(label).DEFAULT.transforms()
    # A vision transformer is built for one side, which need not be that of its best weights.
    return int(getattr(network, "image_size", preset.crop_size[0])), preset


def _drop_head(network: nn.Module) -> int:
    """Take out the last layer; returns how many features it was given."""
    layers = [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    name, head = layers[-1]
    network.set_submodule(name, nn.Identity())
    return head.in_features if isinstance(head, nn.Linear) else head.in_channels


def _fill(network: nn.Module, label: str, path: Path) -> None:
    """Give a network without its head the tensors of a file, of which the head's are left out."""
    tensors = {_canonical_name(name): tensor for name, tensor in read_tensors(path).items()}
    own = network.state_dict()
    for name, tensor in own.items():
        if name not in tensors and not _counts(name):
            raise _misfit(path, label, f"it lacks {name}")
        if name in tensors and tensors[name].shape != tensor.shape:
            shape = tuple(tensors[name].shape)
            raise _misfit(path, label, f"{name} is {shape} instead of {tuple(tensor.shape)}")
    network.load_state_dict({name: tensors.get(name, tensor) for name, tensor in own.items()})


def _counts(name: str) -> bool:
    """Whether a tensor is a batch norm's number of steps, which old files lack and nobody needs."""
    return name.endswith("num_batches_tracked")


def _canonical_name(name: str) -> str:
    return _OLD_DENSENET.sub(r"\1\2", name.removeprefix("module."))


def _misfit(path: Path, label: str, why: str) -> GenctlError:
    return GenctlError(
        ExitStatus.DATA,
        f"{path} does not hold weights of torchvision's {label}: {why}",
        hint="the file of the network's state_dict, with the names that torchvision gives",
    )
