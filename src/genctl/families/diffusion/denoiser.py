"""One interface to every diffusion and flow model: from a noisy image to the clean one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from genctl.families.diffusion.scaling import PREDICTIONS, Scaling
from genctl.families.diffusion.schedules import ddpm_sigmas

MIN_SPREAD = 0.01


class Denoiser(nn.Module):
    """``D(x, sigma, label)``: the estimate of ``x0``, where ``x = x0 + sigma * n``."""

    def __init__(self, network: nn.Module, prediction: str, sigma_data: float) -> None:
        """Wrap a network.

        Args:
            network: ``(x, time, label)`` to its prediction, shaped as ``x``; ``time`` is (B,), and
                its meaning depends on the prediction, see `scaling`.
            prediction: a name in `PREDICTIONS`.
            sigma_data: standard deviation of the data's values, which ``edm`` scales by.
        """
        super().__init__()
        self.network = network
        self.prediction = prediction
        # Identical images have standard deviation 0, and would be divided by it.
        self.sigma_data = max(sigma_data, MIN_SPREAD)
        self.register_buffer("table", ddpm_sigmas().float(), persistent=False)

    @property
    def blocks(self) -> nn.Module:
        """The repeated blocks of the network, for compiling and sharding."""
        blocks = self.network.blocks
        assert isinstance(blocks, nn.Module)
        return blocks

    def scaling(self, sigma: Tensor) -> Scaling:
        """The coefficients at noise levels ``sigma: (B,)``."""
        assert isinstance(self.table, Tensor)
        return PREDICTIONS[self.prediction](sigma, self.sigma_data, self.table)

    def forward(self, x: Tensor, sigma: Tensor, label: Tensor | None = None) -> Tensor:
        """Denoise.

        Args:
            x: (B, C, H, W) float32.
            sigma: (B,) float32, above 0.
            label: (B,) int64, the number of classes for no class; None without classes.

        Returns:
            (B, C, H, W) float32.
        """
        at = self.scaling(sigma)
        return _by_row(at.skip, x) * x + _by_row(at.out, x) * self._predict(x, at, label)

    def errors(self, clean: Tensor, noise: Tensor, sigma: Tensor, label: Tensor | None) -> Tensor:
        """The mean squared error of the network on ``clean + sigma * noise``, for each row.

        In terms of the denoiser this is ``(D - x0) ** 2`` weighted by ``1 / out ** 2``, which is
        the weight in the papers of all four predictions.

        Args:
            clean, noise: (B, C, H, W) float32.
            sigma: (B,) float32, above 0.
            label: as in `forward`.

        Returns:
            (B,) float32.
        """
        at = self.scaling(sigma)
        noisy = torch.addcmul(clean, _by_row(sigma, clean), noise)
        target = _by_row(at.clean, clean) * clean + _by_row(at.noise, noise) * noise
        return (self._predict(noisy, at, label) - target).square().flatten(1).mean(1)

    def _predict(self, x: Tensor, at: Scaling, label: Tensor | None) -> Tensor:
        predicted: Tensor = self.network(_by_row(at.inner, x) * x, at.time, label)
        return predicted.float()


def guided(
    denoiser: Callable[..., Tensor], scale: float, null: int
) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    """Classifier-free guidance towards the class of each label.

    Ho and Salimans 2022, arXiv 2207.12598, with ``scale = 1 + w``: ``D_none + scale * (D_class -
    D_none)``, both halves in one batch. Scales of 1 and 0, and rows without labels, need no second
    half.

    Args:
        denoiser: ``(x, sigma, label) -> x0``.
        scale: 0 ignores the class, 1 uses it as learned, above 1 exaggerates it.
        null: the label that means no class.
    """

    def denoise(x: Tensor, sigma: Tensor, label: Tensor | None) -> Tensor:
        if label is None:
            return denoiser(x, sigma, None)
        none = torch.full_like(label, null)
        if scale in (0.0, 1.0):
            return denoiser(x, sigma, label if scale else none)
        both = denoiser(x.repeat(2, 1, 1, 1), sigma.repeat(2), torch.cat([label, none]))
        wanted, general = both.chunk(2)
        return torch.lerp(general, wanted, scale)

    return denoise


def _by_row(factor: Tensor, images: Tensor) -> Tensor:
    """``factor: (B,)`` shaped so that it multiplies each row of ``images``."""
    return factor.reshape(-1, *[1] * (images.ndim - 1))
