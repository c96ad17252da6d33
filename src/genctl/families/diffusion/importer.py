"""Imports a network of diffusers to start training from."""

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
    """The trained modules of a U-Net that was read from diffusers.

    Args:
        config: the configuration of the run that starts from it. A UNet2DModel does not record its
            prediction type, so that of the run is assumed.
        arguments: the arguments of `UNet`.
        weights: the weights of the network, by name.
    """
    network = UNet(**arguments)
    network.load_state_dict(dict(weights))
    return {"denoiser": Denoiser(network, config.model.prediction, sigma_data=1.0)}
