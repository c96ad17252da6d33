"""Everything that genctl reads and others may have written: a good file of each, and its reader.

Whatever a file holds, a reader gives a result or raises a `GenctlError`, in bounded memory, and
runs nothing that the file says.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import genctl
from genctl import config, registry
from genctl.data.images.open_source import open_source
from genctl.data.text.files import read_text
from genctl.data.text.tokenizer import Tokenizer
from genctl.decoding.prompts import read_prompts
from genctl.engine.reporting.loggers import JsonLines, read_rows
from genctl.engine.training import checkpoint
from genctl.errors import GenctlError
from genctl.evaluation.extractors.flat import PixelExtractor
from genctl.evaluation.extractors.inception.reader import load_network
from genctl.evaluation.statistics_file import read_summary
from genctl.files import write_json
from genctl.plots.curves import draw_curves
from genctl.weights import load_tensors, save_tensors, sha256_of
from tests.export.models import tiny_run

FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "subprocess.Popen",
    "pickle.find_class",
    "socket.connect",
    "ctypes.dlopen",
    "shutil.rmtree",
)
"""Events of Python's audit hooks that no file may cause."""


@dataclass(frozen=True)
class Reader:
    """How a kind of file is read.

    Attributes:
        name: of the file, relative to a folder that is empty but for what ``around`` puts there.
        valid: the content of a good one.
        read: reads the file at a path.
        around: what must lie in the folder besides.
        useful: whether the good file is of use, and not only well formed.
    """

    name: str
    valid: Callable[[], bytes]
    read: Callable[[Path], object]
    around: Callable[[Path], object] = lambda folder: None
    useful: bool = True


def attempt(reader: Reader, content: bytes) -> GenctlError | None:
    """Read ``content`` as a file; the refusal where it was not accepted.

    Raises:
        Exception: anything but a `GenctlError` of one line: a finding.
    """
    with tempfile.TemporaryDirectory(prefix="genctl-fuzz-") as name:
        folder = Path(name)
        reader.around(folder)
        path = folder / reader.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        try:
            with watched():
                reader.read(path)
        except GenctlError as error:
            if "\n" in error.message:
                raise AssertionError(f"several lines: {error.message!r}") from error
            return error
        return None


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Inside the block, what files must not cause is an error."""
    global _watching
    _hook()
    _watching = True
    try:
        yield
    finally:
        _watching = False


_watching = False


@functools.cache
def _hook() -> None:
    def hear(event: str, _: tuple[Any, ...]) -> None:
        if _watching and event in FORBIDDEN:
            raise AssertionError(f"reading a file caused {event}")

    sys.addaudithook(hear)


def _png(mode: str = "RGB", side: int = 16, form: str = "PNG") -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, form)
    return buffer.getvalue()


def _npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _images() -> bytes:
    generator = np.random.default_rng(0)
    return _npz(
        arr_0=generator.integers(0, 256, (3, 16, 16, 3)).astype(np.uint8), arr_1=np.arange(3)
    )


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("猫/1.png", "猫/2.png", "狗/3.png"):
            archive.writestr(name, _png())
    return buffer.getvalue()


def _open(path: Path) -> object:
    return open_source(str(path), size=(16, 16)).fingerprint


def _open_folder(path: Path) -> object:
    return _open(path.parent)


def _pictures(folder: Path) -> None:
    for number in range(4):
        (folder / f"{number}.png").write_bytes(_png())


def _made(write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made"
        write(path)
        return path.read_bytes()


@functools.cache
def _run_files() -> dict[str, bytes]:
    """A run's files by their paths within it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "run"
        tiny_run(root)
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }


def _run_around(folder: Path) -> None:
    for name, content in _run_files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


STEP = "checkpoints/step-00000002"


def _load(path: Path) -> object:
    """Load and sample the run; the manifest is mended, as whoever means harm would."""
    root = next(parent for parent in path.parents if (parent / "checkpoints").is_dir())
    if path.parent.name.startswith("step-") and path.name != "manifest.json":
        _mend(path.parent)
    return genctl.load(root, device="cpu").sample(2).array.shape


def _draw_metrics(path: Path) -> None:
    JsonLines(path, resume_position=10**9).close()
    draw_curves(read_rows(path), path.with_name("curves.png"))


def _resume(path: Path) -> object:
    _mend(path.parent)
    return checkpoint.read(path.parent)


def _mend(step: Path) -> None:
    document = json.loads((step / "manifest.json").read_text("utf-8"))
    document["files"] = {
        file.name: {"size": file.stat().st_size, "sha256": sha256_of(file)}
        for file in step.iterdir()
        if file.name != "manifest.json"
    }
    write_json(step / "manifest.json", document)


def _safetensors() -> bytes:
    tensors = {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.zeros(2, dtype=torch.int64)}
    return _made(lambda path: save_tensors(path, tensors))


def _torch_file() -> bytes:
    buffer = io.BytesIO()
    torch.save({"fc.weight": torch.zeros(2, 3)}, buffer)
    return buffer.getvalue()


def _settings(path: Path) -> object:
    return config.resolve(registry.get("gan"), file=path, environ={})


