"""Training tokens a second on one architecture and batch: genctl, transformers, x-transformers.

All train the same shape in float32 with fused AdamW: a plain loop around the peers, the engine
(its noise, checks, schedules and logs included) around ours. Contenders take turns; the ratio is
that of each round, and its median is shown.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genctl import config, registry
from genctl.api.models.loading import build_objective
from genctl.contracts import Batch
from genctl.engine.training.settings import RunSettings
from genctl.engine.training.trainer import Trainer

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.specs import token_spec

SECONDS = 4.0
VOCABULARY, CONTEXT = 512, 256


@dataclass(frozen=True)
class Size:
    """One architecture: heads are 64 wide."""

    width: int
    depth: int
    hidden: int
    batch: int

    @property
    def heads(self) -> int:
        return self.width // 64


SIZES = (Size(128, 4, 352, 8), Size(384, 6, 1024, 4))


class Windows:
    """Random tokens as a data set of the engine."""

    assets: Mapping[str, bytes] = {}

    def __init__(self) -> None:
        self.spec = token_spec("random", "random", CONTEXT, 4096, vocab_size=VOCABULARY)
        self._tokens = torch.randint(VOCABULARY, (4096, CONTEXT + 1))

    def stream(
        self, position: int, batch_size: int, *, seed: int, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        """Windows in order."""
        while True:
            rows = torch.arange(position, position + batch_size) % len(self._tokens)
            yield Batch({"tokens": self._tokens[rows]}, range(position, position + batch_size))
            position += batch_size

    def held_out(self) -> None:
        """Nothing is held out."""


def run(threads: int, rounds: int) -> str:
    """The table as Markdown."""
    torch.set_num_threads(threads)
    lines = ["| | tokens/s | genctl / it |", "|---|---:|---:|"]
    for size in SIZES:
        for compiled in (False, True):
            how = "compiled" if compiled else "eager"
            lines += _compare(size, compiled, rounds, f"{size.width} wide, {how}")
    return "\n".join(lines)


def _compare(size: Size, compiled: bool, rounds: int, title: str) -> list[str]:
    steps = {
        "genctl": _genctl(size, compiled),
        "transformers": _plain_loop(_llama(size), compiled),
        "x-transformers": _plain_loop(_x_transformers(size), compiled),
    }
    for step in steps.values():
        for _ in range(5):
            step(size.batch)
    rates: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            rates[name].append(_rate(step, size.batch))
    lines = []
    for name, found in rates.items():
        ratios = [own / other for own, other in zip(rates["genctl"], found, strict=True)]
        rate = statistics.median(found)
        lines.append(f"| {title}: {name} | {rate:,.0f} | {statistics.median(ratios):.2f} |")
    return lines


def _rate(step: Callable[[int], None], batch: int) -> float:
    begun, tokens = time.perf_counter(), 0
    while (taken := time.perf_counter() - begun) < SECONDS:
        step(batch)
        tokens += batch * CONTEXT
    return tokens / taken


def _genctl(size: Size, compiled: bool) -> Callable[[int], None]:
    spec = registry.get("lm")
    sets = [
        f"width={size.width}",
        f"depth={size.depth}",
        f"heads={size.heads}",
        f"hidden={size.hidden}",
        f"batch_size={size.batch}",
        "dropout=0",
        "short_context=0",
        "optimizer=adamw",
        "lr=1e-3",
        "qk_norm=false",
        f"compile={str(compiled).lower()}",
    ]
    settings = config.resolve(spec, preset="tiny-cpu", environ={}, sets=sets)
    data = Windows()
    plan = RunSettings(
        seed=0,
        batch_size=size.batch,
        micro_batch=size.batch,
        device="cpu",
        precision="fp32",
        threads=torch.get_num_threads(),
        compile=compiled,
    )
    trainer = Trainer(build_objective(spec, settings, data.spec, {}), data, plan)
    return lambda batch: (trainer.step(0.5), None)[1]


def _plain_loop(network: nn.Module, compiled: bool) -> Callable[[int], None]:
    forward = torch.compile(network) if compiled else network
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    data = Windows().stream(0, 1, seed=0)

    def step(batch: int) -> None:
        tokens = torch.cat([next(data)["tokens"] for _ in range(batch)])
        logits: Tensor = forward(tokens[:, :-1])
        F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


class _Logits(nn.Module):
    """A Hugging Face model that gives its logits alone."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.model(tokens, use_cache=False).logits
        return logits


def _llama(size: Size) -> nn.Module:
    from genctl.compat.torchvision import import_torchvision

    import_torchvision()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from transformers import LlamaConfig, LlamaForCausalLM

    settings = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=size.width,
        intermediate_size=size.hidden,
        num_hidden_layers=size.depth,
        num_attention_heads=size.heads,
        max_position_embeddings=CONTEXT,
        attn_implementation="sdpa",
    )
    return _Logits(LlamaForCausalLM(settings))


def _x_transformers(size: Size) -> nn.Module:
    from x_transformers import Decoder, TransformerWrapper

    network: nn.Module = TransformerWrapper(
        num_tokens=VOCABULARY,
        max_seq_len=CONTEXT,
        use_abs_pos_emb=False,
        attn_layers=Decoder(
            dim=size.width,
            depth=size.depth,
            heads=size.heads,
            attn_dim_head=64,
            use_rmsnorm=True,
            rotary_pos_emb=True,
            ff_swish=True,
            ff_glu=True,
            ff_mult=size.hidden / size.width,
            ff_no_bias=True,
            attn_flash=True,
        ),
    )
    return network
