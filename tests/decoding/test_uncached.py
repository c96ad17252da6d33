from __future__ import annotations

import torch
from torch import Tensor, nn

from genctl.contracts import TokenPredictor
from genctl.decoding.uncached import UncachedPredictor


class Causal(nn.Module):
    """The logits at a place are a function of all tokens up to it."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(7, 5, generator=torch.Generator().manual_seed(0)))
        self.widths: list[int] = []

    def forward(self, tokens: Tensor) -> Tensor:
        self.widths.append(tokens.shape[1])
        return (self.weights[tokens] * (tokens[..., None] + 1)).cumsum(1).tanh().bfloat16()


def test_each_row_is_read_to_its_own_end() -> None:
    module, rows = Causal(), [[1, 2, 3], [4], [5, 6, 0, 2]]
    reader: TokenPredictor = UncachedPredictor(module, 7)
    with torch.inference_mode():
        found = [reader.begin(rows)]
        for tokens in ([1, 2, 3], [4, 5, 6], [0, 1, 0]):
            rows = [[*row, token] for row, token in zip(rows, tokens, strict=True)]
            found.append(reader.advance(torch.tensor(tokens)))
            expected = torch.stack([module(torch.tensor([row]))[0, -1] for row in rows])
            assert torch.equal(found[-1], expected.float())
    assert {logits.dtype for logits in found} == {torch.float32}
    assert max(module.widths) == 7
    with torch.inference_mode():
        again = reader.begin([[1]])
        assert torch.equal(again, module(torch.tensor([[1]]))[:, -1].float())


def test_no_more_is_read_than_the_longest_row_holds() -> None:
    module = Causal()
    reader = UncachedPredictor(module, 100)
    reader.begin([[1, 2], [3]])
    reader.advance(torch.tensor([1, 2]))
    assert module.widths == [2, 3]
