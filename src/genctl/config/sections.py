"""The sections of a configuration, and the whole configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt


def option(default: Any, help: str) -> Any:
    """A dataclass field with the text that help shows for it."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class TrainConfig:
    """How training runs, for every family."""

    budget: str = option("1000steps", "20steps, 250k examples, 10Mtokens, 3epochs, 110s, 5m, 2h")
    batch_size: Annotated[int, Ge(1), Le(1 << 24)] = option(64, "examples per optimizer step")
    micro_batch: Annotated[int, Ge(0)] = option(0, "examples at a time (less memory); 0: all")
    optimizer: Literal["adam", "adamw", "sgd", "muon"] = option(
        "adamw", "optimizer; muon uses Muon for hidden matrices and AdamW for the rest"
    )
    lr: Annotated[float, Gt(0)] = option(1e-3, "peak learning rate")
    adamw_lr: Annotated[float, Gt(0)] = option(
        3e-3, "learning rate of the parameters that muon leaves to AdamW"
    )
    beta1: Annotated[float, Ge(0), Lt(1)] = option(0.9, "decay of the first moment, or momentum")
    beta2: Annotated[float, Ge(0), Lt(1)] = option(0.999, "decay of the second moment")
    weight_decay: Annotated[float, Ge(0)] = option(0.0, "weight decay of matrices and kernels")
    decay_falls: bool = option(False, "let weight decay fall to zero over the run")
    warmup: Annotated[float, Ge(0), Le(1)] = option(0.0, "share of the run over which lr rises")
    warmup_steps: Annotated[int, Ge(0)] = option(0, "minimum number of warm-up steps")
    decay: Annotated[float, Ge(0), Le(1)] = option(
        0.5, "final share of the run over which lr falls"
    )
    final_lr: Annotated[float, Ge(0), Le(1)] = option(0.0, "final lr, as a share of lr")
    clip: Annotated[float, Ge(0)] = option(0.0, "largest gradient norm; 0: no clipping")
    ema_halflife: Annotated[float, Ge(0)] = option(20_000, "half-life of the average, in examples")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = option(
        "auto", "number format; auto: bf16 or fp16 on a CUDA GPU, fp32 elsewhere"
    )
    compile: bool = option(False, "compile the networks' blocks: slower to start, then faster")
    recompute: bool = option(False, "activation checkpointing: less memory, more time")
    deterministic: bool = option(False, "bit-identical results on a GPU, perhaps slower")
    shard: bool = option(
        False, "split weights, averages and moments across processes: less memory each"
    )
    checkpoint_seconds: Annotated[float, Gt(0)] = option(45, "maximum seconds between checkpoints")
    keep_last: Annotated[int, Ge(1)] = option(3, "how many of the newest checkpoints to keep")
    evaluations: Annotated[int, Ge(0)] = option(10, "evaluations in the run, to find the best")


@dataclass(frozen=True)
class Config:
    """The whole configuration of a run, and the origin of each value.

    Attributes:
        family: the registered name of the family.
        preset: the preset that the values started from.
        model: an instance of the family's own config dataclass.
        sample: an instance of the family's own request: the options that samples are generated
            with unless a request overrides them.
        kind: the name of the kind of data.
        data: an instance of that kind's own options.
        parents: role -> path of the trained run for it.
        origins: dotted key -> ``default``, ``preset NAME``, a file, a variable,
            ``sets`` or ``options``.
    """

    family: str
    preset: str
    model: Any
    kind: str
    data: Any
    train: TrainConfig
    sample: Any
    parents: Mapping[str, str]
    seed: int
    origins: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """The values as nested plain data, without their origins: equal for equal runs."""
        return {
            "family": self.family,
            "preset": self.preset,
            "model": dataclasses.asdict(self.model),
            "data": {"kind": self.kind, **dataclasses.asdict(self.data)},
            "train": dataclasses.asdict(self.train),
            "sample": dataclasses.asdict(self.sample),
            "parents": dict(self.parents),
            "seed": self.seed,
        }
