"""The common form of every source of images: one array and its description."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class ImageSource:
    """Decoded images.

    Args:
        images: ``(N, H, W, C) uint8``, C = 1 (grey), 3 (RGB) or 4 (RGBA).
        labels: ``(N,) int64``, indices into ``class_names``; None when there are no classes.
        class_names: names of the labels; empty when there are no classes.
        captions: what each image shows; empty without captions.
        name: short, and safe in a file name on every system.
        split: ``train`` or ``test``.
        skipped: image files that cannot be read, as ``path: reason``.
        left_out: kinds of files among the images that are not read -> their numbers.
        splits: which splits were found and which is held out, in words; empty without splits.
        notes: what to know about how the images were read, one line each.
        extractor: the feature extractor that was made for these images, if one was.
        held_out: reads the test split of these images, in their size and channels; returns
            None if there is none, or if this is it.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64] | None
    class_names: tuple[str, ...]
    name: str
    split: str
    captions: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    splits: str = ""
    notes: tuple[str, ...] = ()
    extractor: str = ""
    held_out: Callable[[], ImageSource | None] = field(default=lambda: None, repr=False)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 (hex) of pixels, labels and class names, the same on every machine."""
        head = {"shape": self.images.shape, "class_names": self.class_names}
        digest = hashlib.sha256(json.dumps(head).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        if self.labels is not None:
            digest.update(np.ascontiguousarray(self.labels, dtype="<i8").data)
        return digest.hexdigest()
