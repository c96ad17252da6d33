"""Requests to a server on this machine."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPResponse


def ask(port: int, path: str, method: str = "GET", **headers: str) -> HTTPResponse:
    """The answer to ``path``, which is sent as it is written."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers={"Host": f"127.0.0.1:{port}", **headers})
    return connection.getresponse()
