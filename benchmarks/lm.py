"""The language-model family against its peers, in one run on one machine.

    python benchmarks/lm.py --data tinyshakespeare.txt --seeds 0,1,2

- quality: nats a character after ``--seconds`` of wall clock, for nanoGPT's CPU recipe, a plain
  trial of the modern one, and the preset ``tiny-cpu`` by the command line, everything included;
- speed: training tokens a second on the same architecture and batch, against transformers' Llama
  in a plain loop and x-transformers;
- sampling: 512 tokens, one sequence and 16 ragged prompts, against Hugging Face's ``generate``.
"""

from __future__ import annotations

import argparse
import os

import lm_quality
import lm_sampling
import lm_speed
from machine import machine

PARTS = ("quality", "speed", "sampling")


def main() -> None:
    options = _options()
    chosen = [options.only] if options.only else list(PARTS)
    print(machine(options.threads))
    if "quality" in chosen:
        seeds = [int(seed) for seed in options.seeds.split(",")]
        print(f"\n## quality, {options.seconds:g} s\n")
        print(lm_quality.run(options.data, options.seconds, seeds, options.threads))
    if "speed" in chosen:
        print("\n## training speed\n")
        print(lm_speed.run(options.threads, options.rounds))
    if "sampling" in chosen:
        print("\n## sampling\n")
        print(lm_sampling.run(options.threads, options.rounds))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="pydoc", help="pydoc, or the path of a text")
    parser.add_argument("--seconds", type=float, default=110, help="of each contender")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--rounds", type=int, default=5, help="of speed and sampling")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", choices=PARTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
