"""How the ranks of one start find each other.

torchrun's agent holds a store for this, and keeps it when it restarts killed processes. The
addresses of the dead ones are still in it, and `torch.distributed` reads them as those of the new
ones. So the ranks of each start use keys of their own.
"""

from __future__ import annotations

import datetime
import os
import time
import uuid
from typing import TYPE_CHECKING, Any

from torch import distributed

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

_STORES: Any = distributed
"""For the classes of stores, which torch's types do not export."""

_POLL = 0.01
"""Seconds until rank 0 looks again for a newer token of a rank."""


def init_process_group(backends: str, rank: int, size: int, timeout: datetime.timedelta) -> None:
    """`distributed.init_process_group`, right after a restart by torchrun too.

    Args:
        backends: such as ``gloo``.
        rank: of this process, from 0.
        size: the number of processes.
        timeout: how long a rank waits for the others, here and in later operations.

    Raises:
        distributed.DistError: the agent or another rank does not answer in time.
    """
    store = None  # rank 0 holds one
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == str(True):
        address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        store = own_part(
            _STORES.TCPStore(*address, size, is_master=False, timeout=timeout), rank, size
        )
    distributed.init_process_group(
        backends, store=store, rank=rank, world_size=size, timeout=timeout
    )


def own_part(store: Store, rank: int, size: int) -> Store:
    """The part of ``store`` under a name that rank 0 chose for this start.

    A name that an earlier start left there looks the same, and the number of restarts differs
    between machines. So each rank asks with a token of its own, and rank 0 answers each token. The
    agents end all processes of one start before the next, so tokens of earlier starts do no harm.

    Raises:
        distributed.DistStoreError: another rank does not answer within the timeout of ``store``.
    """
    store = _part(store, "genctl")
    own = uuid.uuid4().hex
    if rank == 0:
        for other in range(1, size):
            _answer(store, other, own)
        return _part(store, own)
    store.set(f"token/{rank}", own)
    name = store.get(f"answer/{own}").decode()
    store.set(f"{name}/joined/{rank}", "")
    return _part(store, name)


def _part(store: Store, name: str) -> Store:
    part: Store = _STORES.PrefixStore(name, store)
    return part


def _answer(store: Store, other: int, name: str) -> None:
    """Tell ``name`` to a rank, until that rank says that it has read it."""
    limited: Any = store  # torch's types lack the timeout
    end = time.monotonic() + limited.timeout.total_seconds()
    while not store.check([f"{name}/joined/{other}"]):
        if time.monotonic() > end:
            raise distributed.DistStoreError(f"rank {other} does not answer")
        store.set(f"answer/{store.get(f'token/{other}').decode()}", name)
        time.sleep(_POLL)
