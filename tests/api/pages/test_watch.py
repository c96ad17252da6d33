"""The page of a run: what it answers, and to whom."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from genctl.api.pages.watch import MAX_POINTS, serve, state_of, thinned
from genctl.runs import Run
from tests.data.pictures import pixels, write
from tests.web.asking import ask


@pytest.fixture
def run(tmp_path: Path) -> Run:
    found = Run(tmp_path / "数字-1")
    found.path.mkdir()
    sections: dict[str, dict[str, object]] = {
        name: {} for name in ("model", "data", "train", "sample")
    }
    config = {"family": "gan", "preset": "mlp", "seed": 0, **sections}
    found.write("config.json", {"config": config, "origins": {}})
    rows = [{"position": 10 * k, "loss": 1 / (k + 1), "lr": 1e-3} for k in range(1000)]
    lines = [json.dumps(row) for row in rows]
    (found.path / "metrics.jsonl").write_text("\n".join(lines) + "\n" + '{"position": 1', "utf-8")
    write(found.samples / "step-00000010.png", pixels(0))
    (found.samples / "step-00000020.txt").write_text("<b>春</b>", "utf-8")
    (found.samples / "tune 1.mid").write_bytes(b"MThd")
    (found.samples / ".half.png").write_bytes(b"not whole yet")
    return found


@pytest.fixture
def port(run: Run) -> Iterator[int]:
    with serve(run, 0) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        yield server.port
        server.stop()
        thread.join(10)
        assert not thread.is_alive()


def get(port: int, path: str) -> tuple[int, bytes]:
    answer = ask(port, path)
    return answer.status, answer.read()


def test_the_state_is_that_of_the_files(run: Run) -> None:
    state = state_of(run)
    assert (state["run"], state["family"], state["state"]) == ("数字-1", "gan", "unfinished")
    assert state["examples"] == 9990
    assert set(state["series"]) == {"loss", "lr"}
    assert state["series"]["loss"][-1] == (9990, 1 / 1000)
    assert state["previews"] == [
        {"name": "step-00000010.png", "kind": "image"},
        {"name": "step-00000020.txt", "kind": "text"},
        {"name": "tune 1.mid", "kind": "file"},
    ]


def test_a_run_without_previews_has_a_state(run: Run) -> None:
    shutil.rmtree(run.samples)
    assert state_of(run)["previews"] == []


@pytest.mark.parametrize("count", [0, 1, 299, 300, 301, 5000])
def test_long_curves_are_thinned_and_keep_their_end(count: int) -> None:
    points = [(float(k), 0.0) for k in range(count)]
    found = thinned(points)
    assert len(found) <= MAX_POINTS
    assert found[-1:] == points[-1:]


def test_page_state_and_previews(run: Run, port: int) -> None:
    status, page = get(port, "/")
    assert status == 200
    assert b"http" not in page  # nothing from elsewhere
    status, state = get(port, "/state.json")
    assert (status, json.loads(state)["run"]) == (200, "数字-1")
    image = ask(port, "/samples/step-00000010.png")
    assert (image.status, image.getheader("content-type")) == (200, "image/png")
    assert image.read() == (run.samples / "step-00000010.png").read_bytes()
    text = ask(port, "/samples/step-00000020.txt")
    assert (text.status, text.getheader("content-type")) == (200, "text/plain; charset=utf-8")
    assert text.read().decode() == "<b>春</b>"
    assert get(port, "/samples/tune%201.mid") == (200, b"MThd")


@pytest.mark.parametrize(
    "path",
    [
        "/config.json",
        "/samples",
        "/samples/",
        "/samples/.",
        "/samples/..",
        "/samples/../config.json",
        "/samples/..%2fconfig.json",
        "/samples/..%5cconfig.json",
        "/samples/%2e%2e/config.json",
        "/samples/x.png",
        "/samples/.half.png",
    ],
)
def test_nothing_else_is_given_out(port: int, path: str) -> None:
    assert get(port, path)[0] == 404


def test_a_damaged_run_is_an_error_that_says_so(run: Run, port: int) -> None:
    (run.path / "config.json").write_text("{", "utf-8")
    status, answer = get(port, "/state.json")
    assert status == 500
    assert "config.json" in json.loads(answer)["error"]
    assert get(port, "/")[0] == 200  # it goes on


def test_ctrl_c_ends_it(run: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "genctl", "watch", str(run.path)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
    assert found, (line, process.stderr and process.stderr.read())
    assert get(int(found[1]), "/state.json")[0] == 200
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
@pytest.mark.parametrize(
    ("last", "shown"),
    [
        ("step-00000010.png", '<img src="/samples/step-00000010.png" alt="step-00000010.png">'),
        ("step-00000020.txt", "<pre>&lt;b&gt;春&lt;/b&gt;</pre>"),
        ("tune 1.mid", '<a href="/samples/tune%201.mid">tune 1.mid</a>'),
    ],
)
def test_a_browser_shows_curves_and_the_last_preview(
    run: Run, port: int, last: str, shown: str, tmp_path: Path
) -> None:
    for path in run.samples.iterdir():
        if path.name > last:
            path.unlink()
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
    assert f">{shown}</div>" in done.stdout
    assert "preset mlp" in done.stdout
