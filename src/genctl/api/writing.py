"""Text from a trained model, as it is written or when it is whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from genctl.config import request_from
from genctl.contracts import Writer
from genctl.data.tokenizer import Tokenizer
from genctl.data.written import Written
from genctl.decoding.generate import Piece, write
from genctl.engine.noise import KeyedNoise
from genctl.errors import ExitStatus, GenctlError

if TYPE_CHECKING:
    from genctl.api.model import Model


def pieces(
    model: Model,
    prompts: Sequence[str],
    n: int,
    *,
    seed: int,
    batch_size: int,
    options: Mapping[str, str],
) -> Iterator[Piece]:
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
    request = request_from(model.spec, options)
    writer: Writer = model.spec.load("sampler")(
        model.config, model.data, model.trained.modules, model.parents
    )
    tokenizer = Tokenizer.from_files(model.trained.artefacts)
    rows = [_read(prompt, tokenizer, writer.reader.context) for prompt in prompts]
    return _chunks(writer, tokenizer, rows, request, n, seed, batch_size, model.device)


def collect(found: Iterator[Piece], prompts: Sequence[str], n: int) -> list[Written]:
    """All pieces of each sample put together."""
    texts, tokens, ends = [""] * n, [0] * n, [""] * n
    for piece in found:
        texts[piece.row] += piece.text
        tokens[piece.row] += len(piece.tokens)
        ends[piece.row] = piece.finished
    return [Written(prompts[k % len(prompts)], texts[k], tokens[k], ends[k]) for k in range(n)]


def _chunks(
    writer: Writer,
    tokenizer: Tokenizer,
    rows: Sequence[Sequence[int]],
    request: object,
    n: int,
    seed: int,
    batch_size: int,
    device: object,
) -> Iterator[Piece]:
    for start in range(0, n, batch_size):
        indices = range(start, min(start + batch_size, n))
        noise = KeyedNoise(("sample", seed), indices, device=device)  # type: ignore[arg-type]
        chosen = [rows[k % len(rows)] for k in indices]
        for piece in write(writer.reader, chosen, request, noise, tokenizer):  # type: ignore[arg-type]
            yield Piece(start + piece.row, piece.text, piece.tokens, piece.finished)


def _read(prompt: str, tokenizer: Tokenizer, context: int) -> list[int]:
    tokens = tokenizer.encode(prompt)
    if len(tokens) > context:
        shown = prompt[:20].replace("\n", " ")
        raise GenctlError(
            ExitStatus.USAGE,
            f"the prompt {shown!r}... has {len(tokens)} tokens, more than the context of {context}",
            hint=f"leave its beginning out: the model sees the last {context} tokens at most",
        )
    return tokens
