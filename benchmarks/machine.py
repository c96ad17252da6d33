"""The machine that a table was made on."""

from __future__ import annotations

import os
import platform

import torch


def machine(threads: int) -> str:
    """One line: cores, threads, torch, system, instructions."""
    return (
        f"{os.cpu_count()} cores, {threads} threads, torch {torch.__version__}, "
        f"{platform.system()} {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"
    )
