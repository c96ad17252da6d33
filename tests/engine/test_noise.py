from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genctl.engine.noise import KeyedNoise, block_size


def draws(noise: KeyedNoise) -> list[torch.Tensor]:
    return [noise.normal("z", 3), noise.uniform("u", 2, 2), noise.integers("i", 10)]


@given(st.integers(0, 2**63 - 1), st.integers(1, 12), st.integers(0, 40))
def test_rows_do_not_depend_on_the_chunk_they_are_drawn_in(seed: int, n: int, first: int) -> None:
    whole = draws(KeyedNoise((seed,), range(first, first + n)))
    single = [draws(KeyedNoise((seed,), [k])) for k in range(first, first + n)]
    for kind, tensor in enumerate(whole):
        assert torch.equal(tensor, torch.cat([one[kind] for one in single]))


@given(st.sampled_from([1, 2, 4, 8, 16]), st.integers(0, 5))
def test_blocks_are_cut_anywhere_between_them(block: int, first: int) -> None:
    start = first * block
    whole = KeyedNoise((0,), range(start, start + 3 * block), block=block).normal("z", 5)
    parts = [
        KeyedNoise((0,), range(s, s + block), block=block).normal("z", 5)
        for s in range(start, start + 3 * block, block)
    ]
    assert torch.equal(whole, torch.cat(parts))


def test_key_stream_and_index_all_matter() -> None:
    base = KeyedNoise((0, 0), [0]).normal("z", 4)
    others = [
        KeyedNoise((1, 0), [0]).normal("z", 4),
        KeyedNoise((0, 1), [0]).normal("z", 4),
        KeyedNoise((0, 0), [0]).normal("y", 4),
        KeyedNoise((0, 0), [1]).normal("z", 4),
    ]
    assert not any(torch.equal(base, other) for other in others)


def test_what_is_drawn_is_distributed_as_promised() -> None:
    noise = KeyedNoise((7,), range(4096), block=16)
    normal, uniform = noise.normal("n", 8), noise.uniform("u", 8)
    assert abs(normal.mean()) < 0.02
    assert abs(normal.std() - 1) < 0.02
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.01
    assert noise.integers("i", 5).unique().tolist() == [0, 1, 2, 3, 4]
    neighbours = torch.corrcoef(torch.stack([normal[:-1].flatten(), normal[1:].flatten()]))[0, 1]
    assert abs(neighbours) < 0.02


def test_a_part_of_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="not blocks of 4"):
        KeyedNoise((0,), range(6), block=4)
    with pytest.raises(ValueError, match="not blocks of 4"):
        KeyedNoise((0,), range(2, 6), block=4)


@given(st.integers(1, 300), st.integers(1, 300))
def test_block_divides_batches_and_micro_batches(batch: int, micro: int) -> None:
    block = block_size(batch, micro)
    assert batch % block == 0
    assert micro % block == 0
    assert block in {1, 2, 4, 8, 16}
