"""The diffusion family against its peers, in one run on one machine.

    python benchmarks/diffusion.py --seeds 0,1,2

- quality: the distance of what is drawn after ``--seconds`` of wall clock to digits that nobody
  trained on, for the preset ``digits`` by the command line, everything included, a plain trial of
  flow matching, and denoising-diffusion-pytorch;
- sampling: images a second at the quality that a sampler is capable of, against schedulers of
  diffusers on the same network.
"""

from __future__ import annotations

import argparse
import os

import diffusion_quality
import diffusion_sampling
import torch
from machine import machine

PARTS = ("quality", "sampling")


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    chosen = [options.only] if options.only else list(PARTS)
    print(machine(options.threads))
    if "quality" in chosen:
        seeds = [int(seed) for seed in options.seeds.split(",")]
        print(f"\n## quality, {options.seconds:g} s\n")
        print(
            diffusion_quality.run(
                options.seconds, seeds, options.threads, options.contenders, options.rate
            )
        )
    if "sampling" in chosen:
        print("\n## sampling\n")
        print(diffusion_sampling.run(options.seconds, options.threads))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300, help="of each contender")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--rate", type=float, default=1e-3, help="of the peer's training")
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=diffusion_quality.CONTENDERS,
        default=list(diffusion_quality.CONTENDERS),
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
