"""Small untrained decoders with real tokenizers, as plans of an export."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genctl.contracts import DecoderPlan
from genctl.families.lm.network import Decoder, DecoderShape
from tests.specs import token_spec

TEXT = """\
春眠不觉晓,处处闻啼鸟。夜来风雨声,花落知多少。
The quick brown fox jumps over the lazy dog; the dog does not mind.
Москва слезам не верит. 🦊 0123456789
"""
END = "<|endoftext|>"
DOCUMENT: dict[str, Any] = {
    "config": {"family": "lm", "preset": "tiny-cpu"},
    "data": token_spec("诗.txt", "诗", 96).to_json(),
    "weights": "raw",
    "step": 2,
}


def bpe(vocab_size: int = 300, *, end: bool = True) -> dict[str, bytes]:
    """A byte-level BPE trained on `TEXT`; the end token is the last."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - end,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXT], trainer)
    if end:
        tokenizer.add_special_tokens([AddedToken(END, special=True, normalized=False)])
    return files(tokenizer.to_str(), end=end)


def files(tokenizer: str, *, end: bool = True) -> dict[str, bytes]:
    """The assets of a model with this tokenizer.json."""
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **({"eos_token": END} if end else {}),
    }
    return {
        "tokenizer/tokenizer.json": tokenizer.encode(),
        "tokenizer/tokenizer_config.json": json.dumps(config).encode(),
    }


class Lying(Decoder):
    """A decoder that adds to its logits what no other program would."""

    def forward(self, tokens: Tensor, dropout: float = 0.0) -> Tensor:
        return super().forward(tokens, dropout) + 1e-2 * (tokens.unsqueeze(-1) % 3)


def plan(
    *,
    qk_norm: bool = True,
    tied: bool = False,
    kv_heads: int = 2,
    head_dim: int = 16,
    context: int = 96,
    hidden: int = 64,
    assets: dict[str, bytes] | None = None,
    network: type[Decoder] = Decoder,
) -> DecoderPlan:
    """A decoder of two layers of width 32 whose weights all do something."""
    found = bpe() if assets is None else assets
    tokenizer = json.loads(found["tokenizer/tokenizer.json"])
    size = len(set(tokenizer["model"]["vocab"]) | {t["content"] for t in tokenizer["added_tokens"]})
    end = next((t["id"] for t in tokenizer["added_tokens"] if t["content"] == END), None)
    shape = DecoderShape(
        vocab_size=size,
        context=context,
        width=32,
        depth=2,
        heads=4,
        kv_heads=kv_heads,
        head_dim=head_dim,
        hidden=hidden,
        qk_norm=qk_norm,
        tied=tied,
    )
    module = network(shape).eval().requires_grad_(False)
    stir(module)
    return DecoderPlan(module, **vars(shape), end=end, assets=found)


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """As if these packages were not installed."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in packages else find_spec(name)
    )


@torch.no_grad()
def stir(module: nn.Module) -> None:
    """Give every weight something to do; some begin at zero."""
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        if parameter.ndim == 1:
            parameter.uniform_(0.5, 1.5, generator=generator)
        else:
            parameter.normal_(std=0.2, generator=generator)
