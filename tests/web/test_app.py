"""The application that pages are served by: to whom it answers, and what it says of errors."""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from genctl.errors import ExitStatus, GenctlError
from genctl.web.app import LocalServer, application, page
from tests.web.asking import ask


def fine(request: Request) -> Response:
    return PlainTextResponse("fine")


def known(request: Request) -> Response:
    raise GenctlError(ExitStatus.DATA, "<b>damaged</b>", hint="mend it")


def bug(request: Request) -> Response:
    raise ZeroDivisionError("a secret")


def scripted(request: Request) -> Response:
    return page("watch.html", title="<script>alert(1)</script>")


ROUTES = [
    Route("/", fine),
    Route("/known", known),
    Route("/bug", bug),
    Route("/scripted", scripted),
]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with LocalServer(application(ROUTES), 0) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        yield server.port
        server.stop()
        thread.join(10)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])
def test_this_machine_is_answered(port: int, host: str) -> None:
    for name in (host, f"{host}:{port}"):
        answer = ask(port, "/", Host=name)
        assert (answer.status, answer.read()) == (200, b"fine")


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "127.0.0.1@evil.example",
        "[::2]",
        "[::1",
    ],
)
def test_pages_of_elsewhere_get_nothing(port: int, host: str) -> None:
    answer = ask(port, "/", Host=host)
    assert answer.status == 400
    assert b"fine" not in answer.read()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed(port: int, method: str) -> None:
    answer = ask(port, "/", method)
    assert answer.status == 405
    assert "GET" in str(answer.getheader("allow"))


@pytest.mark.parametrize(
    ("path", "status"), [("/", 200), ("/none", 404), ("/known", 500), ("/bug", 500)]
)
def test_every_answer_is_safe(port: int, path: str, status: int) -> None:
    for host in ("localhost", "evil.example"):
        answer = ask(port, path, Host=host)
        assert answer.status == (status if host == "localhost" else 400)
        policy = str(answer.getheader("content-security-policy"))
        assert policy.startswith("default-src 'none'")
        assert "script-src" not in policy
        assert answer.getheader("x-content-type-options") == "nosniff"
        assert answer.getheader("cache-control") == "no-store"
        assert answer.getheader("server") is None


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/none", 404, "Not Found"),
        ("/known", 500, "<b>damaged</b>; mend it"),
        ("/bug", 500, "internal error"),
    ],
)
def test_an_error_is_json_or_a_page(port: int, path: str, status: int, message: str) -> None:
    answer = ask(port, path)
    assert json.loads(answer.read()) == {"status": status, "error": message}
    shown = ask(port, path, Accept="text/html,*/*")
    assert (shown.status, shown.getheader("content-type")) == (status, "text/html; charset=utf-8")
    text = shown.read().decode()
    assert f"<h1>Error {status}</h1>" in text
    assert message.replace("<", "&lt;").replace(">", "&gt;") in text
    assert "secret" not in text


def test_only_the_scripts_of_the_page_run(port: int) -> None:
    nonces = set()
    for _ in range(2):
        answer = ask(port, "/scripted")
        text = answer.read().decode()
        [nonce] = re.findall(r"<script nonce=\"(.*?)\">", text)
        assert f"script-src 'nonce-{nonce}'" in str(answer.getheader("content-security-policy"))
        assert text.count("<script") == 1
        nonces.add(nonce)
    assert len(nonces) == 2


def test_a_port_in_use_is_an_error(port: int) -> None:
    with pytest.raises(GenctlError) as caught:
        LocalServer(application(ROUTES), port)
    reason = os.strerror(errno.EADDRINUSE)
    assert caught.value.message == f"port={port} cannot be used: {reason}"
    assert (caught.value.code, caught.value.hint) == (ExitStatus.FAILURE, "port=0 takes a free one")


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist_is_an_error(port: int) -> None:
    with pytest.raises(GenctlError, match=f"port={port} does not exist") as caught:
        LocalServer(application(ROUTES), port)
    assert caught.value.code == ExitStatus.USAGE


def test_a_server_names_its_address() -> None:
    with LocalServer(application(ROUTES), 0) as server:
        assert server.port > 0
        assert server.url == f"http://127.0.0.1:{server.port}/"
