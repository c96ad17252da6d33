"""Diffusion on a GPU: images a second, MFU and memory; digits after one and five minutes.

    python benchmarks/diffusion_gpu.py

``small-32`` trains on random images with the engine, in float32, in bfloat16, with kernels in
channels-last order, and with compiled blocks, against a plain float32 loop around the same
network. Run by ``gpu.sh``; nothing here needs a network.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import cast

import torch
from diffusion_quality import Examiner, train
from diffusion_recipes import Trained
from lm_gpu import PEAK
from torch.utils.flop_counter import FlopCounterMode

import genctl
from genctl import config, registry
from genctl.api.models.loading import build_objective
from genctl.contracts import Batch, Objective
from genctl.engine.training.settings import RunSettings
from genctl.engine.training.trainer import Trainer
from genctl.families.diffusion.denoiser import Denoiser

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.specs import image_spec

WARM_UP, TIMED = 5, 20
SHAPE = (3, 32, 32)


class RandomImages:
    """The same random images on the device, so that nothing waits for data."""

    assets: Mapping[str, bytes] = {}

    def __init__(self, batch: int, device: str) -> None:
        statistics = {"sigma_data": 0.5}
        self.spec = image_spec("random", SHAPE, 10**6, statistics=statistics)
        self.images = torch.rand(batch, *SHAPE, device=device) * 2 - 1

    def stream(
        self, position: int, batch_size: int, *, seed: int, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        """Batches of them."""
        while True:
            yield Batch({"image": self.images}, range(position, position + batch_size))
            position += batch_size

    def held_out(self) -> None:
        """Nothing is held out."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seconds", type=float, nargs="*", default=[60, 300])
    options = parser.parse_args()
    data = RandomImages(options.batch, options.device)
    settings = config.resolve(registry.get("diffusion"), preset="small-32", environ={})
    objective = build_objective(registry.get("diffusion"), settings, data.spec, {})
    work = operations_per_image(objective, data)
    plain = plain_step(objective, data, options.device)
    show("plain float32 loop", rate(plain, options.batch), work, None)
    for precision, ordered, compiled in (
        ("fp32", torch.contiguous_format, False),
        ("bf16", torch.contiguous_format, False),
        ("bf16", torch.channels_last, False),
        ("bf16", torch.contiguous_format, True),
    ):
        objective = build_objective(registry.get("diffusion"), settings, data.spec, {})
        for module in objective.modules.values():
            module.to(memory_format=ordered)  # type: ignore[call-overload]
        plan = RunSettings(
            0, options.batch, options.batch, options.device, precision, 1, compile=compiled
        )
        trainer = Trainer(objective, data, plan)
        found = rate(partial(trainer.step, 0.5), options.batch)
        title = f"genctl, {precision}, {str(ordered).removeprefix('torch.')} kernels"
        show(f"{title}, compiled" if compiled else title, found, work, precision)
    for seconds in options.seconds:
        digits(seconds)


def plain_step(objective: Objective, data: RandomImages, device: str) -> Callable[[], object]:
    """One step of a loop as most people write it."""
    denoiser = cast(Denoiser, objective.modules["denoiser"].to(device))
    optimizer = torch.optim.AdamW(denoiser.parameters(), 1e-4)

    def step() -> None:
        sigma = torch.exp(torch.randn(len(data.images), device=device))
        noise = torch.randn_like(data.images)
        loss = denoiser.errors(data.images, noise, sigma, None).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def rate(step: Callable[[], object], batch: int) -> float:
    """Images a second."""
    for _ in range(WARM_UP):
        step()
    _wait()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    begun = time.perf_counter()
    for _ in range(TIMED):
        step()
    _wait()
    return TIMED * batch / (time.perf_counter() - begun)


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def operations_per_image(objective: Objective, data: RandomImages) -> float:
    """Of one forward and backward pass, as torch counts them."""
    denoiser = cast(Denoiser, objective.modules["denoiser"])
    image = data.images[:1].cpu()
    with FlopCounterMode(display=False) as counter:
        denoiser.errors(image, torch.randn_like(image), torch.ones(1), None).sum().backward()
    denoiser.zero_grad()
    return float(counter.get_total_flops())


def show(title: str, images: float, work: float, precision: str | None) -> None:
    """One line of JSON."""
    found: dict[str, object] = {"contender": title, "images_per_second": round(images)}
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        peak = next((value for card, value in PEAK.items() if card in name), None)
        found["device"] = name
        found["mfu"] = images * work / peak if peak and precision == "bf16" else None
        found["memory_gib"] = torch.cuda.max_memory_allocated() / 2**30
    print(json.dumps(found), flush=True)


def digits(seconds: float) -> None:
    """What the preset of a GPU reaches in so many seconds, everything included."""
    run = Path(mkdtemp(prefix="diffusion-gpu-")) / "run"
    train(run, seconds, 0, 1, preset="digits-gpu")
    model = genctl.load(run)
    trained = Trained(
        json.loads((run / "last.json").read_text())["position"],
        sum(p.numel() for p in model.trained.modules["denoiser"].parameters()),
        lambda n: model.sample(n, seed=1000, batch_size=500).array,
    )
    print(json.dumps({"seconds": seconds, **vars(Examiner().row(trained, "digits"))}), flush=True)


if __name__ == "__main__":
    main()
