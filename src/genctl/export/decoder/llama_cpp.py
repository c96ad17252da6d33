"""Runs llama.cpp by xllamacpp in a separate process, because it crashes on unsupported CPUs.

Run as a module, this file is that process: it reads a request and writes an answer, both in JSON.
It uses the server that xllamacpp starts on this machine, because the server's answers contain
tokens, and those of xllamacpp's Python functions only text.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PACKAGE = "xllamacpp"
TIMEOUT_SECONDS = 300


class NotTriedError(Exception):
    """llama.cpp did not run at all, so the file was not tested."""


@dataclass(frozen=True)
class Request:
    """A request to llama.cpp.

    Attributes:
        model: a GGUF file.
        prompt: tokens to continue.
        count: how many greedy tokens to generate, without the end token.
        context: the context length of the model.
        text: the text to split into tokens.
        threads: the number of threads; if it exceeds the free cores, they busy-wait.
    """

    model: str
    prompt: Sequence[int]
    count: int
    context: int
    text: str
    threads: int = 1


@dataclass(frozen=True)
class Answer:
    """The answer of llama.cpp.

    Attributes:
        tokens: the tokens after the prompt.
        split: the tokens of the text.
        error: why it could not use the file; empty if it could.
    """

    tokens: Sequence[int] = ()
    split: Sequence[int] = ()
    error: str = ""


def ask(request: Request) -> Answer:
    """Run ``request`` in llama.cpp.

    Raises:
        NotTriedError: it crashed, or did not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "request.json", Path(folder) / "answer.json"
        asked.write_text(json.dumps(asdict(request)), "utf-8")
        command = [sys.executable, "-m", __name__, str(asked), str(answered)]
        try:
            ended = subprocess.run(
                command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotTriedError(str(error)) from error
        if not answered.is_file():
            raise NotTriedError(_why(ended.returncode, ended.stderr.decode(errors="replace")))
        return Answer(**json.loads(answered.read_bytes()))


def _why(code: int, log: str) -> str:
    """Why the process failed: a signal, an unsupported CPU instruction, or its own message."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    if code < 0 or not lines:
        return f"it crashed ({code})"
    return lines[-1]


def _answer(request: Request) -> Answer:
    import xllamacpp

    options = xllamacpp.CommonParams()
    options.model.path = request.model
    options.n_ctx = request.context
    options.n_parallel = 1
    options.n_gpu_layers = 0
    options.cpuparams.n_threads = options.cpuparams_batch.n_threads = request.threads
    options.warmup = False
    options.cache_type_k = options.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    try:
        server = xllamacpp.Server(options)  # kept alive: it stops without a reference
        address = server.listening_address
        written = _post(
            f"{address}/completion",
            prompt=request.prompt,
            n_predict=request.count,
            temperature=0,
            ignore_eos=True,
            return_tokens=True,
            cache_prompt=False,
        )
        split = _post(f"{address}/tokenize", content=request.text)
    except (OSError, RuntimeError, ValueError) as error:
        return Answer(error=str(error).strip().partition("\n")[0] or type(error).__name__)
    return Answer(written["tokens"], split["tokens"])


def _post(address: str, **body: Any) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    with direct.open(request, timeout=TIMEOUT_SECONDS) as response:
        return json.loads(response.read())


if __name__ == "__main__":
    found = _answer(Request(**json.loads(Path(sys.argv[1]).read_bytes())))
    Path(sys.argv[2]).write_text(json.dumps(asdict(found)), "utf-8")
