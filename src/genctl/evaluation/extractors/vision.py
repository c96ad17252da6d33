"""Classification networks of torchvision as extractors, such as ``torchvision:resnet18``.

Weights come from a file; genctl downloads none. Without a file they are random and
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
from genctl.evaluation.extractors.pixels import to_rgb
from genctl.evaluation.extractors.tensor_file import read_tensors
from genctl.weights import sha256_of_tensors

PREFIX = "torchvision:"
_SEED = re.compile(r"seed(\d{1,18})")
_AUXILIARY = ("aux1", "aux2", "AuxLogits")
"""Auxiliary classifiers of GoogLeNet and Inception, which only training uses."""

_FILE = "the file of the network's state_dict, with the names that torchvision gives"
_HINT = "torchvision:NAME, or torchvision:NAME:seed1 for other random weights"
_OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)$")
"""The names in torchvision's published DenseNet files for ``norm1`` and so on."""


def is_vision(name: str) -> bool:
    """Whether an extractor's name means a network of torchvision.

    The package ``torchvision`` itself does not define networks, so no ``module:callable`` has this
    prefix; ``torchvision.models:resnet18`` has another one.
    """
    return name.startswith(PREFIX)


class VisionExtractor:
    """The inputs of a torchvision network's last layer, averaged over space if they are a map.

    Images are resized without cropping, with antialiasing, to the network's usual size. They are
    scaled by the mean and deviation of ImageNet, as in torchvision's own evaluation.

    Args:
        name: ``torchvision:NAME`` or ``torchvision:NAME:seedN``.
        weights: a ``.safetensors`` file or a PyTorch file of tensors; None for random weights, with
            seed 0 unless the name has one. The last layer is not needed.
        device: where to compute.

    Raises:
        GenctlError: (USAGE) no such network, or a seed as well as weights; (DATA) the file is
            absent, unreadable, or of another network; (FAILURE) torchvision cannot be imported.
    """

    precision = "fp32"

    def __init__(
        self, name: str, weights: Path | None = None, device: torch.device | str = "cpu"
    ) -> None:
        label, seed = _parsed(name)
        if weights is not None and seed is not None:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{name!r} means random weights, but {weights} was given",
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
            f"torchvision:{label} takes :seed and a number, not {':'.join(rest)!r}",
            hint=_HINT,
        )
    return label, int(match[1])


def _built(label: str, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # GoogLeNet: its initial values may change
        torch.manual_seed(seed)
        network: nn.Module = torchvision_module("models").get_model(label, weights=None)
    if hasattr(network, "transform_input"):
        # torchvision does this for its own weights of these networks.
        vars(network)["transform_input"] = True
    return network


def _input_of(label: str, network: nn.Module) -> tuple[int, Any]:
    """The side of images, and torchvision's preset of mean, deviation and filter."""
    preset = torchvision_module("models").get_model_weights(label).DEFAULT.transforms()
    # A vision transformer is built for one size, which may not be that of its best weights.
    return int(getattr(network, "image_size", preset.crop_size[0])), preset


def _drop_head(network: nn.Module) -> int:
    """Remove the last layer and the training-only parts; returns the layer's number of inputs."""
    for name in _AUXILIARY:
        if hasattr(network, name):
            setattr(network, name, None)
    layers = [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    name, head = layers[-1]
    network.set_submodule(name, nn.Identity())
    return head.in_features if isinstance(head, nn.Linear) else head.in_channels


def _fill(network: nn.Module, label: str, path: Path) -> None:
    """Load the tensors of a file, without those of the head, into a network without its head."""
    found = read_tensors(path, hint=_FILE)
    tensors = {_canonical_name(name): tensor for name, tensor in found.items()}
    own = network.state_dict()
    for name, tensor in own.items():
        if name not in tensors and not _counts(name):
            raise _misfit(path, label, f"it lacks {name}")
        if name in tensors and tensors[name].shape != tensor.shape:
            shape = tuple(tensors[name].shape)
            raise _misfit(path, label, f"{name} is {shape} instead of {tuple(tensor.shape)}")
    network.load_state_dict({name: tensors.get(name, tensor) for name, tensor in own.items()})


def _counts(name: str) -> bool:
    """Whether a tensor is a batch norm's step count, which is not needed and old files lack."""
    return name.endswith("num_batches_tracked")


def _canonical_name(name: str) -> str:
    return _OLD_DENSENET.sub(r"\1\2", name.removeprefix("module."))


def _misfit(path: Path, label: str, why: str) -> GenctlError:
    return GenctlError(
        ExitStatus.DATA,
        f"{path} does not hold weights of torchvision's {label}: {why}",
        hint=_FILE,
    )
