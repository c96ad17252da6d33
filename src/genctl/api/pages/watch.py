"""Watching: a run's curves and images as a page on this machine, while it trains."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from genctl.engine.training.loggers import read_rows
from genctl.errors import ExitStatus, GenctlError, Suggestion, opt
from genctl.plots.curves import series_of
from genctl.runs import Run

HOST = "127.0.0.1"
MAX_POINTS, MAX_PICTURES = 300, 200
_PICTURE = re.compile(r"/samples/([\w.-]+\.png)", re.ASCII)


def state_of(run: Run) -> dict[str, Any]:
    """Where a run stands, as plain JSON.

    ``series`` has, for each metric, up to `MAX_POINTS` of its pairs of examples and value, the last
    of them always.
    """
    last, best = run.read("last.json") or {}, run.read("best.json")
    rows = read_rows(run.path / "metrics.jsonl")
    document = run.read("config.json") or {}
    config = document.get("config", {})
    holder = run.holder()
    pictures = sorted(path.name for path in run.samples.glob("*.png"))[-MAX_PICTURES:]
    return {
        "run": run.name,
        "family": config.get("family"),
        "preset": config.get("preset"),
        "budget": config.get("train", {}).get("budget"),
        "state": "running" if holder else "finished" if run.finished else "stopped",
        "step": last.get("step", 0),
        "examples": max([last.get("position", 0), *(row["position"] for row in rows[-1:])]),
        "seconds": rows[-1].get("elapsed") if rows else None,
        "best": best,
        "series": {name: thinned(points) for name, points in series_of(rows).items()},
        "pictures": pictures,
    }


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most `MAX_POINTS` of ``points``, evenly spread, with the last."""
    every = -(-len(points) // MAX_POINTS)
    return (
        [points[k] for k in range((len(points) - 1) % every, len(points), every)] if points else []
    )


def serve(run: Run, port: int) -> ThreadingHTTPServer:
    """A server for ``run`` on this machine alone; `serve_forever` runs it.

    Args:
        port: 0 for any that is free.

    Raises:
        GenctlError: (FAILURE) the port is taken.
    """
    page = resources.files("genctl.api.pages").joinpath("watch.html").read_bytes()
    handler = type("Handler", (_Handler,), {"run": run, "page": page})
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise GenctlError(
            ExitStatus.FAILURE,
            f"{opt('port', port)} cannot be used: {error.strerror}",
            option="port",
            suggest=Suggestion("", {"port": 0}, "takes a free one"),
        ) from None


class _Handler(BaseHTTPRequestHandler):
    """Answers three kinds of path, to browsers that asked for this machine by its own name."""

    run: Run
    page: bytes
    server_version, sys_version = "genctl", ""

    def do_GET(self) -> None:
        """Page, state or picture."""
        path = urlsplit(self.path).path
        picture = _PICTURE.fullmatch(path)
        if not self._is_local():
            self._answer(403, "text/plain", b"ask for 127.0.0.1\n")
        elif path == "/":
            self._answer(200, "text/html; charset=utf-8", self.page)
        elif path == "/state.json":
            content = json.dumps(state_of(self.run), ensure_ascii=False).encode()
            self._answer(200, "application/json; charset=utf-8", content)
        elif picture and (file := self.run.samples / picture[1]).is_file():
            self._answer(200, "image/png", file.read_bytes())
        else:
            self._answer(404, "text/plain", b"nothing here\n")

    def _is_local(self) -> bool:
        """A page elsewhere could have its name resolved to this machine."""
        name = (self.headers.get("Host") or "").rpartition(":")[0] or self.headers.get("Host")
        return name in (HOST, "localhost")

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'self' 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal is the user's."""
