"""Sequences as output: what genctl knows of them before torch is imported."""

from __future__ import annotations

from genctl.registry import OutputKind

KIND = OutputKind(
    api=2,
    name="sequences",
    summary="sequences of DNA: a FASTA file",
    words=("sequence", "sequences"),
    suffixes=(".fa",),
    inputs=frozenset({"prompts"}),
    default_metrics=("gc",),
    targets={
        "generate": "genctl_example.sequences.samples:generate",
        "read": "genctl_example.sequences.samples:read",
        "callbacks": "genctl_example.sequences.samples:SequenceCallbacks",
    },
)
