"""Curves as data: what genctl knows of them before torch is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genctl.config import option
from genctl.registry import Claim, DataKind


@dataclass(frozen=True)
class CurveData:
    source: str = option("curves.csv", "a .csv file of numbers, one curve per line")


def claims(source):
    """A .csv file of numbers; a table of anything else begins with names."""
    path = Path(source).expanduser()
    if path.suffix == ".csv" and path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            return Claim.SURE if set(file.readline()) <= set("0123456789.,+-eE \r\n") else Claim.NO
    return Claim.NO


KIND = DataKind(
    api=2,
    name="curves",
    summary="curves: rows of numbers of one length",
    config=CurveData,
    features={"image": "image"},
    outputs={"image": "curves"},
    words=("curve", "curves"),
    accepts="a .csv file of numbers, one curve per line",
    targets={
        "claims": "genctl_example.curves.data:claims",
        "prepare": "genctl_example.curves.dataset:prepare",
    },
)
