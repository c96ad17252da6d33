"""``watch``: the page that shows a run's curves and previews while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from genctl import documents
from genctl.api.pages import records
from genctl.engine.reporting.loggers import read_rows
from genctl.plots.curves import series_of
from genctl.runs import Run
from genctl.web.app import LocalServer, application, page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

MAX_POINTS, MAX_PREVIEWS = 300, 200


def state_of(run: Run) -> dict[str, Any]:
    """The state of a run, as plain JSON.

    ``series`` has up to `MAX_POINTS` pairs of examples and value for each metric, and always the
    last one. ``previews`` has ``name`` and ``kind`` (image, text or file) of the last
    `MAX_PREVIEWS` files in ``samples/``, sorted by name.
    """
    last, best = run.read("last.json") or {}, run.read("best.json")
    rows = read_rows(run.path / "metrics.jsonl")
    document = run.read("config.json") or {}
    config = document.get("config", {})
    state, _ = records.state_of(run)
    return {
        "run": run.name,
        "family": config.get("family"),
        "preset": config.get("preset"),
        "budget": config.get("train", {}).get("budget"),
        "state": state,
        "step": last.get("step", 0),
        "examples": max([last.get("position", 0), *(row["position"] for row in rows[-1:])]),
        "seconds": rows[-1].get("elapsed") if rows else None,
        "best": best,
        "series": {name: thinned(points) for name, points in series_of(rows).items()},
        "previews": [
            {"name": file.path.name, "kind": file.kind}
            for file in records.sample_files(run)[-MAX_PREVIEWS:]
        ],
    }


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most `MAX_POINTS` of ``points``, evenly spread, including the last one."""
    every = -(-len(points) // MAX_POINTS)
    return (
        [points[k] for k in range((len(points) - 1) % every, len(points), every)] if points else []
    )


def serve(run: Run, port: int) -> LocalServer:
    """Serve ``run``'s page on this machine only: ``/``, ``/state.json``, ``/samples/NAME``.

    Args:
        port: the port; 0 picks a free one.

    Raises:
        GenctlError: (FAILURE) the port cannot be used; (USAGE) the port does not exist.
    """
    from starlette.exceptions import HTTPException
    from starlette.responses import Response as Answer
    from starlette.routing import Route

    def show_page(request: Request) -> Response:
        return page("watch.html", title=run.name)

    def show_state(request: Request) -> Response:
        return Answer(documents.to_json(state_of(run)), media_type="application/json")

    def show_sample(request: Request) -> Response:
        files = {file.path.name: file for file in records.sample_files(run)}
        file = files.get(request.path_params["name"])
        if file is None:
            raise HTTPException(404)
        return Answer(file.path.read_bytes(), media_type=file.media)

    routes = [
        Route("/", show_page),
        Route("/state.json", show_state),
        Route("/samples/{name}", show_sample),
    ]
    return LocalServer(application(routes), port)
