"""What the engine may do with a model in training: previews and scores, by its kind of output."""

from __future__ import annotations

import torch

from genctl.config import Config
from genctl.contracts import Dataset, Parents
from genctl.engine.training.callbacks import Callbacks
from genctl.registry import DATA_KINDS, Spec, output_kind


def make_callbacks(
    spec: Spec, config: Config, dataset: Dataset, parents: Parents, device: torch.device
) -> Callbacks:
    """The previews and scores of a run; none where its kind of output has none."""
    kind = output_kind(spec, DATA_KINDS.get(config.kind))
    if kind is None or "callbacks" not in kind.targets:
        return Callbacks()
    found = kind.load("callbacks")(spec, config, dataset, parents, device)
    return Callbacks(
        **{
            name: getattr(found, name)
            for name in ("preview", "evaluate", "cost", "references", "monitor")
            if hasattr(found, name)
        }
    )
