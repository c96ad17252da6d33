"""Language models on a GPU: quality and loss curves of ``small-gpu``, MFU of ``base-124m``.

    python benchmarks/lm_gpu.py --data tinyshakespeare.txt

Run by ``gpu.sh``; nothing here needs a network.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import torch

import genctl
from genctl import config, registry
from genctl.api.models.loading import build_objective
from genctl.contracts import Batch, DataSpec
from genctl.engine.training.settings import RunSettings
from genctl.engine.training.trainer import Trainer
from genctl.families.lm.network import Decoder

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.specs import token_spec

PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "RTX 4090": 165e12}
"""Dense bf16 operations a second that the makers specify."""

WARM_UP, TIMED = 5, 20


class RandomTokens:
    """Windows of random tokens on the device, so that nothing waits for data."""

    assets: Mapping[str, bytes] = {}

    def __init__(self, spec: DataSpec, batch: int) -> None:
        self.spec = spec
        shape = (batch, spec.shape[0] + 1)
        self._tokens = torch.randint(spec.main.size, shape, device="cuda")

    def stream(
        self, position: int, batch_size: int, *, seed: int, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        """The same windows again and again."""
        while True:
            positions = range(position, position + batch_size)
            yield Batch({"tokens": self._tokens[:batch_size]}, positions)
            position += batch_size

    def held_out(self) -> None:
        """Nothing is held out."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="pydoc")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", "runs")) / "lm_gpu")
    options = parser.parse_args()
    for precision in ("fp32", "auto"):
        print(json.dumps(quality(options.data, options.out / precision, precision)), flush=True)
    for compiled in (False, True):
        print(json.dumps(speed(compiled)), flush=True)


def quality(source: str, out: Path, precision: str) -> dict[str, object]:
    """``small-gpu`` on characters: seconds, nats on the whole validation text, the loss curve."""
    words = ["train", "lm", "--preset", "small-gpu", "--data", source, "--tokenizer", "char"]
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "genctl", *words, "--precision", precision, "--out", str(out), "-q"],
        check=True,
    )
    seconds = time.monotonic() - started
    score = genctl.evaluate("bpb", str(out)).score
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    curve = [[row["position"], round(row["train/loss"], 4)] for row in rows if "train/loss" in row]
    nats = score.details["nats_per_token"]
    return {
        "preset": "small-gpu",
        "precision": precision,
        "seconds": seconds,
        "nats": nats,
        "curve": curve,
    }


def speed(compiled: bool) -> dict[str, object]:
    """``base-124m`` in bf16: tokens a second, share of the card's peak, memory."""
    spec = registry.get("lm")
    settings = config.resolve(spec, preset="base-124m", environ={}, sets=["batch_size=32"])
    data = token_spec("random", "random", 1024, 10**9, vocab_size=50_304)
    plan = RunSettings(0, 32, 16, "cuda", "bf16", torch.get_num_threads(), compile=compiled)
    trainer = Trainer(build_objective(spec, settings, data, {}), RandomTokens(data, 32), plan)
    for _ in range(WARM_UP):
        trainer.step(0.5)
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(TIMED):
        trainer.step(0.5)
    torch.cuda.synchronize()
    rate = TIMED * 32 * 1024 / (time.perf_counter() - begun)
    name = torch.cuda.get_device_name()
    peak = next((value for card, value in PEAK.items() if card in name), None)
    return {
        "preset": "base-124m",
        "compile": compiled,
        "device": name,
        "tokens_per_second": rate,
        "mfu": rate * operations_per_token(trainer) / peak if peak else None,
        "memory_gib": torch.cuda.max_memory_allocated() / 2**30,
    }


def operations_per_token(trainer: Trainer) -> float:
    """6 a weight of a matrix, and attention's 12 a width and position (Chowdhery et al. 2022,
    arXiv 2204.02311, appendix B, halved for what causal attention leaves out)."""
    network = cast(Decoder, trainer.objective.modules["model"])
    matrices = sum(
        p.numel() for name, p in network.named_parameters() if p.ndim == 2 and "embed" not in name
    )
    shape = network.shape
    return 6 * matrices + 6 * shape.depth * shape.width * shape.context


if __name__ == "__main__":
    main()
