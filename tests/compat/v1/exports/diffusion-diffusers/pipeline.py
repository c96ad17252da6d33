"""Sampling this model with diffusers."""

import torch
from diffusers import DiffusionPipeline, ImagePipelineOutput
from torch.nn import functional as F


class Pipeline(DiffusionPipeline):
    def __init__(self, unet, scheduler):
        super().__init__()
        self.register_modules(unet=unet, scheduler=scheduler)

    @torch.no_grad()
    def __call__(
        self,
        labels,
        num_inference_steps=20,
        generator=None,
        latents=None,
        output_type="pil",
        guidance_scale=1.5,
    ):
        """Images, as "pil", "np" (0 to 1, channels last) or "pt" (-1 to 1, channels first)."""
        labels = torch.as_tensor(labels, device=self.unet.device)
        if latents is None:
            shape = (len(labels), 1, 28, 28)
            latents = torch.randn(shape, generator=generator)
        scheduler = self.scheduler
        scheduler.set_timesteps(sigmas=[1 - i / num_inference_steps for i in range(num_inference_steps)])
        x = latents.to(self.unet.device)
        for t in self.progress_bar(scheduler.timesteps):
            made = self.network(x, t, labels)
            if guidance_scale != 1:  # the label 10 means no class
                none = self.network(x, t, torch.full_like(labels, 10))
                made = none + guidance_scale * (made - none)
            x = scheduler.step(made, t, x).prev_sample
        images = x.clamp(-1, 1).cpu()
        if output_type != "pt":
            images = (images / 2 + 0.5).permute(0, 2, 3, 1).numpy()
        if output_type == "pil":
            images = self.numpy_to_pil(images)
        return ImagePipelineOutput(images)

    def network(self, x, t, labels):
        x = F.pixel_unshuffle(x, 2)
        x = self.unet(x, t, class_labels=labels).sample
        x = F.pixel_shuffle(x, 2)
        return x
