"""The sampler of a GAN: one pass of the generator."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from genctl.config import Config
from genctl.contracts import Batch, DataSpec, Noise, Parents
from genctl.families.gan.networks.build import classes_of
from genctl.families.gan.spec import GanRequest


class GanSampler:
    """Generates images from noise and labels."""

    def __init__(
        self, config: Config, data: DataSpec, modules: Mapping[str, nn.Module], parents: Parents
    ) -> None:
        self._generator = modules["generator"]
        self._z_dim = config.model.z_dim
        by_class = classes_of(config.model, data)
        self.conditions = frozenset({"label"} if by_class else ())

    def sample(self, request: GanRequest, condition: Batch, noise: Noise) -> Tensor:
        """Images (B, C, H, W), about [-1, 1], of the classes in ``condition["label"]``."""
        z = noise.normal("z", self._z_dim) * request.truncation
        images: Tensor = self._generator(z, condition.get("label"))
        return images
