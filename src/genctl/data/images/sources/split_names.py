"""The usual names of splits, and which files of a place belong to which split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from genctl.data.images.decode import is_picture
from genctl.data.images.sources.label_file import NAMES as LABEL_FILES

TRAIN = ("train", "training")
HELD_OUT = ("test", "testing", "validation", "valid", "val", "dev")
"""Names of splits in any case; the first one that exists is the split."""

NAMES = frozenset((*TRAIN, *HELD_OUT))
Inside = dict[PurePath, PurePath]


def chosen(names: Iterable[str]) -> dict[str, str]:
    """``train`` and ``test`` -> the name that stands for it, where there is one."""
    folded = {name.casefold(): name for name in sorted(names)}  # train, not Train
    found = {}
    for split, usual in (("train", TRAIN), ("test", HELD_OUT)):
        name = next((folded[name] for name in usual if name in folded), None)
        if name is not None:
            found[split] = name
    return found


@dataclass
class Arranged:
    """The files of each split.

    Attributes:
        splits: ``train``, and perhaps ``test`` -> path within the split -> path in the place.
        names: split -> the folder that it comes from; empty for the rest of the place.
        divides_all: whether all files are in folders of splits.
        left_out: what is in no split: kind -> number of images.
        notes: what to know about it, one line each.
    """

    splits: dict[str, Inside]
    names: Mapping[str, str] = field(default_factory=lambda: {"train": ""})
    divides_all: bool = False
    left_out: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def arrange(paths: Iterable[PurePath], folders: Iterable[str]) -> Arranged:
    """The splits of the files at ``paths``, by the names of folders.

    1. ``train/`` beside a held-out folder, or alone: these two.
    2. A held-out folder beside other images, such as class folders: it, and the others to train
       on. A folder ``test`` alone may be a class, and stays one.
    3. The same folders within class folders: ``cat/train/``, ``cat/val/``.

    A folder that all images of all splits are in is skipped: ``train/images/cat``.
    """
    found = _arranged(list(paths), list(folders))
    while len(found.splits) > 1 and (top := _common_folder(found.splits.values())) is not None:
        for inside in found.splits.values():
            for path in [path for path in inside if path.parts[0] == top]:
                inside[path.relative_to(top)] = inside.pop(path)
    return found


def _common_folder(splits: Iterable[Inside]) -> str | None:
    """The folder of all images; None if there are several, or files of labels beside it."""
    paths = [path for inside in splits for path in inside]
    loose = {path.name for path in paths if len(path.parts) == 1}
    tops = {path.parts[0] for path in paths if is_picture(path)}
    return None if len(tops) != 1 or loose & {*tops, *LABEL_FILES} else tops.pop()


def _arranged(paths: list[PurePath], folders: list[str]) -> Arranged:
    pictures = Counter(path.parts[0] for path in paths if len(path.parts) > 1 and is_picture(path))
    loose = sum(is_picture(path) for path in paths if len(path.parts) == 1)
    named = chosen(folders)
    usual = [name for name in folders if name.casefold() in NAMES and pictures[name]]
    others = [name for name in pictures if name not in usual]
    if "train" in named and ("test" in named or not (others or loose)):
        return _by_folder(paths, named, pictures, loose)
    if "test" not in named or not usual:
        return _within_classes(paths, _notes(named, others))
    if not others and not loose and len(usual) == 1:
        note = f"the only folder is {usual[0]}: its images are trained on"
        top = usual[0]
        inside = {path.relative_to(top): path for path in paths if path.parts[0] == top}
        return Arranged({"train": inside}, notes=[note])
    if _is_class(paths, usual, others, loose):
        return Arranged({"train": _all(paths)}, notes=_notes(named, others))
    return _beside_others(paths, named, usual, pictures)


def _all(paths: Iterable[PurePath]) -> Inside:
    return {path: path for path in paths}


def _by_folder(
    paths: Iterable[PurePath], named: Mapping[str, str], pictures: Counter[str], loose: int
) -> Arranged:
    splits = {split: _in(paths, name) for split, name in named.items()}
    beside = {name: n for name, n in sorted(pictures.items()) if name not in named.values()}
    left_out = Counter({_beside_splits(name): count for name, count in beside.items()})
    left_out["in no folder, beside the splits"] = loose
    return Arranged(splits, named, divides_all=True, left_out=+left_out)


def _beside_splits(name: str) -> str:
    if name.casefold() in NAMES:
        return f"in the folder {name}, held out as well"
    return f"in the folder {name} beside the splits"


def _in(paths: Iterable[PurePath], name: str) -> Inside:
    return {
        path.relative_to(name): path for path in paths if path.parts[0] == name and path.parts[1:]
    }


def _beside_others(
    paths: Iterable[PurePath], named: Mapping[str, str], usual: list[str], pictures: Counter[str]
) -> Arranged:
    name = named["test"]
    rest = [path for path in paths if len(path.parts) == 1 or path.parts[0] not in usual]
    unused = {other: pictures[other] for other in sorted(usual) if other != name}
    left_out = Counter({_beside_splits(other): count for other, count in unused.items()})
    splits = {"train": _all(rest), "test": _in(paths, name)}
    return Arranged(splits, {"train": "", "test": name}, left_out=left_out)


def _is_class(paths: Iterable[PurePath], usual: list[str], others: list[str], loose: int) -> bool:
    """Whether a single folder ``test`` is a class: it has no folders of the other classes."""
    if len(usual) != 1 or usual[0].casefold() != "test" or not others or loose:
        return False
    inner = {path.parts[1].casefold() for path in _within(paths, usual[0])}
    return not inner & {name.casefold() for name in others}


def _within(paths: Iterable[PurePath], top: str) -> Iterable[PurePath]:
    return (path for path in paths if path.parts[0] == top and len(path.parts) > 2)


def _notes(named: Mapping[str, str], others: list[str]) -> list[str]:
    if not others:
        return []
    lacking = {"train": "a held-out folder such as val", "test": "a folder train"}
    return [
        f"the folder {name} is read as a class, because {lacking[split]} is not beside it"
        for split, name in named.items()
    ]


def _within_classes(paths: list[PurePath], notes: list[str]) -> Arranged:
    """Splits in each class folder; without them, all files are to train on."""
    inner: dict[str, set[str]] = {}
    for path in paths:
        if len(path.parts) > 2 and is_picture(path):
            inner.setdefault(path.parts[0], set()).add(path.parts[1])
    by_class = {top: chosen(names) for top, names in inner.items()}
    split_up = {top: named for top, named in by_class.items() if len(named) == 2}
    if not split_up:
        return Arranged({"train": _all(paths)}, notes=notes)
    names: dict[str, str] = {}
    found = Arranged({"train": {}, "test": {}}, names, divides_all=True, notes=notes)
    for path in paths:
        named = split_up.get(path.parts[0], {})
        split = next((s for s, name in named.items() if path.parts[1:2] == (name,)), None)
        if not named:
            found.splits["train"][path] = path
        elif split is not None and len(path.parts) > 2:
            names[split] = path.parts[1]
            found.splits[split][PurePath(path.parts[0], *path.parts[2:])] = path
        elif is_picture(path):
            found.left_out[f"in {path.parts[0]}, beside its splits"] += 1
    return found
