"""The user's own network as an extractor: ``package.module:callable``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import torch
from torch import Tensor, nn

from genctl.compat.callables import first_line, import_callable, sha256_of_source
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.base import Origin
from genctl.evaluation.extractors.pixels import resize, to_rgb
from genctl.weights import sha256_of_tensors

_HINT = (
    "module:callable, where callable() returns a network from (B, 3, H, W) uint8 to (B, features)"
)
_PROBE = 64


class CustomExtractor:
    """The network that a callable returns, from ``(B, 3, H, W) uint8`` to ``(B, dim)`` floats.

    The network may have two attributes: ``size``, the height and width that images are resized to
    (bilinear, antialiased; without it, all must be of one size), and ``batch_size``. It is
    identified by its source file and, if it is a module, by its weights.

    Args:
        target: ``module:callable``, which may be in the current folder.
        device: the device that images, and the network if it is a module, are moved to.

    Raises:
        GenctlError: (USAGE) it cannot be imported or called, or does not return features.
    """

    origin: Origin = "custom"
    precision = "fp32"

    def __init__(self, target: str, device: torch.device | str = "cpu") -> None:
        self._device = torch.device(device)
        build = import_callable(target)
        self._network = _built(target, build)
        self.name = target.rpartition(":")[2]
        self.size = int(getattr(self._network, "size", 0))
        self.batch_size = int(getattr(self._network, "batch_size", 64))
        self.protocol = f"rgb-antialias-{self.size}" if self.size else "rgb"
        self.sha256 = _identity(build, self._network)
        if isinstance(self._network, nn.Module):
            self._network.eval().requires_grad_(False).to(self._device)
        self.dim = self._probe(target)

    def prepare(self, images: Tensor) -> Tensor:
        """``(B, 3, size, size) uint8``, or the images at their own size."""
        rgb = to_rgb(images.to(self._device))
        if not self.size:
            return rgb
        return resize(rgb.float(), self.size).round().clamp(0, 255).to(torch.uint8)

    def features(self, inputs: Tensor) -> Tensor:
        """``(B, dim)`` features that the network returns."""
        made: Tensor = self._network(inputs)
        return made.float()

    def _probe(self, target: str) -> int:
        """The number of features of an image."""
        side = self.size or _PROBE
        blank = torch.zeros(2, 3, side, side, dtype=torch.uint8, device=self._device)
        try:
            with torch.inference_mode():
                made: object = self._network(blank)
        except Exception as error:  # noqa: BLE001 - it is the user's code
            raise _refusal(target, f"it failed on images: {first_line(error)}") from None
        if not isinstance(made, Tensor) or made.ndim != 2 or len(made) != 2:
            shape = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
            raise _refusal(target, f"it returns {shape} for 2 images, not (2, features)")
        return made.shape[1]


def _built(target: str, build: Callable[..., object]) -> Callable[[Tensor], Tensor]:
    try:
        network = build()
    except Exception as error:  # noqa: BLE001 - it is the user's code
        raise _refusal(target, f"calling it failed: {first_line(error)}") from None
    if not callable(network):
        raise _refusal(target, f"it returned a {type(network).__name__}, not a network")
    return network


def _identity(build: Callable[..., object], network: object) -> str:
    source = sha256_of_source(build)
    weights = sha256_of_tensors(network.state_dict()) if isinstance(network, nn.Module) else ""
    return hashlib.sha256((source + weights).encode()).hexdigest()


def _refusal(target: str, why: str) -> GenctlError:
    return GenctlError(
        ExitStatus.USAGE,
        f"cannot use the extractor {target!r}: {why}",
        hint=_HINT,
        option="extractor",
    )
