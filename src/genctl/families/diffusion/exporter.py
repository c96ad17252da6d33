"""Exports a diffusion model to foreign formats."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from genctl.contracts import DiffusersPlan, ExportPlan, Trained
from genctl.errors import ExitStatus, GenctlError, Suggestion
from genctl.families.diffusion.denoiser import Denoiser
from genctl.families.diffusion.networks.unet import UNet
from genctl.families.diffusion.networks.unet_blocks import NORM_EPS
from genctl.families.diffusion.scaling import EDM_TIME, FLOW_TIMESTEPS
from genctl.families.diffusion.schedules import DDPM_BETAS, DDPM_STEPS, KARRAS_RANGE, RHO


def unet_config(network: UNet) -> dict[str, Any]:
    """The arguments of diffusers' ``UNet2DModel`` for the weights of ``network``.

    All arguments are explicit, because another version might change a default.
    """
    down = ["AttnDownBlock2D" if attends else "DownBlock2D" for attends in network.attention]
    up = ["AttnUpBlock2D" if attends else "UpBlock2D" for attends in network.attention[::-1]]
    return {
        "sample_size": [side // network.unshuffle for side in network.padded],
        "in_channels": network.channels,
        "out_channels": network.channels,
        "center_input_sample": False,
        "time_embedding_type": "positional",
        "freq_shift": 0,
        "flip_sin_to_cos": True,
        "down_block_types": down,
        "up_block_types": up,
        "block_out_channels": [network.width * multiple for multiple in network.multiples],
        "layers_per_block": network.depth,
        "mid_block_scale_factor": 1,
        "downsample_padding": 1,
        "downsample_type": "conv",
        "upsample_type": "conv",
        "dropout": network.dropout,
        "act_fn": "silu",
        "attention_head_dim": network.head_dim,
        "norm_num_groups": network.groups,
        # Where the condition scales, the middle's attention would have no norm by default.
        "attn_norm_num_groups": network.groups if network.scales else None,
        "norm_eps": NORM_EPS,
        "resnet_time_scale_shift": "scale_shift" if network.scales else "default",
        "add_attention": network.middle_attention,
        "class_embed_type": None,
        "num_class_embeds": network.num_classes + 1 if network.num_classes else None,
    }


def plan_onnx(model: Trained) -> ExportPlan:
    """The denoiser as one graph: ``x``, ``sigma`` (and ``label``) to ``x0``, for any sampler.

    For no class, the label is the number of classes.
    """
    shape, classes = model.data.features["image"].shape, model.data.num_classes

    def example(batch: int) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(batch)
        sigma = torch.exp(3 * torch.randn(batch, generator=generator))
        x = torch.randn(batch, *shape, generator=generator) * (1 + sigma.view(-1, 1, 1, 1))
        return (x, sigma, torch.arange(batch) % (classes + 1)) if classes else (x, sigma)

    return ExportPlan(
        role="denoiser",
        module=model.modules["denoiser"],
        example=example,
        inputs=("x", "sigma", "label") if classes else ("x", "sigma"),
        outputs=("x0",),
    )


def plan_diffusers(model: Trained) -> DiffusersPlan:
    """The network as diffusers' UNet2DModel, with an equivalent scheduler.

    Raises:
        GenctlError: (USAGE) the network is not a U-Net.
    """
    denoiser = model.modules["denoiser"]
    assert isinstance(denoiser, Denoiser)
    network = denoiser.network
    if not isinstance(network, UNet):
        raise GenctlError(
            ExitStatus.USAGE,
            "diffusers has no model that takes the weights of this transformer",
            option="format",
            suggest=Suggestion("", {"format": "onnx"}, "writes it as a graph"),
        )
    name, config, time_scale = _scheduler(denoiser)
    return DiffusersPlan(
        denoiser=denoiser,
        network=network,
        unet=unet_config(network),
        scheduler=name,
        scheduler_config=config,
        time_scale=time_scale,
        shape=network.shape,
        padded=network.padded,
        unshuffle=network.unshuffle,
        guidance=model.config.sample.guidance if model.config else 1.0,
    )


def _scheduler(denoiser: Denoiser) -> tuple[str, dict[str, Any], float]:
    """Name and arguments of a scheduler, and the network's time at its timestep 1."""
    match denoiser.prediction:
        case "flow":
            config = {"num_train_timesteps": int(FLOW_TIMESTEPS), "shift": 1.0}
            return "FlowMatchEulerDiscreteScheduler", config, 1.0
        case "edm":
            return "EDMDPMSolverMultistepScheduler", _edm(denoiser.sigma_data), 4 * EDM_TIME
        case prediction:
            named = "v_prediction" if prediction == "v" else "epsilon"
            return "DDIMScheduler", _linear_betas(named), 1.0


def _edm(sigma_data: float) -> dict[str, Any]:
    """Karras et al. 2022, arXiv 2206.00364; its timesteps are ln(sigma) / 4."""
    return {
        "sigma_min": KARRAS_RANGE[0],
        "sigma_max": KARRAS_RANGE[1],
        "sigma_data": sigma_data,
        "sigma_schedule": "karras",
        "rho": RHO,
        "prediction_type": "epsilon",  # in this scheduler: the network's output is EDM's F
        "solver_order": 2,
        "algorithm_type": "dpmsolver++",
        "final_sigmas_type": "zero",
    }


def _linear_betas(prediction: str) -> dict[str, Any]:
    """Ho et al. 2020, arXiv 2006.11239, section 4."""
    return {
        "num_train_timesteps": DDPM_STEPS,
        "beta_start": DDPM_BETAS[0],
        "beta_end": DDPM_BETAS[1],
        "beta_schedule": "linear",
        "prediction_type": prediction,
        "clip_sample": False,
        "set_alpha_to_one": True,
        # The only spacing in which every step leads to the next timestep.
        "timestep_spacing": "trailing",
    }
