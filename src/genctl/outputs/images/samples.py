"""Generated images, saved as a grid, a folder, an archive or an animation."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from genctl.data.images.drawing import enlarged, grid, png_of, save_png, to_pil
from genctl.data.images.sources.label_file import LABELS, to_csv
from genctl.data.images.sources.label_file import NAMES as LABEL_FILES
from genctl.data.images.sources.split_names import NAMES as SPLIT_NAMES
from genctl.errors import ExitStatus, GenctlError
from genctl.files import make_directory, path_component, write_atomic
from genctl.outputs.base import ArraySamples
from genctl.staging import is_free, staged

MAX_GRID = 1024
MAX_COLUMNS = 32


@dataclass(frozen=True)
class ImageSamples(ArraySamples):
    """Images in order: sample k depends on the seed and k alone.

    Attributes:
        array: (N, H, W, C) uint8.
    """

    def __str__(self) -> str:
        return f"{len(self)} images"

    def save(self, out: str | Path) -> Path:
        """Write to ``out``: an ``.npz`` archive, a ``.png`` grid, or a folder of PNGs.

        A folder has a sub-folder for each class. Where a class cannot have a folder of its name,
        ``labels.csv`` says the classes.

        Raises:
            GenctlError: as `check_place`, or the place is not writable.
        """
        out = Path(out)
        check_place(out, len(self))
        make_directory(out.parent)
        writers = {".npz": super().save, ".png": self._save_grid}
        writers.get(out.suffix, self._save_folder)(out)
        return out

    def _repr_png_(self) -> bytes:
        """The grid, where a notebook shows the samples."""
        return png_of(enlarged(to_pil(grid(self.array, self.columns()))))

    def _save_grid(self, out: Path) -> None:
        save_png(out, grid(self.array, self.columns()))

    def columns(self) -> int | None:
        """One column per class, where the samples take all classes in turn."""
        if self.labels is None or len(self.class_names) > MAX_COLUMNS:
            return None
        turns = np.arange(len(self)) % len(self.class_names)
        return len(self.class_names) if np.array_equal(self.labels, turns) else None

    def _save_folder(self, out: Path) -> None:
        digits = len(str(len(self) - 1))
        with staged(out) as stage:
            classes: dict[PurePath, str] = {}
            for number, image in enumerate(self.array):
                name = self._class_of(number)
                place = PurePath(_folder_of(name) if name is not None else "")
                (stage / place).mkdir(exist_ok=True)
                to_pil(image).save(stage / place / f"{number:0{digits}}.png")
                if name is not None:
                    classes[place / f"{number:0{digits}}.png"] = name
            if not _folders_say(classes.values()):
                content = to_csv(classes).encode("utf-8", "backslashreplace")
                (stage / LABELS).write_bytes(content)

    def _class_of(self, number: int) -> str | None:
        return None if self.labels is None else self.class_names[self.labels[number]]


def _folders_say(names: Iterable[str]) -> bool:
    """Whether folders of these classes alone give the classes back, on any system."""
    different = set(names)
    folded = {unicodedata.normalize("NFC", name).casefold() for name in different}
    return len(folded) == len(different) and all(name == _folder_of(name) for name in different)


def _folder_of(name: str) -> str:
    """The folder of a class: neither that of a split nor a file of labels."""
    return path_component(name, {*SPLIT_NAMES, *LABEL_FILES})


def check_place(out: Path, count: int) -> None:
    """Refuse a place where ``count`` images cannot be saved, before they are generated.

    Raises:
        GenctlError: too many images for a grid, an unknown suffix, or a folder that is not
            empty.
    """
    if out.suffix == ".npz":
        return
    if out.suffix == ".png" and count > MAX_GRID:
        reason = f"a grid holds at most {MAX_GRID} samples, not {count}"
        better = out.with_suffix(".npz")
    elif out.suffix not in ("", ".png"):
        reason = f"cannot save samples as {out.suffix!r}; use .png (a grid), .npz, or a folder"
        better = out.with_suffix(".png")
    elif not out.suffix and not is_free(out):
        what = f"the folder {out} is not empty" if out.is_dir() else f"{out} is a file"
        reason, better = what, out.with_name(f"{out.name}-2")
    else:
        return
    raise GenctlError(ExitStatus.USAGE, reason, option="out", suggest=str(better))


def save_animation(path: Path, frames: Sequence[ImageSamples], *, seconds: float = 3.0) -> Path:
    """Write sheets of samples, one after another, as an animated ``.gif`` or ``.webp``.

    Args:
        seconds: from the first frame to the last, which is shown for as long again.

    Raises:
        GenctlError: another suffix, or the place is not writable.
    """
    check_animation_place(path)
    sheets = [enlarged(to_pil(grid(frame.array, frame.columns()))) for frame in frames]
    moments = [round(1000 * seconds / len(sheets))] * (len(sheets) - 1) + [round(1000 * seconds)]
    buffer = io.BytesIO()
    form = path.suffix[1:].upper()
    lossless = {"lossless": True} if form == "WEBP" else {}
    sheets[0].save(
        buffer,
        form,
        save_all=True,
        append_images=sheets[1:],
        duration=moments,
        loop=0,
        **lossless,
    )
    make_directory(path.parent)
    write_atomic(path, buffer.getvalue())
    return path


def check_animation_place(path: Path) -> None:
    """Refuse a place where no animation can be saved, before it is generated.

    Raises:
        GenctlError: a suffix other than ``.gif`` and ``.webp``.
    """
    if path.suffix not in (".gif", ".webp"):
        raise GenctlError(
            ExitStatus.USAGE,
            f"cannot save an animation to {str(path)!r}; use .gif or .webp",
            option="trajectory",
            suggest=str(path.with_suffix(".gif")),
        )
