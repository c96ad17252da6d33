"""What every export of a decoder needs: its weights, test tokens, and greedy continuations."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genctl.contracts import DecoderPlan
from genctl.export.proof import scaled_error

GREEDY_TOKENS = 64
"""How many greedy tokens another program generates for the comparison."""

_HEAD = "lm_head.weight"
_PROMPT = 4


def weights(plan: DecoderPlan) -> dict[str, Tensor]:
    """The parameters by their Hugging Face names, float32 on the CPU, without a tied head."""
    return {
        name: parameter.detach().float().cpu().contiguous()
        for name, parameter in plan.module.named_parameters()
        if not (plan.tied and name == _HEAD)
    }


def trials(plan: DecoderPlan) -> list[Tensor]:
    """Random tokens in three shapes, (B, T) int64: one token, a few rows, a long row."""
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randint(plan.vocab_size, (rows, min(length, plan.context)), generator=generator)
        for rows, length in ((1, 1), (3, 7), (1, 256))
    ]


def described(tokens: Sequence[Tensor]) -> str:
    """The shapes of `trials` in words."""
    return ", ".join("x".join(map(str, tensor.shape)) for tensor in tokens) + " tokens"


@torch.no_grad()
def logits(module: nn.Module, tokens: Tensor) -> Tensor:
    """The logits of ``module`` after ``tokens``, float32 on the CPU."""
    device = next(module.parameters()).device
    found: Tensor = module(tokens.to(device))
    return found.float().cpu()


def largest_error(expected: nn.Module, got: nn.Module, tokens: Sequence[Tensor]) -> float:
    """The largest `scaled_error` between the logits of two modules."""
    return max(scaled_error(logits(expected, part), logits(got, part)) for part in tokens)


def prompt(plan: DecoderPlan) -> list[int]:
    """A few tokens of a prompt; none of them ends a document."""
    generator = torch.Generator().manual_seed(1)
    drawn = torch.randint(plan.vocab_size, (1000,), generator=generator).tolist()
    return [token for token in drawn if token != plan.end][: max(1, min(_PROMPT, plan.context - 1))]


def steps(plan: DecoderPlan) -> int:
    """The number of tokens that fit after `prompt`, up to `GREEDY_TOKENS`."""
    return max(0, min(GREEDY_TOKENS, plan.context - len(prompt(plan))))


def shortfall(plan: DecoderPlan, module: nn.Module, written: Sequence[int]) -> float:
    """How much less probable than the best another program's tokens after `prompt` are.

    It is zero if each token is the most probable one after the tokens before it (except the end
    token, which is excluded). It is of the order of rounding if two tokens are almost equal.

    Returns:
        The largest difference of logits, on the scale of `scaled_error`.
    """
    if not written:
        return 0.0
    start = prompt(plan)
    after = logits(module, torch.tensor([[*start, *written[:-1]]]))[0, len(start) - 1 :].double()
    scale = after.abs().max().clamp(min=1.0)
    if plan.end is not None:
        after[:, plan.end] = float("-inf")
    best = after.max(dim=-1).values
    chosen = after.gather(1, torch.tensor(written).unsqueeze(1)).squeeze(1)
    return float((best - chosen).max() / scale)
