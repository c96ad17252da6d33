"""The pictures of docs/diffusion.md, of digits and of small coloured shapes.

    python benchmarks/diffusion_pictures.py --out docs/images

Trains the default on digits, and once more on a folder of coloured shapes, 24 pixels high and 32
wide, which it draws; then shows guidance, inpainting, starting from an image, and what is guessed
on the way, a row each. Runs that are there already are taken as they are.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

import genctl
from genctl.api.models.model import Model
from genctl.data.images.sets.digits import load_digits

Pixels = npt.NDArray[np.uint8]

COLUMNS = 10
GAP = 2
SHAPES = ("ellipse", "rectangle", "triangle")
SHAPE_SIZE = (32, 24)  # width, height, as Pillow has it
SHAPES_EACH = 600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("runs/pictures"))
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--budget", default="5m", help="of each of the two runs")
    options = parser.parse_args()
    shapes = options.work / "形状"
    if not shapes.exists():
        draw_shapes(shapes)
    for name, source in (("digits", "digits"), ("shapes", shapes)):
        run = options.work / name
        if not (run / "best.json").exists():
            genctl.train("diffusion", data=str(source), budget=options.budget, out=run)
        model = genctl.load(run)
        given = given_picture(model, name, shapes, options.work)
        for kind, rows in (
            ("guidance", guidance(model)),
            ("inpainting", inpainting(model, given, options.work)),
            ("init-image", from_image(model, given)),
            ("trajectory", trajectory(model)),
        ):
            path = options.out / f"diffusion-{name}-{kind}.png"
            sheet(rows).save(path, optimize=True)
            print(path, flush=True)


def draw_shapes(folder: Path) -> None:
    """A folder for each shape: one of it a picture, in any bright colour, on a dark ground."""
    draw_from = random.Random(0)
    for shape in SHAPES:
        (folder / shape).mkdir(parents=True)
        for number in range(SHAPES_EACH):
            picture = draw_shape(shape, draw_from)
            picture.save(folder / shape / f"{number:03d}.png")


def draw_shape(shape: str, draw_from: random.Random) -> Image.Image:
    """Drawn at four times the size, so that its edges are smooth."""
    width, height = (4 * side for side in SHAPE_SIZE)
    dark, bright = (
        tuple(draw_from.randint(*bounds) for _ in range(3)) for bounds in ((0, 70), (110, 255))
    )
    picture = Image.new("RGB", (width, height), dark)
    across, down = draw_from.randint(40, 90), draw_from.randint(36, 70)
    left, top = draw_from.randint(6, width - across - 6), draw_from.randint(6, height - down - 6)
    right, bottom = left + across, top + down
    pen = ImageDraw.Draw(picture)
    if shape == "triangle":
        pen.polygon([((left + right) / 2, top), (right, bottom), (left, bottom)], fill=bright)
    else:
        getattr(pen, shape)((left, top, right, bottom), fill=bright)
    return picture.resize(SHAPE_SIZE, Image.Resampling.BOX)


def given_picture(model: Model, name: str, shapes: Path, work: Path) -> Path:
    """A picture that the model was not trained on."""
    path = work / f"given-{name}.png"
    if name == "digits":
        pixels, labels = load_digits("test")
        Image.fromarray(pixels[labels == 8][3][..., 0]).save(path)
    else:
        draw_shape("ellipse", random.Random(99)).save(path)
    return path


def guidance(model: Model) -> list[list[Pixels]]:
    """A row for each strength, from the same noise."""
    strengths = ("0", "1", "1.5", "3")
    return [list(sample(model, options={"guidance": scale})) for scale in strengths]


def inpainting(model: Model, given: Path, work: Path) -> list[list[Pixels]]:
    """The picture, what is kept of it, and new halves, of any class."""
    height, width = model.data.shape[1:]
    mask = work / f"mask-{given.stem}.png"
    hole = np.zeros((height, width), np.uint8)
    hole[:, width // 2 :] = 255
    Image.fromarray(hole).save(mask)
    whole = pixels_of(given)
    kept = whole.copy()
    kept[:, width // 2 :] = 128
    made = sample(model, n=COLUMNS - 2, image=given, mask=mask)
    return [[whole, kept, *made]]


def from_image(model: Model, given: Path) -> list[list[Pixels]]:
    """The picture, and what becomes of it when more and more of the steps are taken."""
    return [
        [
            pixels_of(given),
            *sample(model, n=COLUMNS - 1, image=given, options={"strength": share}),
        ]
        for share in ("0.3", "0.5", "0.7")
    ]


def trajectory(model: Model) -> list[list[Pixels]]:
    """What is guessed after each step, for three samples."""
    steps = model.trajectory(3, options={"steps": str(COLUMNS)})
    return [[step.array[row] for step in steps] for row in range(3)]


def sample(model: Model, n: int = COLUMNS, **wanted: Any) -> Pixels:
    return model.sample(n, seed=1, **wanted).array


def pixels_of(path: Path) -> Pixels:
    array = np.asarray(Image.open(path))
    return array if array.ndim == 3 else array[..., None]


def sheet(rows: list[list[Pixels]]) -> Image.Image:
    """All of them beside and under each other, at twice their size."""
    height, width, channels = rows[0][0].shape
    cell = (height + GAP, width + GAP)
    canvas = np.full((len(rows) * cell[0] - GAP, COLUMNS * cell[1] - GAP, channels), 255, np.uint8)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            top, left = row * cell[0], column * cell[1]
            canvas[top : top + height, left : left + width] = picture
    image = Image.fromarray(canvas if channels == 3 else canvas[..., 0])
    return image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()
