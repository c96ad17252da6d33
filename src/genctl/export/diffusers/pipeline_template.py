"""Sampling this model with diffusers."""

from __future__ import annotations

import torch
from diffusers import (
    DiffusionPipeline,
    EDMDPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    ImagePipelineOutput,
)
from torch.nn import functional as F

# What belongs to this model.
SHAPE = (1, 7, 8)  # channels, height and width of an image
PADDED = (8, 8)  # height and width of what the network takes
UNSHUFFLE = 2  # the side of the squares of pixels that become channels
TIME_SCALE = 1.0  # the network's time for a timestep of 1 of the scheduler
CLASSES = 3  # labels count from 0, and this number means no class; 0 for a model without classes
GUIDANCE = 1.0  # how far samples follow their class where the call does not tell
# End of what belongs to this model.


class Pipeline(DiffusionPipeline):
    def __init__(self, unet, scheduler):
        super().__init__()
        self.register_modules(unet=unet, scheduler=scheduler)

    if CLASSES:

        def __call__(
            self,
            labels,
            num_inference_steps=20,
            generator=None,
            latents=None,
            output_type="pil",
            guidance_scale=GUIDANCE,
        ):
            """Images, as "pil", "np" (0 to 1, channels last) or "pt" (-1 to 1, channels first)."""
            labels = torch.as_tensor(labels, device=self.unet.device)
            noise = self.noise(len(labels), generator) if latents is None else latents
            images = self.sample(noise, num_inference_steps, labels, guidance_scale)
            return self.output(images, output_type)

    else:

        def __call__(
            self,
            batch_size=1,
            num_inference_steps=20,
            generator=None,
            latents=None,
            output_type="pil",
        ):
            """Images, as "pil", "np" (0 to 1, channels last) or "pt" (-1 to 1, channels first)."""
            noise = self.noise(batch_size, generator) if latents is None else latents
            return self.output(self.sample(noise, num_inference_steps), output_type)

    def noise(self, count, generator):
        return torch.randn((count, *SHAPE), generator=generator)

    @torch.no_grad()
    def sample(self, noise, steps, labels=None, guidance_scale=1):
        scheduler = self.scheduler
        flow = isinstance(scheduler, FlowMatchEulerDiscreteScheduler)
        if flow:
            scheduler.set_timesteps(sigmas=[1 - i / steps for i in range(steps)])
        else:
            scheduler.set_timesteps(steps)
        x = noise.to(self.unet.device)
        if isinstance(scheduler, EDMDPMSolverMultistepScheduler):
            x = x * scheduler.config.sigma_max
        for t in self.progress_bar(scheduler.timesteps):
            seen = x if flow else scheduler.scale_model_input(x, t)
            output = self.network(seen, t, labels)
            if guidance_scale != 1:
                none = self.network(seen, t, torch.full_like(labels, CLASSES))
                output = none + guidance_scale * (output - none)
            x = scheduler.step(output, t, x).prev_sample
        return x.clamp(-1, 1).cpu()

    def network(self, x, t, labels):
        (_, height, width), (rows, columns) = SHAPE, PADDED
        x = F.pad(x, (0, columns - width, 0, rows - height))
        x = F.pixel_unshuffle(x, UNSHUFFLE)
        x = self.unet(x, TIME_SCALE * t, class_labels=labels).sample
        return F.pixel_shuffle(x, UNSHUFFLE)[:, :, :height, :width]

    def output(self, images, output_type):
        if output_type != "pt":
            images = (images / 2 + 0.5).permute(0, 2, 3, 1).numpy()
        if output_type == "pil":
            images = self.numpy_to_pil(images)
        return ImagePipelineOutput(images)
