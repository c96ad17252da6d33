"""Hugging Face: a folder that transformers loads as a Llama or Qwen3, checked before it is saved.

It can be used without genctl, and without remote code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import torch

from genctl import documents
from genctl.compat.torchvision import import_torchvision
from genctl.contracts import TOKENIZER, DecoderPlan
from genctl.data.text.tokenizer import for_other_programs
from genctl.export.decoder.folder import (
    described,
    largest_error,
    prompt,
    shortfall,
    steps,
    trials,
    weights,
)
from genctl.export.document import to_text
from genctl.export.packages import named, offline, one_line, quiet, require
from genctl.export.proof import Proof, refuted
from genctl.files import make_directory, write_json
from genctl.staging import staged
from genctl.weights import save_tensors

TOLERANCE = 1e-4
"""The tolerance in float32, on the scale of `scaled_error`."""

_DOCUMENT_KEY = "genctl"


def write(plan: DecoderPlan, path: Path, document: Mapping[str, Any], card: str) -> Proof:
    """Write the folder ``path`` and check it in transformers.

    It contains config.json (with genctl's document under ``genctl``), generation_config.json,
    model.safetensors (float32), the tokenizer's files and README.md.

    Args:
        document: see `genctl.export.document.to_text`.
        card: the text of README.md.

    Raises:
        GenctlError: (USAGE) a package of ``genctl[hf]`` is missing; (PROOF_FAILED) transformers
            does not load it, computes other logits, or continues or splits text differently;
            (FAILURE) no space or permission. An earlier folder at ``path`` is unchanged.
    """
    require("The Hugging Face format", "hf", "transformers", "tokenizers")
    make_directory(path.parent)
    with staged(path, existing="replace") as stage:
        write_json(stage / "config.json", config(plan) | {_DOCUMENT_KEY: _plain(document)})
        write_json(stage / "generation_config.json", _token_ids(plan))
        save_tensors(stage / "model.safetensors", weights(plan))
        for name, content in plan.assets.items():
            content = for_other_programs(content) if name == TOKENIZER else content
            (stage / PurePosixPath(name).name).write_bytes(content)
        (stage / "README.md").write_text(card, "utf-8")
        proof = _prove(plan, stage, path)
    return proof


def is_export(path: Path) -> bool:
    """Whether `write` made the folder ``path``."""
    try:
        found = documents.parse((path / "config.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and isinstance(found.get(_DOCUMENT_KEY), dict)


def config(plan: DecoderPlan) -> dict[str, Any]:
    """The configuration of the network for transformers.

    It relies on no default: the defaults of Llama use tokens 1 and 2 as begin and end tokens, and
    the default of Qwen3 is a head of width 128.
    """
    kind = "Qwen3" if plan.qk_norm else "Llama"
    return {
        "architectures": [f"{kind}ForCausalLM"],
        "model_type": kind.lower(),
        "dtype": "float32",
        "vocab_size": plan.vocab_size,
        "hidden_size": plan.width,
        "intermediate_size": plan.hidden,
        "num_hidden_layers": plan.depth,
        "num_attention_heads": plan.heads,
        "num_key_value_heads": plan.kv_heads,
        "head_dim": plan.head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": plan.context,
        "rms_norm_eps": plan.norm_eps,
        # transformers 5 reads the second, older versions and other programs the first.
        "rope_theta": plan.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": plan.rope_theta},
        "tie_word_embeddings": plan.tied,
        "attention_bias": False,
        "attention_dropout": 0.0,
        **({"use_sliding_window": False} if plan.qk_norm else {"mlp_bias": False}),
        **_token_ids(plan),
    }


def _token_ids(plan: DecoderPlan) -> dict[str, Any]:
    return {"bos_token_id": None, "eos_token_id": plan.end, "pad_token_id": None}


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(to_text(document))
    return plain


def _prove(plan: DecoderPlan, stage: Path, path: Path) -> Proof:
    import_torchvision()
    tokens = trials(plan)
    try:
        with quiet(), offline():
            model = load(stage)
            error = largest_error(plan.module, Logits(model), tokens)
            written = _continue(plan, model)
            differing = _differing_text(plan, stage)
    except Exception as problem:  # transformers has no base class for what it raises
        raise refuted(path, f"transformers cannot use it: {one_line(problem)}") from problem
    if not error <= TOLERANCE:
        raise refuted(path, f"transformers differs by {error:.2g} (allowed {TOLERANCE:g})")
    behind = shortfall(plan, plan.module, written)
    if not (len(written) == steps(plan) and behind <= TOLERANCE):
        raise refuted(path, f"transformers continues differently (by {behind:.2g} in the logits)")
    if differing:
        raise refuted(path, f"transformers splits text differently: {differing}")
    return Proof(
        format="hf",
        runtime=named("transformers"),
        inputs=(described(tokens), f"{len(written)} greedy tokens", "tokenizer"),
        error=error,
        tolerance=TOLERANCE,
    )


class Logits(torch.nn.Module):
    """A model of transformers that is called like the plan's module."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.model(input_ids=tokens).logits
        return found


def load(stage: Path, **options: Any) -> Any:
    """The model as any user would load it, without missing or unexpected weights."""
    from transformers import AutoModelForCausalLM

    loaded: Any = AutoModelForCausalLM.from_pretrained(
        stage, local_files_only=True, dtype=torch.float32, output_loading_info=True, **options
    )
    model, report = loaded
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if report.get(kind):
            raise ValueError(f"{kind.replace('_', ' ')}: {sorted(map(str, report[kind]))}")
    return model.eval()


def _continue(plan: DecoderPlan, model: Any) -> list[int]:
    """The tokens that transformers generates after `prompt`, with its cache of keys and values."""
    start, count = torch.tensor([prompt(plan)]), steps(plan)
    if not count:
        return []
    with torch.no_grad():
        found = model.generate(
            start,
            attention_mask=torch.ones_like(start),
            do_sample=False,
            min_new_tokens=count,  # to exclude the end token
            max_new_tokens=count,
            pad_token_id=plan.end or 0,
        )
    written: list[int] = found[0, start.shape[1] :].tolist()
    return written


def _differing_text(plan: DecoderPlan, stage: Path) -> str:
    """How AutoTokenizer differs from the tokenizer on a text; empty if it does not."""
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(stage, local_files_only=True)
    own = Tokenizer.from_str(plan.assets[TOKENIZER].decode())
    for tokens in trials(plan):
        text = own.decode(tokens.flatten().tolist())
        expected = own.encode(text, add_special_tokens=False).ids
        if loaded(text, add_special_tokens=False)["input_ids"] != expected:
            return f"{text[:20]!r} has other tokens"
        if loaded.decode(expected) != own.decode(expected):
            return f"{text[:20]!r} reads back differently"
    return "" if loaded.eos_token_id == plan.end else f"{loaded.eos_token!r} ends it"
