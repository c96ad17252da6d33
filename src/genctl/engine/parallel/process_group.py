"""Several processes as one training: who they are, and what they say to each other.

They are started by torchrun, which sets ``RANK``, ``WORLD_SIZE`` and the rest. Rank 0 decides,
writes and talks; the others do as it does, each on its own share of every batch.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor, distributed

from genctl.engine.parallel.collectives import gather
from genctl.errors import ExitStatus, GenctlError

STEP, RELOAD, END, COLLECT = 0.0, 1.0, 2.0, 3.0
PATIENCE = datetime.timedelta(minutes=30)
"""How long a process waits for the others, e.g. while rank 0 scores a checkpoint."""

T = TypeVar("T")


class Command(NamedTuple):
    """What rank 0 tells the others to do, as numbers.

    Attributes:
        kind: `STEP` (one is the fraction of the budget), `RELOAD` (one is the step whose checkpoint
            to load, two the attempt, three the rate scale), `COLLECT` (put together what is cut:
            everything if one is 1, else averages) or `END`.
    """

    kind: float
    one: float = 0.0
    two: float = 0.0
    three: float = 0.0


class WorkerExit(SystemExit):
    """Ends a process other than rank 0, which says why."""


class ProcessGroup:
    """The processes of a training; alone unless torchrun started them.

    Orders and texts travel between CPUs (gloo), sums between the devices they lie on.

    Attributes:
        rank: of this process, from 0.
        size: how many there are.
        local_rank: of this process on its machine.
        met: whether this process has ever joined others.
    """

    met: ClassVar[bool] = False

    def __init__(self, rank: int = 0, size: int = 1, local_rank: int = 0) -> None:
        self.rank = rank
        self.size = size
        self.local_rank = local_rank

    @classmethod
    def join(cls, device: str | None) -> ProcessGroup:
        """Meet the others; at once when there are none.

        Args:
            device: where training runs, as the user named it; the best there is when None.

        Raises:
            GenctlError: there is no GPU left for this process.
        """
        world = cls.from_env()
        if world.size == 1:
            return world
        with_gpus = torch.cuda.is_available()
        if with_gpus and not (device or "").startswith("cpu"):
            _refuse_without_gpu(world.local_rank, torch.cuda.device_count())
            torch.cuda.set_device(world.local_rank)
        backends = "cpu:gloo,cuda:nccl" if with_gpus else "gloo"
        distributed.init_process_group(
            backends, rank=world.rank, world_size=world.size, timeout=PATIENCE
        )
        ProcessGroup.met = True
        return world

    @classmethod
    def from_env(cls) -> ProcessGroup:
        """What the environment says of this process; nobody has been met."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        rank, size, local_rank = (int(os.environ.get(name, "0")) for name in names)
        return cls(rank, size, local_rank) if size > 1 and "RANK" in os.environ else cls()

    def leave(self) -> None:
        """Part from the others."""
        if self.size > 1:
            distributed.destroy_process_group()

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def broadcast_from_rank0(self, work: Callable[[], T]) -> T:
        """What ``work`` gives on rank 0, for all.

        Args:
            work: gives plain JSON; only rank 0 calls it.

        Raises:
            GenctlError: ``work`` raised it.
        """
        found: T = self._each(work if self.leads else None)[0]
        return found

    def run_on_all_ranks(self, work: Callable[[], T]) -> T:
        """What ``work`` gives here, once it has succeeded everywhere.

        Raises:
            GenctlError: ``work`` raised it somewhere; rank 0 says where.
        """
        found: list[T] = []
        self._each(lambda: found.append(work()))
        return found[0]

    def rank0_first(self, work: Callable[[], T]) -> T:
        """`run_on_all_ranks`, but rank 0 first: the others may find what it has made."""
        found: list[T] = []
        for turn in (self.leads, not self.leads):
            self._each((lambda: found.append(work())) if turn else None)
        return found[0]

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.size > 1:
            with self._listening():
                distributed.all_reduce(torch.zeros(1))

    def order(self, order: Command) -> None:
        """Tell the others what to do; rank 0 does it too."""
        if self.size > 1 and self.leads:
            with self._listening():
                distributed.broadcast(torch.tensor(order, dtype=torch.float64), 0)

    def receive(self) -> Command:
        """What rank 0 tells."""
        numbers = torch.zeros(len(Command._fields), dtype=torch.float64)
        with self._listening():
            distributed.broadcast(numbers, 0)
        return Command(*numbers.tolist())

    def dismiss(self) -> None:
        """Let the others end, as far as they are still there."""
        with contextlib.suppress(GenctlError):
            self.order(Command(END))

    def sum_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes, in float32 and in one message."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.float().flatten() for tensor in tensors])
        with self._listening():
            distributed.all_reduce(flat)
        parts = flat.split([tensor.numel() for tensor in tensors])
        summed = [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]
        torch._foreach_copy_(list(tensors), summed)

    def collect(self, x: Tensor) -> list[Tensor]:
        """Everyone's ``x``, by rank; on the CPU.

        Args:
            x: (N, ...), where N may differ between the processes and nothing else.
        """
        if self.size == 1:
            return [x]
        lengths = self.tell(len(x))
        padded = x.new_zeros((max(lengths), *x.shape[1:]))
        padded[: len(x)] = x
        rows = [torch.empty_like(padded) for _ in range(self.size)]
        with self._listening():
            distributed.all_gather(rows, padded)
        return [row[:length] for row, length in zip(rows, lengths, strict=True)]

    def tell(self, value: T) -> list[T]:
        """Everyone's ``value``, plain JSON, by rank."""
        return self._each(lambda: value)

    def gather(self, x: Tensor) -> Tensor:
        """The rows of ``x`` of every process, in the order of ranks; differentiable."""
        return x if self.size == 1 else gather(x, self.rank, self.size)

    def _each(self, work: Callable[[], object] | None) -> list[Any]:
        """What ``work`` gives in every process, by rank; None where there is none to do."""
        if self.size == 1:
            return [work()] if work else []
        said: dict[str, Any] = {}
        try:
            if work is not None:
                said["value"] = work()
        except GenctlError as error:
            said["error"] = error.pack()
        heard = self._exchange(said)
        for rank, answer in enumerate(heard):
            if "error" in answer:
                raise self._shared(rank, answer["error"])
        return [answer.get("value") for answer in heard]

    def _exchange(self, said: dict[str, Any]) -> list[dict[str, Any]]:
        """What every process says, by rank, as JSON padded to the longest."""
        text = torch.frombuffer(bytearray(json.dumps(said).encode()), dtype=torch.uint8)
        longest = torch.tensor(len(text))
        with self._listening():
            distributed.all_reduce(longest, distributed.ReduceOp.MAX)
            padded = torch.full((int(longest),), ord(" "), dtype=torch.uint8)
            padded[: len(text)] = text
            rows = [torch.empty_like(padded) for _ in range(self.size)]
            distributed.all_gather(rows, padded)
        return [json.loads(row.numpy().tobytes()) for row in rows]

    def _shared(self, rank: int, packed: dict[str, Any]) -> BaseException:
        """The error of process ``rank``, for this one to raise."""
        if not self.leads:
            return WorkerExit(packed["code"])
        return GenctlError.unpack(packed, where=f"process {rank}: " if rank else "")

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Around each message: one who does not answer has ended."""
        try:
            yield
        except RuntimeError as error:
            if not self.leads:
                raise WorkerExit(int(ExitStatus.FAILURE)) from error
            raise GenctlError(
                ExitStatus.FAILURE,
                f"a process of this training no longer answers: {str(error).splitlines()[0]}",
                hint="its own output may name the cause; run the same command again to continue",
            ) from None


def _refuse_without_gpu(local_rank: int, gpus: int) -> None:
    if local_rank >= gpus:
        raise GenctlError(
            ExitStatus.USAGE,
            f"process {local_rank} of this machine has no GPU of its own: the machine has {gpus}",
            hint=f"torchrun --nproc-per-node {gpus} starts one process per GPU",
            option="device",
            suggest="cpu",
        )
