"""The interfaces between families, data, the engine, evaluation and export.

A family implements `Objective`, `Sampler` and exporters; the engine implements `Step` and `Noise`;
a data kind implements `Dataset`. All interfaces are public, and versioned by
``genctl.registry.SPEC_API``.
"""

from __future__ import annotations

from genctl.contracts.data import TOKENIZER, Batch, Dataset, DataSpec, Feature
from genctl.contracts.exporting import DecoderPlan, DiffusersPlan, ExportPlan
from genctl.contracts.sampling import (
    Noise,
    Sampler,
    Slot,
    TargetLosses,
    TextGenerator,
    TokenPredictor,
)
from genctl.contracts.training import (
    INIT,
    CoupledObjective,
    EmaSpec,
    Loss,
    Monitor,
    Objective,
    OptimizerSpec,
    Parents,
    Phase,
    Schedule,
    Step,
    Trained,
)

__all__ = [
    "INIT",
    "TOKENIZER",
    "Batch",
    "CoupledObjective",
    "DataSpec",
    "Dataset",
    "DecoderPlan",
    "DiffusersPlan",
    "EmaSpec",
    "ExportPlan",
    "Feature",
    "Loss",
    "Monitor",
    "Noise",
    "Objective",
    "OptimizerSpec",
    "Parents",
    "Phase",
    "Sampler",
    "Schedule",
    "Slot",
    "Step",
    "TargetLosses",
    "TextGenerator",
    "TokenPredictor",
    "Trained",
]
