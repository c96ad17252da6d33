"""How a network of diffusers becomes one to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from genctl.config import Config
from genctl.families.diffusion.denoiser import Denoiser
from genctl.families.diffusion.networks.unet import UNet


def modules_of_unet(
    config: Config, arguments: Mapping[str, Any], weights: Mapping[str, Tensor]
) -> dict[str, nn.Module]:
    """The trained modules around a U-Net that was read from elsewhere.

    Args:
        config: of the run that begins with it. What the network predicts is not written beside a
            UNet2DModel, so it is taken to be what the run will predict.
        arguments: of `UNet`.
        weights: of the network, by name.
    """
    network = UNet(**arguments)
    network.load_state_dict(dict(weights))
    return {"denoiser": Denoiser(network, config.model.prediction, sigma_data=1.0)}
