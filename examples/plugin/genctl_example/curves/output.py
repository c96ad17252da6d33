"""Curves as output: what genctl knows of them before torch is imported."""

from __future__ import annotations

from genctl.registry import OutputKind

KIND = OutputKind(
    api=2,
    name="curves",
    summary="curves: a .csv file, one a line",
    words=("curve", "curves"),
    suffixes=(".csv",),
    default_metrics=("spectrum",),
    targets={
        "generate": "genctl_example.curves.samples:generate",
        "read": "genctl_example.curves.samples:read",
        "callbacks": "genctl_example.curves.samples:CurveCallbacks",
    },
)
