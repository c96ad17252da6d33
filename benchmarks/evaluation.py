"""The evaluator against torch-fidelity, pytorch-fid and clean-fid, in one run on one machine.

    python benchmarks/evaluation.py

- network: images a second through the same Inception-v3 with the same random weights;
- distance: the Fréchet distance of features that are there already;
- cache: a second evaluation against the same reference;
- memory: what a pass over more and more images takes.

Contenders take turns; the ratio is that of each round, and its median is shown. With
``--device cuda`` only the network is measured, by contenders that are installed.
"""

from __future__ import annotations

import argparse
import os

import evaluation_distance
import evaluation_network
import evaluation_passes
import torch
from machine import machine

PARTS = {
    "network": evaluation_network.run,
    "distance": evaluation_distance.run,
    "cache": evaluation_passes.run_cache,
    "memory": evaluation_passes.run_memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(machine(options.threads))
    if options.device != "cpu":
        print(torch.cuda.get_device_name())
    chosen = [options.only] if options.only else list(PARTS)
    for name in chosen if options.device == "cpu" else ["network"]:
        print(f"\n## {name}\n")
        print(PARTS[name](options.rounds, options.device), flush=True)


if __name__ == "__main__":
    main()
