"""Sequences of DNA as data: what genctl knows of them before torch is imported."""

from __future__ import annotations

from dataclasses import dataclass

from genctl.config import option
from genctl.registry import Claim, DataKind

BUILT_IN = "toy-dna"
LETTERS = "ACGTN>"  # of the tokens; the last one ends a sequence


@dataclass(frozen=True)
class SequenceData:
    source: str = option(BUILT_IN, "toy-dna (built in), or a FASTA file: .fa")
    context: int = option(32, "bases in a window: what the model can see")


def claims(source):
    return Claim.SURE if source == BUILT_IN or source.endswith(".fa") else Claim.NO


def named():
    return {BUILT_IN: "64 random sequences, rich in G and C"}


KIND = DataKind(
    api=2,
    name="sequences",
    summary="sequences of DNA in windows of bases",
    config=SequenceData,
    features={"tokens": "tokens"},
    outputs={"tokens": "sequences"},
    words=("window", "windows"),
    targets={
        "claims": "genctl_example.sequences.data:claims",
        "list": "genctl_example.sequences.data:named",
        "prepare": "genctl_example.sequences.dataset:prepare",
    },
)
