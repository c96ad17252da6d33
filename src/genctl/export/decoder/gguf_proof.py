"""The checks of a GGUF file: it has the weights, and other programs compute the same from it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from genctl.compat.torchvision import import_torchvision
from genctl.contracts import TOKENIZER, DecoderPlan
from genctl.export.decoder import llama_cpp
from genctl.export.decoder.folder import described, largest_error, prompt, shortfall, steps, trials
from genctl.export.decoder.gguf_tensors import architecture, restored, tensors
from genctl.export.decoder.hf import Logits, load
from genctl.export.packages import has, named, offline, one_line, quiet
from genctl.export.proof import Proof, refuted

TOLERANCE = 1e-4
"""The tolerance of transformers' logits, computed in float32 from the weights in the file."""

TIES = {"f16": 1e-2, "q8_0": 5e-2}
"""How far a token of llama.cpp may be behind the best one: llama.cpp rounds activations like
weights, to 11 or 8 bits."""

TEXT = "The fox's 12 dogs!\n\n  春眠不觉晓,处处闻啼鸟。\tМосква 🦊 (don't)"
"""A test text for the tokenizer: words, numbers, spaces, signs, several scripts."""


@dataclass
class _Findings:
    """The results of the parts of the proof.

    Attributes:
        runtimes: the programs that read the file.
        inputs: what was tested, and what was not.
        error: the largest difference of logits.
    """

    runtimes: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    error: float = 0.0


def prove(plan: DecoderPlan, stage: Path, path: Path, quantization: str) -> Proof:
    """Check the file ``stage``, which will become ``path``, in three parts.

    The tensors in it must be bit for bit the expected ones, and finite. transformers must compute
    the same from the file as the plan's module with these tensors. llama.cpp must continue and
    split text as the module and the tokenizer do. The proof names which of these two programs is
    not installed or does not run.

    Raises:
        GenctlError: (PROOF_FAILED) a part fails.
    """
    found = _Findings()
    stored = _check_tensors(plan, stage, path, quantization, found)
    _check_transformers(plan, stored, stage, path, found)
    _check_llama_cpp(plan, stored, stage, path, quantization, found)
    return Proof(
        format="gguf" if quantization == "f16" else f"gguf-{quantization}",
        runtime=", ".join(found.runtimes),
        inputs=tuple(found.inputs),
        error=found.error,
        tolerance=TOLERANCE,
    )


def _check_tensors(
    plan: DecoderPlan, stage: Path, path: Path, quantization: str, found: _Findings
) -> nn.Module:
    """The plan's module with the weights that are in the file."""
    held = _held(stage)
    module = copy.deepcopy(plan.module).cpu()
    parameters = dict(module.named_parameters())
    count = 0
    for meant in tensors(plan, quantization):
        data, kind = held.pop(meant.gguf_name, (np.empty(0), None))
        if kind != meant.type or not np.array_equal(data, meant.data, equal_nan=True):
            raise refuted(path, f"{meant.gguf_name} reads back differently")
        weight = restored(plan, meant.name, data, kind)
        if not weight.isfinite().all():
            raise refuted(path, f"{quantization} cannot hold {meant.name}: it is not finite there")
        with torch.no_grad():
            parameters[meant.name].copy_(weight)
        count += 1
    if held:
        raise refuted(path, f"it has unexpected tensors: {sorted(held)}")
    loss = largest_error(plan.module, module, trials(plan))
    found.runtimes.append(named("gguf"))
    found.inputs.append(f"{count} tensors")
    found.inputs.append(f"{quantization} moves the logits by {loss:.2g}")
    return module


def _held(stage: Path) -> dict[str, tuple[np.ndarray, object]]:
    """The tensors of the file by GGUF's names, and their types; copies, so it can be moved."""
    from gguf import GGUFReader

    return {
        tensor.name: (np.array(tensor.data), tensor.tensor_type)
        for tensor in GGUFReader(stage).tensors
    }


def _check_transformers(
    plan: DecoderPlan, stored: nn.Module, stage: Path, path: Path, found: _Findings
) -> None:
    if not has("transformers"):
        found.inputs.append("transformers not tried: it is not installed")
        return
    import_torchvision()
    tokens = trials(plan)
    try:
        with quiet(), offline():
            model = load(stage.parent, gguf_file=stage.name, config=_config(plan, stage))
            error = largest_error(stored, Logits(model), tokens)
    except Exception as problem:  # transformers has no base class for what it raises
        raise refuted(path, f"transformers cannot use it: {one_line(problem)}") from problem
    if not error <= TOLERANCE:
        raise refuted(path, f"transformers differs by {error:.2g} (allowed {TOLERANCE:g})")
    found.runtimes.append(named("transformers"))
    found.inputs.append(described(tokens))
    found.error = error


def _config(plan: DecoderPlan, stage: Path) -> object:
    """The model that transformers reads from the file; it does not read the head width of Qwen3."""
    from transformers import AutoConfig

    found = AutoConfig.from_pretrained(stage.parent, gguf_file=stage.name, local_files_only=True)
    if architecture(plan) == "qwen3":
        found.head_dim = plan.head_dim
    return found


def _check_llama_cpp(
    plan: DecoderPlan,
    stored: nn.Module,
    stage: Path,
    path: Path,
    quantization: str,
    found: _Findings,
) -> None:
    if not has(llama_cpp.PACKAGE):
        found.inputs.append(f"llama.cpp not tried: {llama_cpp.PACKAGE} is not installed")
        return
    asked = llama_cpp.Request(
        str(stage), prompt(plan), steps(plan), plan.context, TEXT, torch.get_num_threads()
    )
    try:
        answer = llama_cpp.ask(asked)
    except llama_cpp.NotTriedError as error:
        found.inputs.append(f"llama.cpp not tried: {error}")
        return
    if answer.error:
        raise refuted(path, f"llama.cpp cannot use it: {answer.error}")
    behind = shortfall(plan, stored, answer.tokens)
    if not (len(answer.tokens) == asked.count and behind <= TIES[quantization]):
        raise refuted(path, f"llama.cpp continues differently (by {behind:.2g} in the logits)")
    if list(answer.split) != _split(plan):
        raise refuted(path, "llama.cpp splits text differently")
    found.runtimes.append(f"llama.cpp ({named(llama_cpp.PACKAGE)})")
    found.inputs.append(f"{len(answer.tokens)} greedy tokens")


def _split(plan: DecoderPlan) -> list[int]:
    from tokenizers import Tokenizer

    own = Tokenizer.from_str(plan.assets[TOKENIZER].decode())
    tokens: list[int] = own.encode(TEXT, add_special_tokens=False).ids
    return tokens
