"""The ranks of one start find each other in a store that earlier starts have used."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from torch import distributed

from genctl.engine.parallel.rendezvous import own_part

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

SIZE = 3


def store_with(seconds: float = 20) -> Store:
    kinds: Any = distributed
    store: Store = kinds.HashStore()
    store.set_timeout(datetime.timedelta(seconds=seconds))
    return store


def start(store: Store, order: tuple[int, ...]) -> list[str | None]:
    """What ranks that arrive in ``order`` read where nothing may be before rank 0 writes."""
    found: list[str | None] = [None] * SIZE

    def work(rank: int) -> None:
        part = own_part(store, rank, SIZE)
        assert not part.check(["address"]), "an address of an earlier start"
        if rank == 0:
            part.wait([f"looked/{other}" for other in range(1, SIZE)])
            part.set("address", "here")
        else:
            part.set(f"looked/{rank}", "")
        found[rank] = part.get("address").decode()

    with ThreadPoolExecutor(SIZE) as pool:
        for ended in [pool.submit(work, rank) for rank in order]:
            ended.result()
    return found


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_each_start_has_keys_of_its_own(order: tuple[int, ...]) -> None:
    store = store_with()
    for _ in range(4):
        assert start(store, order) == ["here"] * SIZE


def test_ranks_that_were_killed_while_they_waited_do_no_harm() -> None:
    store = store_with(0.05)
    for rank in (1, 2, 0, 0, 2):
        with pytest.raises(distributed.DistStoreError):
            own_part(store, rank, SIZE)
    store.set_timeout(datetime.timedelta(seconds=20))
    assert start(store, (2, 0, 1)) == ["here"] * SIZE
