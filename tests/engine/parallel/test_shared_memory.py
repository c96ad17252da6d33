"""Ranks that exchange tensors through memory get what torch's own operations would give them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genctl.engine.parallel import shared_memory
from genctl.engine.parallel.channels import Reduction
from genctl.engine.parallel.collectives import gather
from genctl.engine.parallel.shared_memory import LostRankError, SharedMemory
from tests.kills import needs_fork
from tests.processes import in_processes

pytestmark = needs_fork


def of_rank(rank: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    random = torch.Generator().manual_seed(rank)
    return torch.randint(-9, 9, shape, generator=random).to(dtype)


SHAPES = [(), (1,), (0, 3), (5, 7), (3, 1000)]  # the last takes several chunks below
DTYPES = [torch.float32, torch.float64, torch.int64, torch.bfloat16]


@pytest.mark.parametrize("size", [2, 3])
def test_all_operations(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_memory, "CHUNK", 4096)
    memory = SharedMemory(size, timeout=20)

    def work(rank: int) -> None:
        memory.join(rank)
        for shape in SHAPES:
            for dtype in DTYPES:
                all_ = [of_rank(r, shape, dtype) for r in range(size)]
                own = all_[rank].clone()
                for found, expected in zip(memory.all_gather(own), all_, strict=True):
                    assert torch.equal(found, expected)
                memory.all_reduce(own)
                assert torch.equal(own, sum(all_[1:], all_[0]))
                largest = all_[rank].clone()
                memory.all_reduce(largest, Reduction.MAX)
                assert torch.equal(largest, torch.stack(all_).amax(0))
                of_first = all_[rank].clone()
                memory.broadcast(of_first)
                assert torch.equal(of_first, all_[0])

    assert in_processes(work, size) == [0] * size


def test_a_view_that_is_not_contiguous_is_summed_in_place() -> None:
    memory = SharedMemory(2, timeout=20)

    def work(rank: int) -> None:
        memory.join(rank)
        whole = torch.full((4, 6), float(rank + 1))
        memory.all_reduce(whole[:, ::2])
        assert torch.equal(whole[:, ::2], torch.full((4, 3), 3.0))
        assert torch.equal(whole[:, 1::2], torch.full((4, 3), float(rank + 1)))

    assert in_processes(work) == [0, 0]


def test_a_gradient_goes_back_to_the_rank_that_gave_the_rows() -> None:
    memory = SharedMemory(2, timeout=20)

    def work(rank: int) -> None:
        memory.join(rank)
        x = torch.full((2, 3), float(rank), requires_grad=True)
        rows = gather(x, rank, memory)
        assert rows[:, 0].tolist() == [0, 0, 1, 1]
        (rows * torch.arange(1.0, 5)[:, None]).sum().backward()
        assert x.grad is not None
        assert x.grad[:, 0].tolist() == [2 * (2 * rank + 1), 2 * (2 * rank + 2)]

    assert in_processes(work) == [0, 0]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_rank_that_ends_is_noticed(lost: int) -> None:
    memory = SharedMemory(3, timeout=0.5)

    def work(rank: int) -> None:
        memory.join(rank)
        if rank == lost:
            raise SystemExit(7)
        with pytest.raises(LostRankError):
            memory.all_reduce(torch.zeros(1))

    assert in_processes(work, 3) == [7 if rank == lost else 0 for rank in range(3)]
