"""The sampler of a diffusion model: from noise to an image, step by step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from genctl.config import Config
from genctl.contracts import Batch, DataSpec, Noise, Parents
from genctl.errors import ExitStatus, GenctlError, Placeholder, Suggestion, opt
from genctl.families.diffusion.denoiser import guided
from genctl.families.diffusion.schedules import FLOW_NOISE, sigmas_for
from genctl.families.diffusion.solvers import SOLVERS, Denoise, Fresh, Watch, unwatched
from genctl.families.diffusion.spec import DiffusionRequest


class DiffusionSampler:
    """Generates images from noise; also inpaints, or starts from an image.

    A condition may contain ``label: (B,)`` int64 and, in [-1, 1], ``image: (B, C, H, W)``. With
    ``mask: (B, 1, H, W)`` the image is kept where the mask is 0 and regenerated where it is 1.
    Without a mask the image is noised to an intermediate step and denoised from there (Meng et al.
    2021, SDEdit, arXiv 2108.01073).
    """

    def __init__(
        self, config: Config, data: DataSpec, modules: Mapping[str, nn.Module], parents: Parents
    ) -> None:
        self._denoiser = modules["denoiser"]
        self._prediction = config.model.prediction
        self._shape = data.features["image"].shape
        self._classes = data.num_classes
        self._knows_none = bool(data.num_classes and config.model.label_dropout)
        self._usual_guidance = config.sample.guidance
        self._usual_strength = config.sample.strength
        by_class = {"label"} if data.num_classes else set()
        self.conditions = frozenset({"image", "mask", *by_class})

    def sample(self, request: DiffusionRequest, condition: Batch, noise: Noise) -> Tensor:
        """Images (B, C, H, W) float32, about [-1, 1].

        Raises:
            GenctlError: (USAGE) options that contradict each other; (DATA) an image or mask that
                does not have the model's shape.
        """
        return self._solve(request, condition, noise, unwatched)

    def trajectory(self, request: DiffusionRequest, condition: Batch, noise: Noise) -> Tensor:
        """The estimate of the clean image in each step, (steps, B, C, H, W) float32.

        The last one is the result of `sample`.
        """
        seen: list[Tensor] = []
        self._solve(request, condition, noise, lambda _, clean: seen.append(clean.float()))
        return torch.stack(seen)

    @torch.no_grad()
    def _solve(
        self, request: DiffusionRequest, condition: Batch, noise: Noise, watch: Watch
    ) -> Tensor:
        solver = SOLVERS[request.sampler]
        self._check(request, condition)
        start = noise.normal("start", *self._shape)
        wide = torch.float32 if start.device.type == "mps" else torch.float64  # Metal has no double
        high = request.sigma_max
        if not high and solver.from_noise and wide is torch.float64:
            high = self._first_level(request.schedule)
        sigmas = sigmas_for(request.schedule, request.steps, low=request.sigma_min, high=high)
        image, mask = condition.get("image"), condition.get("mask")
        if image is not None and mask is None:
            sigmas = sigmas[len(sigmas) - 1 - max(1, round(request.strength * request.steps)) :]
        x = sigmas[0].item() * start.to(wide)
        denoise = self._denoise(request, condition.get("label"))
        if image is not None:
            given = image.to(x)
            x = x + (given if mask is None else torch.where(mask > 0.5, 0, given))
            if mask is not None:
                denoise = keeping(denoise, given, mask > 0.5)
        eta = {"eta": request.eta} if solver.takes_eta else {}
        images: Tensor = solver.function(
            denoise, x, sigmas, fresh(noise, self._shape, x), watch, **eta
        )
        return images.float()

    def _first_level(self, schedule: str) -> float:
        """Where sampling begins: at pure noise, where the network can denoise it; 0: as usual.

        An error of ``epsilon`` grows with the level, and ``edm`` is not trained so far up.
        """
        return FLOW_NOISE if (schedule, self._prediction) == ("flow", "flow") else 0.0

    def _denoise(self, request: DiffusionRequest, label: Tensor | None) -> Denoise:
        """The denoiser for solvers: in their precision, at one noise level for all rows."""

        scale = request.guidance if self._knows_none else 1.0
        by_class = guided(self._denoiser, scale, self._classes)

        def denoise(x: Tensor, sigma: float) -> Tensor:
            levels = torch.full((len(x),), sigma, dtype=torch.float32, device=x.device)
            wanted = label
            if wanted is None and self._classes:
                wanted = torch.full_like(levels, self._classes, dtype=torch.int64)
            return by_class(x.float(), levels, wanted).to(x)

        return denoise

    def _check(self, request: DiffusionRequest, condition: Batch) -> None:
        if request.guidance not in (1, self._usual_guidance) and not self._knows_none:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{opt('guidance', request.guidance)} compares a class with no class, and this "
                f"model {'was always given one' if self._classes else 'has no classes'}",
                hint=f"leave {opt('guidance')} out",
                option="guidance",
            )
        if request.eta and not SOLVERS[request.sampler].takes_eta:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{opt('eta', request.eta)} is for the sampler ddim, not for {request.sampler}",
                hint=f"leave {opt('eta')} out",
                option="eta",
                suggest=Suggestion("", {"sampler": "ddim"}),
            )
        if "mask" in condition and "image" not in condition:
            raise GenctlError(
                ExitStatus.USAGE,
                "a mask needs the image that it belongs to",
                option="image",
                suggest=Placeholder("IMAGE"),
            )
        if request.strength != self._usual_strength and (
            "image" not in condition or "mask" in condition
        ):
            why = "a mask decides what is kept" if "mask" in condition else "there is no image"
            raise GenctlError(
                ExitStatus.USAGE,
                f"{opt('strength', request.strength)} is for starting from an image, and {why}",
                hint=f"leave {opt('strength')} out",
                option="strength",
            )
        for name, shape in (("image", self._shape), ("mask", (1, *self._shape[1:]))):
            if name in condition and condition[name].shape[1:] != shape:
                raise GenctlError(
                    ExitStatus.DATA,
                    f"the {name} is {_size(condition[name].shape[1:])}; the model needs "
                    f"{_size(shape)} (channels x height x width)",
                    option=name,
                )


def keeping(denoise: Denoise, image: Tensor, hole: Tensor) -> Denoise:
    """A denoiser that returns ``image`` outside the hole.

    Its estimate is exact there. So a solver that starts at the image plus noise stays at the image
    plus noise of every level, and ends at the image itself. Around the hole the network therefore
    gets the noisy image (as in Lugmayr et al. 2022, RePaint, arXiv 2201.09865, without resampling).

    Args:
        image: (B, C, H, W).
        hole: (B, 1, H, W) bool.
    """
    return lambda x, sigma: torch.where(hole, denoise(x, sigma), image)


def fresh(noise: Noise, shape: tuple[int, ...], like: Tensor) -> Fresh:
    """Noise for each step; the noise of a sample does not depend on the other samples."""
    return lambda step: noise.normal(f"step/{step}", *shape).to(like)


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
