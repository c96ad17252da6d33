"""Builds the pair of networks from the options."""

from __future__ import annotations

from torch import nn

from genctl.contracts import DataSpec
from genctl.errors import ExitStatus, GenctlError, Suggestion
from genctl.families.gan.networks.dcgan import DcganDiscriminator, DcganGenerator
from genctl.families.gan.networks.mlp import MlpDiscriminator, MlpGenerator
from genctl.families.gan.networks.resnet import ResidualDiscriminator, ResidualGenerator
from genctl.families.gan.networks.shape import MIN_SIDE, ImageShape
from genctl.families.gan.spec import GanConfig


def classes_of(options: GanConfig, data: DataSpec) -> int:
    """The number of classes that the networks distinguish; 0 if they take no labels."""
    return data.num_classes if options.by_class else 0


def build_networks(options: GanConfig, data: DataSpec) -> dict[str, nn.Module]:
    """``generator`` and ``discriminator``, initialised from torch's random generator.

    Raises:
        GenctlError: (DATA) images too small for convolutions.
    """
    channels, height, width = data.features["image"].shape
    image = ImageShape(channels, height, width)
    if options.architecture == "mlp":
        return {
            "generator": MlpGenerator(image, z_dim=options.z_dim),
            "discriminator": MlpDiscriminator(image),
        }
    if min(height, width) < MIN_SIDE:
        raise GenctlError(
            ExitStatus.DATA,
            f"the images of {data.source} are {height}x{width}; a GAN needs at least "
            f"{MIN_SIDE}x{MIN_SIDE}",
            option="data.size",
            suggest=Suggestion("", {"data.size": MIN_SIDE * 2}, "enlarges them"),
        )
    classes = classes_of(options, data)
    if options.architecture == "dcgan":
        return {
            "generator": DcganGenerator(image, classes, width=options.width, z_dim=options.z_dim),
            "discriminator": DcganDiscriminator(image, classes, width=options.width),
        }
    image = ImageShape(channels, height, width, options.patch, options.resample == "smooth")
    size = {"width": options.width, "depth": options.depth}
    return {
        "generator": ResidualGenerator(image, classes, z_dim=options.z_dim, **size),
        "discriminator": ResidualDiscriminator(image, classes, **size),
    }
