"""Writing 512 tokens: genctl's decoding against ``generate`` on the exported model.

``tiny-cpu``'s shape with a context of 1,024, untrained but for its seed, greedy, float32; one
sequence and 16 ragged prompts; Hugging Face's with its dynamic cache and its static one (compiled,
it takes minutes before its first token here). The tokens must be the same. Contenders take turns;
medians of the rounds.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from genctl.families.lm.network import Decoder, DecoderShape
from genctl.families.lm.predictor import KVCachePredictor

TOKENS = 512
SHAPE = DecoderShape(
    vocab_size=257,
    context=1024,
    width=96,
    depth=4,
    heads=2,
    kv_heads=2,
    head_dim=48,
    hidden=256,
)
Rows = Sequence[Sequence[int]]


def run(threads: int, rounds: int) -> str:
    """The table as Markdown."""
    torch.set_num_threads(threads)
    network = _network()
    lines = ["| | seconds | genctl is faster by | same tokens |", "|---|---:|---:|---|"]
    generator = torch.Generator().manual_seed(1)
    ragged = [torch.randint(256, (4 + 3 * k,), generator=generator).tolist() for k in range(16)]
    for title, rows in (("one sequence", ragged[:1]), ("16 ragged prompts", ragged)):
        lines += _compare(network, rows, rounds, title)
    return "\n".join(lines)


def _compare(network: Decoder, rows: Rows, rounds: int, title: str) -> list[str]:
    contenders = {"genctl": _genctl(network)}
    for cache in ("dynamic", "static"):
        contenders[f"generate, {cache} cache"] = _hugging_face(network, cache)
    written = {name: write(rows) for name, write in contenders.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, write in contenders.items():
            begun = time.perf_counter()
            write(rows)
            seconds[name].append(time.perf_counter() - begun)
    lines = []
    for name, taken in seconds.items():
        ratios = [it / own for own, it in zip(seconds["genctl"], taken, strict=True)]
        same = sum(a == b for a, b in zip(written[name], written["genctl"], strict=True))
        lines.append(
            f"| {title}: {name} | {statistics.median(taken):.2f} | "
            f"{statistics.median(ratios):.2f} | {same} of {len(rows)} |"
        )
    return lines


def _network() -> Decoder:
    torch.manual_seed(0)
    network = Decoder(SHAPE).eval().requires_grad_(False)
    for parameter in network.parameters():
        if parameter.ndim == 2 and not parameter.any():
            parameter.normal_(std=parameter.shape[1] ** -0.5)
    return network


def _genctl(network: Decoder) -> Callable[[Rows], list[list[int]]]:
    from genctl.config import request_from
    from genctl.data.text.tokenizer import Tokenizer
    from genctl.decoding.generate import write
    from genctl.engine.sampling.noise import KeyedNoise
    from genctl.registry import get

    predictor, tokenizer = KVCachePredictor(network), Tokenizer.byte()
    options = {"temperature": "0", "max_new_tokens": str(TOKENS)}
    request = request_from(get("lm"), options)

    def run_once(rows: Rows) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in rows]
        noise = KeyedNoise(("sample", 0), range(len(rows)))
        for piece in write(predictor, rows, request, noise, tokenizer):
            found[piece.row] += piece.tokens
        return found

    return run_once


def _hugging_face(network: Decoder, cache: str) -> Callable[[Rows], list[list[int]]]:
    model = _qwen3(network)

    def run_once(rows: Rows) -> list[list[int]]:
        longest = max(map(len, rows))
        tokens = torch.tensor([[0] * (longest - len(row)) + list(row) for row in rows])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        static = {"cache_implementation": "static"} if cache == "static" else {}
        with torch.inference_mode():
            out = model.generate(
                tokens,
                attention_mask=mask,
                max_new_tokens=TOKENS,
                do_sample=False,
                pad_token_id=0,
                disable_compile=True,
                **static,
            )
        written: list[list[int]] = out[:, longest:].tolist()
        return written

    return run_once


def _qwen3(network: Decoder) -> Any:
    from genctl.compat.torchvision import import_torchvision

    import_torchvision()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from transformers import Qwen3Config, Qwen3ForCausalLM

    settings = Qwen3Config(
        vocab_size=SHAPE.vocab_size,
        hidden_size=SHAPE.width,
        intermediate_size=SHAPE.hidden,
        num_hidden_layers=SHAPE.depth,
        num_attention_heads=SHAPE.heads,
        num_key_value_heads=SHAPE.kv_heads,
        head_dim=SHAPE.head_dim,
        max_position_embeddings=SHAPE.context,
        rms_norm_eps=SHAPE.norm_eps,
        rope_theta=SHAPE.rope_theta,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    model = Qwen3ForCausalLM(settings).eval()
    model.load_state_dict(network.state_dict())
    return model
