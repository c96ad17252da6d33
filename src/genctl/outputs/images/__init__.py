"""Images as output: grids, archives, folders and animations."""

from __future__ import annotations

from genctl.registry import SPEC_API, OutputKind

KIND = OutputKind(
    api=SPEC_API,
    name="images",
    summary="images: a grid, an archive or a folder",
    words=("image", "images"),
    suffixes=(".png", ".npz", ""),
    inputs=frozenset({"image", "mask", "between", "trajectory"}),
    method="sample",
    default_metrics=("fid",),
    targets={
        "generate": "genctl.outputs.images.generate:generate",
        "check": "genctl.outputs.images.samples:check_place",
        "trajectory": "genctl.outputs.images.generate:trajectory",
        "callbacks": "genctl.outputs.images.callbacks:ImageCallbacks",
        "score": "genctl.api.evaluation.image_scoring:score_images",
    },
)
