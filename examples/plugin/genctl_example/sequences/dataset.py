"""Sequences of DNA as a data set: windows of tokens, each with the token that comes next."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import torch

from genctl.contracts import DataSpec, Feature
from genctl.data.in_memory import InMemoryDataset
from genctl.data.prepare import Prepared
from genctl.errors import ExitStatus, GenctlError
from genctl.files import safe_name
from genctl_example.sequences.data import BUILT_IN, LETTERS


def prepare(options):
    """Windows that overlap by one token; a tenth of them is held out for scores."""
    letters, context = "".join(f"{x}>" for x in read(options.source)), options.context
    if len(letters) <= 2 * context:
        raise GenctlError(ExitStatus.DATA, f"{options.source} is too short", option="data.context")
    tokens = torch.tensor([LETTERS.index(x if x in LETTERS else "N") for x in letters])
    windows = tokens.unfold(0, context + 1, context)
    kept = max(1, len(windows) // 10)
    spec = DataSpec(
        source=options.source,
        name=safe_name(Path(options.source).stem),
        unit="tok",
        examples=len(windows) - kept,
        fingerprint=hashlib.sha256(letters.encode()).hexdigest(),
        features={"tokens": Feature("tokens", (context,), len(LETTERS), end=LETTERS.index(">"))},
        kind="sequences",
        units_per_example=context,
    )
    held_out = {"tokens": windows[:kept], "mask": torch.ones(kept, context, dtype=torch.bool)}
    return Prepared(InMemoryDataset(spec, {"tokens": windows[kept:]}, held_out))


def read(source):
    """The bases of each sequence in a FASTA file: a line with ``>`` and a name comes before."""
    if source == BUILT_IN:
        draw = random.Random(0)
        return ["".join(draw.choices("ACGT", (1, 2, 2, 1), k=90)) for _ in range(64)]
    try:
        records = Path(source).expanduser().read_text("ascii").upper().split(">")[1:]
    except (OSError, ValueError) as error:
        raise GenctlError(ExitStatus.DATA, f"cannot read {source}: {error}") from None
    if not records:
        raise GenctlError(ExitStatus.DATA, f"{source} holds no sequences")
    return ["".join(record.split("\n")[1:]) for record in records]
