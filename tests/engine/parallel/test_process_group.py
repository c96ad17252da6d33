"""Commands between ranks, and which errors mean that a rank is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import distributed

from genctl.engine.parallel.commands import Command, CommandKind
from genctl.engine.parallel.process_group import ProcessGroup, WorkerExit, is_lost_rank
from genctl.errors import ExitStatus, GenctlError

GLOO = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:553] "


@given(
    st.builds(
        Command,
        st.sampled_from(CommandKind),
        fraction=st.floats(0, 1),
        index=st.integers(0, 10**15),
        attempt=st.integers(0, 9),
        rate_scale=st.floats(0, 1),
        everything=st.booleans(),
    )
)
def test_commands_arrive_as_they_were_sent(command: Command) -> None:
    sent = command.to_bytes()
    assert len(sent) == len(Command(CommandKind.END).to_bytes())
    assert Command.from_bytes(sent) == command


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (RuntimeError(GLOO + "Connection closed by peer [127.0.0.1]:6042"), True),
        (RuntimeError(GLOO + "Read error [127.0.0.1]:6042: Connection reset by peer"), True),
        (RuntimeError(GLOO + "Timed out waiting 1800000ms for recv operation to complete"), True),
        (distributed.DistBackendError("NCCL error: remote process exited"), True),
        (distributed.DistNetworkError("failed to recv, got 0 bytes"), True),
        (RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"), False),
        (RuntimeError(GLOO + "op.preamble.length <= op.nbytes. 16 vs 8"), False),
        (NotImplementedError("connection closed by peer"), False),
    ],
)
def test_only_a_lost_rank_is_reported_as_one(error: RuntimeError, lost: bool) -> None:
    assert is_lost_rank(error) == lost
    with pytest.raises(GenctlError if lost else type(error)) as main:
        raise_within(ProcessGroup(0, 2), error)
    with pytest.raises(WorkerExit if lost else type(error)) as worker:
        raise_within(ProcessGroup(1, 2), error)
    if lost:
        assert isinstance(main.value, GenctlError)
        assert isinstance(worker.value, WorkerExit)
        assert main.value.code == worker.value.code == ExitStatus.FAILURE
    else:
        assert main.value is worker.value is error


def raise_within(world: ProcessGroup, error: RuntimeError) -> None:
    with world.detecting_lost_ranks():
        raise error
