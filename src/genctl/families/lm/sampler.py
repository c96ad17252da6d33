"""What sampling a language model means: reading what there is, writing what may come next."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from torch import nn

from genctl.config import Config
from genctl.contracts import DataSpec, Parents, TokenPredictor
from genctl.decoding.uncached import UncachedPredictor
from genctl.families.lm.network import Decoder
from genctl.families.lm.predictor import KVCachePredictor


class LmGenerator:
    """Gives `genctl.decoding` the decoder to write with."""

    conditions: frozenset[str] = frozenset()

    def __init__(
        self, config: Config, data: DataSpec, modules: Mapping[str, nn.Module], parents: Parents
    ) -> None:
        self._module = modules["model"]
        self._context = data.shape[0]

    @cached_property
    def reader(self) -> TokenPredictor:
        """One that keeps keys and values, or, of a foreign graph, one that reads all again."""
        if isinstance(self._module, Decoder):
            return KVCachePredictor(self._module)
        reader: TokenPredictor = UncachedPredictor(self._module, self._context)
        return reader
