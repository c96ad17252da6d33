"""What sampling a language model means: reading what there is, writing what may come next."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from torch import nn

from genctl.config import Config
from genctl.contracts import DataSpec, Parents, Reader
from genctl.decoding.uncached import RereadingReader
from genctl.families.lm.network import Decoder
from genctl.families.lm.predictor import CachedReader


class LmWriter:
    """Gives `genctl.decoding` the decoder to write with."""

    conditions: frozenset[str] = frozenset()

    def __init__(
        self, config: Config, data: DataSpec, modules: Mapping[str, nn.Module], parents: Parents
    ) -> None:
        self._module = modules["model"]
        self._context = data.shape[0]

    @cached_property
    def reader(self) -> Reader:
        """One that keeps keys and values, or, of a foreign graph, one that reads all again."""
        if isinstance(self._module, Decoder):
            return CachedReader(self._module)
        reader: Reader = RereadingReader(self._module, self._context)
        return reader
