from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from genctl.engine.sampling.noise import KeyedNoise


def draws(noise: KeyedNoise) -> list[torch.Tensor]:
    return [noise.normal("z", 3), noise.uniform("u", 2, 2), noise.integers("i", 10)]


@given(st.integers(0, 2**63 - 1), st.integers(1, 12), st.integers(0, 40))
def test_rows_do_not_depend_on_the_chunk_they_are_drawn_in(seed: int, n: int, first: int) -> None:
    whole = draws(KeyedNoise((seed,), range(first, first + n)))
    single = [draws(KeyedNoise((seed,), [k])) for k in range(first, first + n)]
    for kind, tensor in enumerate(whole):
        assert torch.equal(tensor, torch.cat([one[kind] for one in single]))


@given(st.integers(1, 16), st.integers(0, 40), st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_blocks_may_be_cut_anywhere(block: int, first: int, sizes: list[int]) -> None:
    whole = KeyedNoise((0,), range(first, first + sum(sizes)), block=block).normal("z", 5)
    parts, start = [], first
    for size in sizes:
        parts.append(KeyedNoise((0,), range(start, start + size), block=block).normal("z", 5))
        start += size
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
