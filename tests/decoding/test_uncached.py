from __future__ import annotations

import torch
from torch import Tensor, nn

from genctl.decoding.uncached import UncachedPredictor


class Causal(nn.Module):
    """The logits at a position are a function of all tokens up to it."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(7, 5, generator=torch.Generator().manual_seed(0)))
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, tokens: Tensor) -> Tensor:
        self.shapes.append(tuple(tokens.shape))
        return (self.weights[tokens] * (tokens[..., None] + 1)).cumsum(1).tanh().bfloat16()


def test_slots_of_unequal_length_are_computed_in_one_call() -> None:
    module = Causal()
    predictor = UncachedPredictor(module, 7, 5)
    one, two = predictor.open([1, 2, 3]), predictor.open()
    found = predictor.read([(two, [4, 0]), (one, [2])])
    assert module.shapes == [(2, 4)]
    with torch.inference_mode():
        assert torch.equal(found[0], module(torch.tensor([[4, 0]]))[0].float())
        assert torch.equal(found[1], module(torch.tensor([[1, 2, 3, 2]]))[0, 3:].float())
    predictor.close(one)
    predictor.read([(two, [1])])
    assert module.shapes[-1] == (1, 3)
