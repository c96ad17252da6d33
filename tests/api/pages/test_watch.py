"""The page of a run: what it answers, and to whom."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from genctl.api.pages.watch import MAX_POINTS, serve, state_of, thinned
from genctl.runs import Run
from tests.data.pictures import pixels, write


@pytest.fixture
def run(tmp_path: Path) -> Run:
    found = Run(tmp_path / "数字-1")
    found.path.mkdir()
    sections = {name: {} for name in ("model", "data", "train", "sample")}
    config = {"family": "gan", "preset": "mlp", "seed": 0, **sections}
    found.write("config.json", {"config": config, "origins": {}})
    rows = [{"position": 10 * k, "loss": 1 / (k + 1), "lr": 1e-3} for k in range(1000)]
    lines = [json.dumps(row) for row in rows]
    (found.path / "metrics.jsonl").write_text("\n".join(lines) + "\n" + '{"position": 1', "utf-8")
    write(found.samples / "step-00000010.png", pixels(0))
    return found


@pytest.fixture
def port(run: Run) -> Iterator[int]:
    server = serve(run, 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def get(port: int, path: str, host: str | None = None) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{port}"})
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_the_state_is_that_of_the_files(run: Run) -> None:
    state = state_of(run)
    assert (state["run"], state["family"], state["state"]) == ("数字-1", "gan", "stopped")
    assert state["examples"] == 9990
    assert set(state["series"]) == {"loss", "lr"}
    assert state["series"]["loss"][-1] == (9990, 1 / 1000)
    assert state["pictures"] == ["step-00000010.png"]


@pytest.mark.parametrize("count", [0, 1, 299, 300, 301, 5000])
def test_long_curves_are_thinned_and_keep_their_end(count: int) -> None:
    points = [(float(k), 0.0) for k in range(count)]
    found = thinned(points)
    assert len(found) <= MAX_POINTS
    assert found[-1:] == points[-1:]


def test_page_state_and_pictures(run: Run, port: int) -> None:
    status, page = get(port, "/")
    assert status == 200
    assert b"http" not in page.replace(b"http-equiv", b"")  # nothing from elsewhere
    status, state = get(port, "/state.json")
    assert (status, json.loads(state)["run"]) == (200, "数字-1")
    status, picture = get(port, "/samples/step-00000010.png")
    assert (status, picture[:4]) == (200, b"\x89PNG")


@pytest.mark.parametrize(
    "path",
    ["/config.json", "/samples/../config.json", "/samples/..%2fconfig.json", "/samples/x.png"],
)
def test_nothing_else_is_given_out(port: int, path: str) -> None:
    assert get(port, path)[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
def test_pages_of_elsewhere_get_nothing(port: int, host: str) -> None:
    assert get(port, "/state.json", host)[0] == 403


BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_a_browser_shows_curves_and_the_last_picture(port: int, tmp_path: Path) -> None:
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
               "--disable-background-networking", "--disable-component-update", "--disable-sync",
               f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=3000",
               "--dump-dom")  # fmt: skip
    done = subprocess.run(
        [str(BROWSER), *options, f"http://127.0.0.1:{port}/"],
        capture_output=True,
        encoding="utf-8",
        timeout=90,
        check=False,
    )
    assert '<h1 id="name">数字-1</h1>' in done.stdout, done.stderr
    assert done.stdout.count("<figure>") == 2
    assert 'src="/samples/step-00000010.png"' in done.stdout
    assert "preset mlp" in done.stdout
