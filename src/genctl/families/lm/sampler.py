"""The sampler of a language model: predicts the tokens after a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import torch
from torch import nn

from genctl.config import Config
from genctl.contracts import Batch, DataSpec, Parents, TargetLosses, TokenPredictor
from genctl.decoding.losses import target_losses
from genctl.decoding.uncached import UncachedPredictor
from genctl.families.lm.network import Decoder
from genctl.families.lm.predictor import KVCachePredictor


class LmGenerator:
    """A `genctl.contracts.TextGenerator` of a decoder."""

    conditions: frozenset[str] = frozenset()
    start: tuple[int, ...] = ()

    def __init__(
        self, config: Config, data: DataSpec, modules: Mapping[str, nn.Module], parents: Parents
    ) -> None:
        self._module = modules["model"]
        self._data = data

    @cached_property
    def predictor(self) -> TokenPredictor:
        """A predictor with a cache of keys and values, or without one for an exported graph."""
        if isinstance(self._module, Decoder):
            return KVCachePredictor(self._module)
        tokens = self._data.features["tokens"]
        return UncachedPredictor(self._module, tokens.shape[0], tokens.size)

    @torch.inference_mode()
    def token_losses(self, batch: Batch) -> TargetLosses:
        """Predict ``tokens (B, T + 1)`` from the second token on, where ``mask (B, T)`` is true."""
        tokens = batch["tokens"]
        return target_losses(self._module(tokens[:, :-1]), tokens[:, 1:], batch["mask"])
