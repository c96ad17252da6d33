"""A web application with safe response headers, and a server for it on this machine."""

from __future__ import annotations

import http
import os
import secrets
import socket
from collections.abc import Mapping, MutableMapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from genctl.errors import ExitStatus, GenctlError, Suggestion, opt
from genctl.web.render import render

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

HOST = "127.0.0.1"
HOSTS = (HOST, "localhost", "[::1]")
"""The host names that a browser on this machine may use."""

_POLICY = "default-src 'none'; img-src 'self' data:; connect-src 'self'; style-src 'unsafe-inline'"
_LAST_PORT = 65535
_SECONDS_TO_FINISH = 2
"""How long running requests may take after the server is stopped."""


def application(routes: Sequence[BaseRoute], *, hosts: Sequence[str] = HOSTS) -> ASGIApp:
    """An application with ``routes`` that only answers requests for ``hosts``.

    Another site could resolve its own name to this machine (DNS rebinding); its requests are
    refused. Responses are not cached, their types are not sniffed, and only the page's own scripts
    run. A browser gets an error as a page, other clients as JSON with ``status`` and ``error``; a
    `GenctlError` has status 500.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
        ],
        exception_handlers={
            HTTPException: _http_error,
            GenctlError: _known_error,
            Exception: _unknown_error,
        },
    )
    return _SafeAnswers(app)


def page(template: str, /, *, status: int = 200, **context: Any) -> Response:
    """The page of a template; only scripts with its ``nonce`` run."""
    from starlette.responses import HTMLResponse

    nonce = secrets.token_urlsafe(16)
    policy = f"{_POLICY}; script-src 'nonce-{nonce}'"
    return HTMLResponse(
        render(template, nonce=nonce, **context),
        status_code=status,
        headers={"Content-Security-Policy": policy},
    )


class LocalServer:
    """Serves an application on this machine until it is stopped.

    Args:
        app: the application.
        port: the port; 0 picks a free one.
        host: the address to listen on.

    Raises:
        GenctlError: (USAGE) the port does not exist; (FAILURE) it cannot be used.
    """

    def __init__(self, app: ASGIApp, port: int, host: str = HOST) -> None:
        import uvicorn

        self._socket = _listen(host, port)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_SECONDS_TO_FINISH,
            )
        )
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{host}:{self.port}/"

    def run(self) -> None:
        """Serve until `stop`.

        Raises:
            KeyboardInterrupt: Ctrl-C; earlier requests are still answered.
        """
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Let `run` return; may be called from any thread."""
        self._server.should_exit = True

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()


class _SafeAnswers:
    """Adds security headers to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.datastructures import MutableHeaders

        async def send_safely(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", _POLICY)
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
            await send(message)

        await self._app(scope, receive, send_safely)


async def _http_error(request: Request, error: Exception) -> Response:
    """Not found, or a method that is not allowed."""
    from starlette.exceptions import HTTPException

    assert isinstance(error, HTTPException)
    return _failure(request, error.status_code, error.detail, error.headers)


async def _known_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GenctlError)
    hint = f"; {error.hint}" if error.hint else ""
    return _failure(request, http.HTTPStatus.INTERNAL_SERVER_ERROR, f"{error.message}{hint}")


async def _unknown_error(request: Request, error: Exception) -> Response:
    """The response to a bug; the terminal shows the traceback."""
    return _failure(request, http.HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")


def _failure(
    request: Request, status: int, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    from starlette.responses import JSONResponse

    answer: Response
    if "text/html" in request.headers.get("accept", ""):
        answer = page("error.html", status=status, title=f"Error {status}", message=message)
    else:
        answer = JSONResponse({"status": status, "error": message}, status)
    answer.headers.update(headers or {})
    return answer


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= _LAST_PORT:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('port', port)} does not exist: the last is {_LAST_PORT}",
            option="port",
            suggest=Suggestion("", {"port": 0}, "takes a free one"),
        )
    try:
        return socket.create_server((host, port))
    except OSError as error:
        reason = os.strerror(error.errno or 0)  # Python's message also has the address
        raise GenctlError(
            ExitStatus.FAILURE,
            f"{opt('port', port)} cannot be used: {reason}",
            option="port",
            suggest=Suggestion("", {"port": 0}, "takes a free one"),
        ) from None
