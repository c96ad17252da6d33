"""The weights that FID is defined by: where they may lie, how they are verified and read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.inception_network import CLASSES, FEATURES, InceptionV3, Unit
from genctl.weights import load_tensors, sha256_of

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
SIZE_BYTES = 95_628_359
# The same bytes under two names.
URLS = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth",
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth",
)
FILE_NAMES = tuple(url.rpartition("/")[2] for url in URLS)
ENVIRONMENT_VARIABLE = "GENCTL_WEIGHTS"

_BATCH_NORM_EPS = 1e-3
_WRAPPERS = ("module.", "inception.", "model.")
# pytorch-fid's own module numbers the layers: blocks.<i>.<j>.
_BLOCKS = (
    ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"),
    ("Conv2d_3b_1x1", "Conv2d_4a_3x3"),
    (
        "Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a",
        "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e",
    ),
    ("Mixed_7a", "Mixed_7b", "Mixed_7c"),
)  # fmt: skip
_NUMBERED = {
    f"blocks.{i}.{j}": layer for i, block in enumerate(_BLOCKS) for j, layer in enumerate(block)
}


@dataclass(frozen=True)
class Search:
    """What looking for the weights found.

    Attributes:
        path: the first file whose content is verified, if any.
        rejected: one clause for each file of the right name and the wrong content.
    """

    path: Path | None
    rejected: tuple[str, ...]


def torch_hub_folder() -> Path:
    """Where torch, and with it most FID tools, keeps downloaded weights."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def is_verified(path: Path) -> bool:
    """Whether ``path`` holds the very bytes of the published weights."""
    return path.stat().st_size == SIZE_BYTES and sha256_of(path) == SHA256


def find_weights() -> Search:
    """Look for verified weights: ``$GENCTL_WEIGHTS`` (file or folder), then torch's hub folder."""
    rejected = []
    for path in _candidates():
        if not path.is_file():
            continue
        if is_verified(path):
            return Search(path, ())
        rejected.append(f"{path} has other content (damaged, or not the published weights)")
    return Search(None, tuple(rejected))


def _candidates() -> Iterator[Path]:
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        yield from _files_at(Path(named))
    yield from _files_at(torch_hub_folder())


def _files_at(place: Path) -> tuple[Path, ...]:
    return tuple(place / name for name in FILE_NAMES) if place.is_dir() else (place,)


def missing_weights(search: Search) -> GenctlError:
    """The error when Inception was asked for and no verified weights were found."""
    looked = f"looked in ${ENVIRONMENT_VARIABLE} and {torch_hub_folder()}"
    return GenctlError(
        ExitStatus.DATA,
        "; ".join(["the FID Inception weights were not found", looked, *search.rejected]),
        hint=f"put {URLS[0]} (or the same file under its other name, {URLS[1]}; "
        f"{SIZE_BYTES:,} bytes, sha256 {SHA256}) into {torch_hub_folder()}, "
        "or use --extractor rand",
    )


def load_network(path: Path) -> InceptionV3:
    """The network of a weight file, in eval mode, without gradients, on the CPU.

    Reads ``.safetensors`` and PyTorch files (tensors only), in torchvision's naming or
    pytorch-fid's ``blocks.i.j``, with or without a wrapper's prefix and without ``fc`` too.

    Raises:
        GenctlError: (DATA) the file is absent, unreadable, or holds other weights.
    """
    tensors = {_canonical_name(name): tensor for name, tensor in _read(path).items()}
    with torch.device("meta"):
        network = InceptionV3()
    try:
        for unit in network.modules():
            if isinstance(unit, Unit):
                _fill(unit, tensors)
        network.class_weights = (
            nn.Parameter(_tensor(tensors, "fc.weight", (CLASSES, FEATURES)).float())
            if "fc.weight" in tensors
            else None
        )
    except ValueError as error:
        raise GenctlError(
            ExitStatus.DATA,
            f"{path} does not hold the weights of the FID Inception network: {error}",
            hint=f"the published file is {URLS[0]}",
        ) from None
    return network.eval().requires_grad_(False)


def _read(path: Path) -> Mapping[str, Tensor]:
    if path.suffix == ".safetensors":
        return load_tensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise GenctlError(ExitStatus.DATA, f"no weights at {path}") from None
    except Exception as error:  # noqa: BLE001 - what torch raises on damage is open-ended
        reason = str(error).strip().partition("\n")[0]
        raise GenctlError(
            ExitStatus.DATA, f"{path} is not a PyTorch file of tensors: {reason}"
        ) from None
    if not isinstance(content, Mapping):
        raise GenctlError(
            ExitStatus.DATA, f"{path} holds a {type(content).__name__}, not named tensors"
        )
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def _canonical_name(name: str) -> str:
    while name.startswith(_WRAPPERS):
        name = name.partition(".")[2]
    *layer, rest = name.split(".", 3)
    numbered = ".".join(layer)
    return f"{_NUMBERED[numbered]}.{rest}" if numbered in _NUMBERED else name


def _fill(unit: Unit, tensors: Mapping[str, Tensor]) -> None:
    """Give a unit the convolution of its label, with the batch norm's statistics folded in."""
    weight = _tensor(tensors, f"{unit.label}.conv.weight", unit.weight.shape)
    gamma, beta, mean, variance = (
        _tensor(tensors, f"{unit.label}.bn.{part}", (unit.out_channels,))
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / (variance + _BATCH_NORM_EPS).sqrt()
    folded = (weight * scale[:, None, None, None]).float()
    unit.weight = nn.Parameter(folded.contiguous(memory_format=torch.channels_last))
    unit.bias = nn.Parameter((beta - mean * scale).float())


def _tensor(tensors: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
    if name not in tensors:
        raise ValueError(f"it lacks {name}")
    if tensors[name].shape != shape:
        raise ValueError(f"{name} is {tuple(tensors[name].shape)} instead of {tuple(shape)}")
    return tensors[name].double()
