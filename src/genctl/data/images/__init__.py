"""Images as data: folders, archives, tables and named sets."""

from __future__ import annotations

from genctl.data.images.options import ImageData
from genctl.registry import SPEC_API, DataKind

KIND = DataKind(
    api=SPEC_API,
    name="images",
    summary="images, with classes where there are sub-folders or labels",
    config=ImageData,
    features={"image": "image", "label": "label?"},
    outputs={"image": "images"},
    words=("image", "images"),
    accepts="a folder, ZIP or Parquet file of images, or an .npz",
    targets={
        "claims": "genctl.data.images.claims:claims",
        "prepare": "genctl.data.images.prepare:prepare_images",
        "check": "genctl.data.images.check:check_images",
        "clean": "genctl.data.images.clean:clean_data",
        "label": "genctl.api.datasets.image_labels:label_images",
        "download": "genctl.data.images.sets.known_sets:download",
        "large": "genctl.data.images.prepare:is_large",
        "list": "genctl.data.images.named:named_sets",
    },
)
