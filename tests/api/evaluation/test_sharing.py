"""An evaluation by several processes is that of one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import genctl
from tests.processes import in_processes

METRICS = "fid,kid,prdc"


def draw(places: Sequence[int]) -> np.ndarray:
    random = [np.random.default_rng(place) for place in places]
    return np.stack([r.integers(0, 256, (12, 9, 3), dtype=np.uint8) for r in random])


def reference(places: Sequence[int]) -> np.ndarray:
    return draw([place + 10_000 for place in places]) // 2


@pytest.mark.parametrize("size", [2, 3])
def test_processes_share_the_images(size: int, tmp_path: Path) -> None:
    def work(rank: int) -> None:
        found = genctl.evaluate(METRICS, draw, ref=reference, n=97, extractor="rand", device="cpu")
        (tmp_path / f"{rank}.json").write_text(json.dumps(found.to_json()), "utf-8")

    assert in_processes(work, size) == [0] * size
    assert [path.name for path in tmp_path.iterdir()] == ["0.json"]
    shared = json.loads((tmp_path / "0.json").read_text("utf-8"))["scores"]
    alone = genctl.evaluate(METRICS, draw, ref=reference, n=97, extractor="rand", device="cpu")
    for ours, score in zip(shared, alone.scores, strict=True):
        assert ours["signature"] == score.signature
        assert ours["value"] == pytest.approx(score.value, rel=1e-5)
        assert ours["error"] == pytest.approx(score.error, rel=1e-5)


def test_an_error_in_one_process_ends_all(tmp_path: Path) -> None:
    def broken(places: Sequence[int]) -> np.ndarray:
        if places[0] > 40:
            return np.zeros((len(places), 5, 5, 7), np.uint8)
        return draw(places)

    def work(_rank: int) -> None:
        genctl.evaluate("fid", broken, ref=reference, n=97, extractor="rand", device="cpu")

    assert in_processes(work, 2) == [2, 2]