def _statistics() -> bytes:
    return _npz(mu=np.zeros(PixelExtractor.dim), sigma=np.eye(PixelExtractor.dim))


def _texts(path: Path, encoding: str = "utf-8") -> object:
    return sum(len(piece) for document in read_text(path, encoding) for piece in document)


def _bundle_around(folder: Path) -> None:
    for name, content in _bundle_files().items():
        (folder / name).write_bytes(content)


@functools.cache
def _bundle_files() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        run, out = Path(name) / "run", Path(name) / "out"
        tiny_run(run)
        genctl.load(run).export("safetensors", out)
        return {path.name: path.read_bytes() for path in out.iterdir()}


def _load_bundle(path: Path) -> object:
    return genctl.load(path.parent, device="cpu").sample(2).array.shape


def _tokenize(path: Path) -> object:
    tokenizer = Tokenizer.from_path(path)
    return tokenizer.decode(tokenizer.encode("abc")), tokenizer.encode_batch(["a", "猫"])


def _jsonl() -> bytes:
    rows = [{"text": "床前明月光"}, {"text": "plain"}, {"content": "more", "n": [1, None]}]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows[:2]).encode()


_TOML = b"""family = "gan"
preset = "mlp"
seed = 3
[train]
lr = 1e-4
budget = "20steps"
[model]
z_dim = 8
"""

_POEM = "床前明月光，疑是地上霜。\n"

READERS = {
    "safetensors": Reader("x.safetensors", _safetensors, load_tensors),
    "checkpoint manifest": Reader(
        f"{STEP}/manifest.json", lambda: _run_files()[f"{STEP}/manifest.json"], _load, _run_around
    ),
    "checkpoint state": Reader(
        f"{STEP}/state.json", lambda: _run_files()[f"{STEP}/state.json"], _resume, _run_around
    ),
    "checkpoint weights": Reader(
        f"{STEP}/ema.ema.safetensors",
        lambda: _run_files()[f"{STEP}/ema.ema.safetensors"],
        _load,
        _run_around,
    ),
    "run configuration": Reader(
        "config.json", lambda: _run_files()["config.json"], _load, _run_around
    ),
    "run data": Reader("data.json", lambda: _run_files()["data.json"], _load, _run_around),
    "run pointer": Reader("last.json", lambda: _run_files()["last.json"], _load, _run_around),
    "run's metrics": Reader(
        "metrics.jsonl",
        lambda: b'{"position": 1, "loss": 1.5}\n{"position": 9, "loss": 0.5, "rate": 1e-3}\n',
        _draw_metrics,
    ),
    "run's best": Reader(
        "best.json",
        lambda: b'{"checkpoint": "step-00000002", "step": 2, "metric": "fd", "value": 1.5}',
        _load,
        _run_around,
    ),
    "export document": Reader(
        "genctl.json", lambda: _bundle_files()["genctl.json"], _load_bundle, _bundle_around
    ),
    "weights of torch": Reader("x.pth", _torch_file, load_network, useful=False),
    "settings in TOML": Reader("x.toml", lambda: _TOML, _settings),
    "settings in JSON": Reader(
        "x.json", lambda: b'{"train": {"lr": 1e-4}, "model.z_dim": 8, "seed": 1}', _settings
    ),
    "images in npz": Reader("x.npz", _images, _open),
    "images in ZIP": Reader("x.zip", _zip, _open),
    **{
        f"image as {form}": Reader(
            f"x.{form.lower()}", functools.partial(_png, mode, 16, form), _open_folder
        )
        for form, mode in (
            ("PNG", "RGBA"),
            ("JPEG", "RGB"),
            ("WEBP", "RGB"),
            ("BMP", "RGB"),
            ("TIFF", "RGB"),
            ("GIF", "P"),
        )
    },
    "labels.csv": Reader(
        "labels.csv",
        lambda: "file,label\n0.png,猫\n1.png,狗\n2.png,猫\n3.png,狗\n".encode(),
        _open_folder,
        _pictures,
    ),
    "dataset.json": Reader(
        "dataset.json",
        lambda: b'{"labels": [["0.png", 1], ["1.png", 0], ["2.png", 1], ["3.png", 0]]}',
        _open_folder,
        _pictures,
    ),
    "statistics in npz": Reader(
        "x.npz", _statistics, lambda path: read_summary(path, PixelExtractor())
    ),
    "tokenizer": Reader(
        "tokenizer.json",
        lambda: Tokenizer.char("abc 床前猫").files()["tokenizer/tokenizer.json"],
        _tokenize,
    ),
    "text": Reader("x.txt", _POEM.encode, _texts),
    "text in UTF-16": Reader("x.txt", lambda: _POEM.encode("utf-16"), _texts),
    "text in GB18030": Reader(
        "x.txt", lambda: _POEM.encode("gb18030"), lambda path: _texts(path, "gb18030")
    ),
    "text in gzip": Reader("x.txt.gz", lambda: gzip.compress("床前明月光".encode() * 9), _texts),
    "text in JSON lines": Reader("x.jsonl", _jsonl, _texts),
    "prompts": Reader("p.jsonl", lambda: b'{"prompt": "a"}\n{"prompt": "b"}\n', read_prompts),
}
