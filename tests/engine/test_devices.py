from __future__ import annotations

import pytest
import torch

import genctl
from genctl.engine.devices import restored_threads, use_threads


def test_a_training_leaves_the_number_of_threads_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    numbers = [4]
    monkeypatch.setattr(torch, "get_num_threads", lambda: numbers[-1])
    monkeypatch.setattr(torch, "set_num_threads", numbers.append)
    with restored_threads():
        assert use_threads(2) == 2
    assert numbers == [4, 2, 4]
    sets = ["width=8", "evaluations=0", "batch_size=4"]
    run = genctl.train("gan", sets=sets, budget="1steps", threads=1)
    assert run.read("resolved.json")["threads"] == 1
    assert numbers[-1] == 4
