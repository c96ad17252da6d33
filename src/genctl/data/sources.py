from __future__ import annotations
from dataclasses import dataclass
import numpy as np
from genctl.data.digits import load_digits, CLASS_NAMES
@dataclass(frozen=True)
class ImageSource:
    images: np.ndarray
    labels: np.ndarray | None
    class_names: tuple
    name: str
    fingerprint: str
    skipped: tuple
    split: str
    def held_out(self):
        return open_source("digits", split="test")
def open_source(source, *, split="train", size=None, channels=None):
    im, lab = load_digits(split)
    return ImageSource(im, lab, CLASS_NAMES, "digits", "f"*64, (), split)
