"""Text from a trained model, as it is written or when it is whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from genctl.config import request_from
from genctl.contracts import DataSpec, TextGenerator
from genctl.data.text.tokenizer import Tokenizer
from genctl.decoding.generate import TextChunk, write
from genctl.decoding.request import TextRequest
from genctl.engine.sampling.loaded import LoadedModel
from genctl.engine.sampling.noise import KeyedNoise
from genctl.errors import ExitStatus, GenctlError
from genctl.outputs.text.samples import TextSample


def pieces(
    model: LoadedModel,
    prompts: Sequence[str],
    n: int,
    *,
    seed: int,
    batch_size: int,
    options: Mapping[str, Any],
) -> Iterator[TextChunk]:
    """Samples 0 to n - 1 as pieces of text, ``row`` being the number of the sample.

    Sample k goes on with ``prompts[k % len(prompts)]``; what it writes depends on the seed, k and
    its prompt alone.

    Raises:
        GenctlError: a model that writes no text, a prompt it cannot read, or a bad option.
    """
    if model.spec.output != "text":
        raise GenctlError(
            ExitStatus.USAGE,
            f"{model.origin} makes {model.spec.output or 'nothing'}, so it takes no prompt",
            hint="leave --prompt out",
        )
    request = request_from(model.spec, options, model.config.sample)
    writer: TextGenerator = model.spec.load("sampler")(
        model.config, model.data, model.trained.modules, model.parents
    )
    tokenizer = Tokenizer.from_files(model.trained.assets)
    rows = [tokens_of(prompt, tokenizer, model.data) for prompt in prompts]
    return _chunks(writer, tokenizer, rows, request, n, seed, batch_size, model.device)


def collect(found: Iterator[TextChunk], prompts: Sequence[str], n: int) -> list[TextSample]:
    """All pieces of each sample put together."""
    texts, tokens, ends = [""] * n, [0] * n, [""] * n
    for piece in found:
        texts[piece.row] += piece.text
        tokens[piece.row] += len(piece.tokens)
        ends[piece.row] = piece.finished
    return [TextSample(prompts[k % len(prompts)], texts[k], tokens[k], ends[k]) for k in range(n)]


def _chunks(
    writer: TextGenerator,
    tokenizer: Tokenizer,
    rows: Sequence[Sequence[int]],
    request: TextRequest,
    n: int,
    seed: int,
    batch_size: int,
    device: torch.device,
) -> Iterator[TextChunk]:
    for start in range(0, n, batch_size):
        indices = range(start, min(start + batch_size, n))
        noise = KeyedNoise(("sample", seed), indices, device=device)
        chosen = [rows[k % len(rows)] for k in indices]
        for piece in write(writer.predictor, chosen, request, noise, tokenizer, start=writer.start):
            yield TextChunk(start + piece.row, piece.text, piece.tokens, piece.finished)


def tokens_of(prompt: str, tokenizer: Tokenizer, data: DataSpec) -> list[int]:
    """A prompt as tokens.

    An empty one stays empty, and writing begins as a document does; but a model of one single
    document has never seen the end of one, so there it begins as a line does.

    Raises:
        GenctlError: (USAGE) it is longer than the context, or has a character that the model does
            not know.
    """
    line_break = b"\n"
    if not prompt and data.statistics.get("documents") == 1 and line_break in tokenizer.bytes_of:
        return [tokenizer.bytes_of.index(line_break)]
    tokens = tokenizer.encode(prompt)
    (context,) = data.shape
    if len(tokens) > context:
        shown = prompt[:20].replace("\n", " ")
        raise GenctlError(
            ExitStatus.USAGE,
            f"the prompt {shown!r}... has {len(tokens)} tokens, more than the context of {context}",
            hint=f"leave its beginning out: the model sees the last {context} tokens at most",
        )
    return tokens
