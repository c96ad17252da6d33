"""Several processes that train one model: their ranks and their collective operations.

torchrun or the command line starts them and sets ``RANK``, ``WORLD_SIZE`` and the rest. Rank 0
decides, writes files and prints; the other ranks follow its commands, each on its own share of
every batch.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, distributed

from genctl.engine.parallel.channels import Channel, Reduction, TorchChannel
from genctl.engine.parallel.collectives import gather
from genctl.engine.parallel.commands import COMMAND_BYTES, Command, CommandKind
from genctl.engine.parallel.rendezvous import init_process_group
from genctl.engine.parallel.shared_memory import LostRankError, SharedMemory
from genctl.errors import ExitStatus, GenctlError

TIMEOUT = datetime.timedelta(minutes=30)
"""How long a rank waits for the others, e.g. while rank 0 scores a checkpoint."""

_LOST = (
    "connection closed by peer",
    "connection reset by peer",
    "connection refused",
    "broken pipe",
    "socket closed",
    "timed out waiting",
    "application timeout caused pair closure",
)
"""Messages of gloo's plain `RuntimeError` when another rank has ended or hangs."""

T = TypeVar("T")


class WorkerExit(SystemExit):
    """Ends a rank other than 0; rank 0 reports why."""


class ProcessGroup:
    """The processes of a training; only this process unless it is one of several.

    Commands and JSON are sent between CPUs, sums between the devices that hold them.

    Args:
        channel: how the ranks exchange tensors; by ``torch.distributed`` when None.

    Attributes:
        rank: the rank of this process, from 0.
        size: the number of processes.
        local_rank: the rank of this process on its machine.
        channel: the given channel.
        joined: whether this process has ever joined a group of ``torch.distributed``.
    """

    joined: ClassVar[bool] = False

    def __init__(
        self,
        rank: int = 0,
        size: int = 1,
        local_rank: int = 0,
        channel: Channel | None = None,
    ) -> None:
        self.rank = rank
        self.size = size
        self.local_rank = local_rank
        self.channel = channel or TorchChannel()

    @classmethod
    def join(cls, device: str | None, memory: SharedMemory | None = None) -> ProcessGroup:
        """Join the process group that the environment describes; waits for all of its ranks.

        Args:
            device: where training runs, as the user named it; the best available one when None.
            memory: what the ranks share, if they train on the CPU of one machine.

        Raises:
            GenctlError: there is no GPU left for this process, or a rank does not answer.
        """
        world = cls.from_env()
        if world.size == 1:
            return world
        if memory is not None:
            world.channel = memory
            return world
        with_gpus = torch.cuda.is_available()
        if with_gpus and not (device or "").startswith("cpu"):
            _refuse_without_gpu(world.local_rank, torch.cuda.device_count())
            torch.cuda.set_device(world.local_rank)
        world.join_torch("cpu:gloo,cuda:nccl" if with_gpus else "gloo")
        return world

    def join_torch(self, backends: str = "gloo") -> None:
        """Join the group of ``torch.distributed``, unless this rank has joined it."""
        if not distributed.is_initialized():
            with self.detecting_lost_ranks():
                init_process_group(backends, self.rank, self.size, TIMEOUT)
            ProcessGroup.joined = True

    @classmethod
    def from_env(cls) -> ProcessGroup:
        """The rank and size from the environment variables, without joining a group."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        rank, size, local_rank = (int(os.environ.get(name, "0")) for name in names)
        return cls(rank, size, local_rank) if size > 1 and "RANK" in os.environ else cls()

    def destroy(self) -> None:
        """Leave the process group."""
        if self.size > 1 and distributed.is_initialized():
            distributed.destroy_process_group()

    @property
    def is_main(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    @property
    def shares_memory(self) -> bool:
        """Whether the ranks share the memory and the cores of one machine."""
        return isinstance(self.channel, SharedMemory)

    def broadcast_from_rank0(self, work: Callable[[], T]) -> T:
        """Run ``work`` on rank 0, and return its result on every rank.

        Args:
            work: returns plain JSON; only rank 0 calls it.

        Raises:
            GenctlError: ``work`` raised it.
        """
        found: T = self._results(work if self.is_main else None)[0]
        return found

    def run_on_all_ranks(self, work: Callable[[], T]) -> T:
        """Run ``work`` on every rank, and return this rank's result once all have succeeded.

        Raises:
            GenctlError: ``work`` raised it on some rank; rank 0 names that rank.
        """
        found: list[T] = []
        self._results(lambda: found.append(work()))
        return found[0]

    def rank0_first(self, work: Callable[[], T]) -> T:
        """`run_on_all_ranks`, but rank 0 first, so that the others find files that it writes."""
        found: list[T] = []
        for turn in (self.is_main, not self.is_main):
            self._results((lambda: found.append(work())) if turn else None)
        return found[0]

    def barrier(self) -> None:
        """Wait until every rank has called this."""
        if self.size > 1:
            with self.detecting_lost_ranks():
                self.channel.all_reduce(torch.zeros(1))

    def on_any_rank(self, value: bool) -> bool:
        """Whether ``value`` is true on some rank; every rank calls this."""
        if self.size == 1:
            return value
        found = torch.tensor(int(value))
        with self.detecting_lost_ranks():
            self.channel.all_reduce(found, Reduction.MAX)
        return bool(found)

    def send_command(self, command: Command) -> None:
        """Send a command from rank 0 to the other ranks; does nothing on other ranks."""
        if self.size > 1 and self.is_main:
            with self.detecting_lost_ranks():
                self.channel.broadcast(_as_tensor(command.to_bytes()))

    def receive_command(self) -> Command:
        """Wait for the next command of rank 0."""
        received = torch.zeros(COMMAND_BYTES, dtype=torch.uint8)
        with self.detecting_lost_ranks():
            self.channel.broadcast(received)
        return Command.from_bytes(received.numpy().tobytes())

    def end_workers(self) -> None:
        """End the other ranks that still run."""
        with contextlib.suppress(GenctlError):
            self.send_command(Command(CommandKind.END))

    def all_reduce_sum(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all ranks, in float32 and in one message."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.float().flatten() for tensor in tensors])
        with self.detecting_lost_ranks():
            self.channel.all_reduce(flat)
        parts = flat.split([tensor.numel() for tensor in tensors])
        summed = [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]
        torch._foreach_copy_(list(tensors), summed)

    def all_gather_rows(self, x: Tensor) -> list[Tensor]:
        """``x`` of every rank, in the order of ranks, on its device.

        Args:
            x: (N, ...); only N may differ between ranks.
        """
        if self.size == 1:
            return [x]
        lengths = self.all_gather_json(len(x))
        padded = x.new_zeros((max(lengths), *x.shape[1:]))
        padded[: len(x)] = x
        with self.detecting_lost_ranks():
            rows = self.channel.all_gather(padded)
        return [row[:length] for row, length in zip(rows, lengths, strict=True)]

    def all_gather_json(self, value: T) -> list[T]:
        """``value`` of every rank, plain JSON, in the order of ranks."""
        return self._results(lambda: value)

    def gather(self, x: Tensor) -> Tensor:
        """The rows of ``x`` of every rank, in the order of ranks; differentiable."""
        return x if self.size == 1 else gather(x, self.rank, self.channel)

    @contextlib.contextmanager
    def detecting_lost_ranks(self) -> Iterator[None]:
        """Around collective operations: report a rank that has ended or hangs.

        Raises:
            GenctlError: (FAILURE) on rank 0, a rank is lost.
            WorkerExit: on the others.
        """
        try:
            yield
        except RuntimeError as error:
            if not is_lost_rank(error):
                raise
            if not self.is_main:
                raise WorkerExit(int(ExitStatus.FAILURE)) from error
            raise GenctlError(
                ExitStatus.FAILURE,
                f"a process of this training no longer answers: {str(error).splitlines()[0]}",
                hint="its own output may name the cause; run the same command again to continue",
            ) from None

    def _results(self, work: Callable[[], object] | None) -> list[Any]:
        """The results of ``work`` on all ranks, in order; None from ranks without work."""
        if self.size == 1:
            return [work()] if work else []
        own: dict[str, Any] = {}
        try:
            if work is not None:
                own["value"] = work()
        except GenctlError as error:
            own["error"] = error.pack()
        results = self._exchange(own)
        for rank, result in enumerate(results):
            if "error" in result:
                raise self._shared_error(rank, result["error"])
        return [result.get("value") for result in results]

    def _exchange(self, own: dict[str, Any]) -> list[dict[str, Any]]:
        """``own`` of every rank, in the order of ranks, sent as JSON padded to the longest."""
        text = json.dumps(own).encode()
        longest = torch.tensor(len(text))
        with self.detecting_lost_ranks():
            self.channel.all_reduce(longest, Reduction.MAX)
            rows = self.channel.all_gather(_as_tensor(text.ljust(int(longest))))
        return [json.loads(row.numpy().tobytes()) for row in rows]

    def _shared_error(self, rank: int, packed: dict[str, Any]) -> BaseException:
        """The error of ``rank``, to be raised on this rank."""
        if not self.is_main:
            return WorkerExit(packed["code"])
        return GenctlError.unpack(packed, where=f"process {rank}: " if rank else "")


def is_lost_rank(error: RuntimeError) -> bool:
    """Whether ``error`` means that another rank has ended or hangs, rather than a bug here.

    NCCL and the store raise their own class, gloo raises a plain `RuntimeError`.
    """
    if isinstance(error, LostRankError | distributed.DistError):
        return True
    message = str(error).lower()
    return type(error) is RuntimeError and any(words in message for words in _LOST)


def _as_tensor(data: bytes) -> Tensor:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8)


def _refuse_without_gpu(local_rank: int, gpus: int) -> None:
    if local_rank >= gpus:
        raise GenctlError(
            ExitStatus.USAGE,
            f"process {local_rank} of this machine has no GPU of its own: the machine has {gpus}",
            hint=f"torchrun --nproc-per-node {gpus} starts one process per GPU",
            option="device",
            suggest="cpu",
        )
