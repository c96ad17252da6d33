"""Several processes that train one model: their ranks and their collective operations.

torchrun starts them and sets ``RANK``, ``WORLD_SIZE`` and the rest. Rank 0 decides, writes files
and prints; the other ranks follow its commands, each on its own share of every batch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import enum
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, distributed

from genctl.engine.parallel.collectives import gather
from genctl.engine.parallel.rendezvous import init_process_group
from genctl.errors import ExitStatus, GenctlError

TIMEOUT = datetime.timedelta(minutes=30)
"""How long a rank waits for the others, e.g. while rank 0 scores a checkpoint."""

_COMMAND_BYTES = 256
"""The length of a command as JSON; the size is fixed, since one is sent in every step."""

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


class CommandKind(enum.Enum):
    """The commands of rank 0 to the other ranks."""

    STEP = "step"
    RELOAD = "reload"
    COLLECT = "collect"
    END = "end"


@dataclass(frozen=True)
class Command:
    """A command of rank 0 to the other ranks.

    Attributes:
        kind: a training step, loading a checkpoint, collecting sharded tensors, or the end.
        fraction: for a step, the share of the budget that is spent.
        index: for a reload, the step whose checkpoint is loaded.
        attempt: for a reload, how often training was set back.
        rate_scale: for a reload, the factor on the learning rates.
        everything: for a collection, whether to collect weights and optimizer states besides the
            EMA copies.
    """

    kind: CommandKind
    fraction: float = 0.0
    index: int = 0
    attempt: int = 0
    rate_scale: float = 1.0
    everything: bool = False

    def to_bytes(self) -> bytes:
        """JSON of `_COMMAND_BYTES` bytes, which keeps every float exactly."""
        text = json.dumps({**dataclasses.asdict(self), "kind": self.kind.value})
        return text.encode().ljust(_COMMAND_BYTES)

    @classmethod
    def from_bytes(cls, data: bytes) -> Command:
        """The command that `to_bytes` encoded."""
        fields = json.loads(data)
        return cls(**{**fields, "kind": CommandKind(fields["kind"])})


class WorkerExit(SystemExit):
    """Ends a rank other than 0; rank 0 reports why."""


class ProcessGroup:
    """The processes of a training; only this process unless torchrun started it.

    Commands and JSON are sent between CPUs (gloo), sums between the devices that hold them.

    Attributes:
        rank: the rank of this process, from 0.
        size: the number of processes.
        local_rank: the rank of this process on its machine.
        joined: whether this process has ever joined a group of several.
    """

    joined: ClassVar[bool] = False

    def __init__(self, rank: int = 0, size: int = 1, local_rank: int = 0) -> None:
        self.rank = rank
        self.size = size
        self.local_rank = local_rank

    @classmethod
    def join(cls, device: str | None) -> ProcessGroup:
        """Join the process group that the environment describes; waits for all of its ranks.

        Args:
            device: where training runs, as the user named it; the best available one when None.

        Raises:
            GenctlError: there is no GPU left for this process, or a rank does not answer.
        """
        world = cls.from_env()
        if world.size == 1:
            return world
        with_gpus = torch.cuda.is_available()
        if with_gpus and not (device or "").startswith("cpu"):
            _refuse_without_gpu(world.local_rank, torch.cuda.device_count())
            torch.cuda.set_device(world.local_rank)
        backends = "cpu:gloo,cuda:nccl" if with_gpus else "gloo"
        with world.detecting_lost_ranks():
            init_process_group(backends, world.rank, world.size, TIMEOUT)
        ProcessGroup.joined = True
        return world

    @classmethod
    def from_env(cls) -> ProcessGroup:
        """The rank and size from the environment variables, without joining a group."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        rank, size, local_rank = (int(os.environ.get(name, "0")) for name in names)
        return cls(rank, size, local_rank) if size > 1 and "RANK" in os.environ else cls()

    def destroy(self) -> None:
        """Leave the process group."""
        if self.size > 1:
            distributed.destroy_process_group()

    @property
    def is_main(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

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
                distributed.all_reduce(torch.zeros(1))

    def send_command(self, command: Command) -> None:
        """Send a command from rank 0 to the other ranks; does nothing on other ranks."""
        if self.size > 1 and self.is_main:
            with self.detecting_lost_ranks():
                distributed.broadcast(_as_tensor(command.to_bytes()), 0)

    def receive_command(self) -> Command:
        """Wait for the next command of rank 0."""
        received = torch.zeros(_COMMAND_BYTES, dtype=torch.uint8)
        with self.detecting_lost_ranks():
            distributed.broadcast(received, 0)
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
            distributed.all_reduce(flat)
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
        rows = [torch.empty_like(padded) for _ in range(self.size)]
        with self.detecting_lost_ranks():
            distributed.all_gather(rows, padded)
        return [row[:length] for row, length in zip(rows, lengths, strict=True)]

    def all_gather_json(self, value: T) -> list[T]:
        """``value`` of every rank, plain JSON, in the order of ranks."""
        return self._results(lambda: value)

    def gather(self, x: Tensor) -> Tensor:
        """The rows of ``x`` of every rank, in the order of ranks; differentiable."""
        return x if self.size == 1 else gather(x, self.rank, self.size)

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
            distributed.all_reduce(longest, distributed.ReduceOp.MAX)
            padded = _as_tensor(text.ljust(int(longest)))
            rows = [torch.empty_like(padded) for _ in range(self.size)]
            distributed.all_gather(rows, padded)
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
    if isinstance(error, distributed.DistError):
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
