"""The exchange between processes that were forked from one: through memory that they share.

A tensor goes through two copies and one wait, without the threads and sockets of gloo, which
compete with the training for the cores. The memory is anonymous: it needs no room in ``/dev/shm``.
"""

from __future__ import annotations

import mmap
import socket
from collections.abc import Iterator

import torch
from torch import Tensor

from genctl.engine.parallel.channels import Reduction

CHUNK = 1 << 22
"""Bytes of a tensor that each rank shares at a time."""

_SIGN = b"."


class LostRankError(RuntimeError):
    """Another rank has ended, or does not answer in time."""


class SharedMemory:
    """Shared memory for a number of ranks, made before they are forked.

    Every rank calls `join` after the fork. The tensors are on the CPU.

    Args:
        size: the number of ranks.
        timeout: the seconds that a rank waits for the others.
    """

    def __init__(self, size: int, timeout: float) -> None:
        self._size = size
        # Two halves in turn: a rank still reads one while another already fills the next.
        memory = torch.frombuffer(mmap.mmap(-1, 2 * size * CHUNK), dtype=torch.uint8)
        self._halves = memory.view(2, size, CHUNK)
        self._turn = 0
        self._pairs = [socket.socketpair() for _ in range(1, size)]
        self._rank = 0
        self._links: list[socket.socket] = []
        for pair in self._pairs:
            for end in pair:
                end.settimeout(timeout)

    def join(self, rank: int) -> None:
        """Keep this rank's ends of the connections, so that the end of a rank closes its own."""
        self._rank = rank
        for number, (hub, spoke) in enumerate(self._pairs, 1):
            own = hub if rank == 0 else spoke
            if rank in (0, number):
                self._links.append(own)
            for end in {hub, spoke} - set(self._links):
                end.close()
        self._pairs = []

    def all_reduce(self, x: Tensor, reduction: Reduction = Reduction.SUM) -> None:
        """Replace ``x`` by the sum or maximum over all ranks, the same bits on each.

        Raises:
            LostRankError: a rank has ended.
        """
        whole = x.contiguous()
        for part in _chunks(whole):
            first, second, *others = self._shared(part)
            combine = torch.add if reduction is Reduction.SUM else torch.maximum
            combine(first, second, out=part)
            for other in others:
                combine(part, other, out=part)
        if whole is not x:
            x.copy_(whole)

    def all_gather(self, x: Tensor) -> list[Tensor]:
        """``x`` of every rank, in the order of ranks.

        Raises:
            LostRankError: a rank has ended.
        """
        x = x.contiguous()
        found = [torch.empty_like(x) for _ in range(self._size)]
        for part, *targets in zip(_chunks(x), *map(_chunks, found), strict=True):
            for target, values in zip(targets, self._shared(part), strict=True):
                target.copy_(values)
        return found

    def broadcast(self, x: Tensor) -> None:
        """Replace ``x`` by that of rank 0.

        Raises:
            LostRankError: a rank has ended.
        """
        x.copy_(self.all_gather(x)[0])

    def _shared(self, part: Tensor) -> list[Tensor]:
        """``part`` of every rank, in shared memory until the exchange after the next."""
        half = self._halves[self._turn]
        self._turn = 1 - self._turn
        slots = [slot[: part.nbytes].view(part.dtype) for slot in half]
        slots[self._rank].copy_(part)
        self._wait()
        return slots

    def _wait(self) -> None:
        """Wait until every rank has called this: rank 0 collects a sign of each, and answers."""
        try:
            if self._rank:
                self._links[0].sendall(_SIGN)
                self._receive(self._links[0])
            else:
                for link in self._links:
                    self._receive(link)
                for link in self._links:
                    link.sendall(_SIGN)
        except OSError as error:
            raise LostRankError(f"its connection is closed ({error})") from error

    def _receive(self, link: socket.socket) -> None:
        if not link.recv(len(_SIGN)):
            raise LostRankError("its connection is closed")


def _chunks(x: Tensor) -> Iterator[Tensor]:
    """Views of contiguous ``x``, flat and of at most `CHUNK` bytes; one even if it is empty."""
    return iter(x.view(-1).split(CHUNK // x.element_size()))
