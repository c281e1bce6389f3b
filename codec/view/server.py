"""The server: loopback alone, a token in the address, nobody else's pages, nothing from outside.

Whoever asks has to name the token as the first part of the path, the server's own host, and, where a browser says from
where a request comes, the server's own origin. Everybody else, and whoever asks for what is none of the page's
business, gets 403 and nothing else.
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any

from ...bitstream.errors import RawinlayError
from .folder import Forbidden

HOST = "127.0.0.1"
MOST_BODY = 1 << 20
MOST_THREADS = 32
TYPES = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8",
         "svg": "image/svg+xml"}  # fmt: skip

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY", "Cache-Control": "no-store", "Permissions-Policy": "geolocation=(), camera=()",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What is sent. kind: the content's type; headers: more."""

    body: bytes
    kind: str = "application/octet-stream"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request that may be answered: GET's parameters, POST's JSON."""

    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    post: bool = False


Route = Callable[[Asked], Answer]


def as_json(value: Any, status: int = 200) -> Answer:
    """JSON."""
    return Answer(json.dumps(value, ensure_ascii=False, allow_nan=False).encode(), "application/json", status)


def asset(name: str) -> Answer | None:
    """A file of the page; None where there is none of that name."""
    suffix = name.rpartition(".")[2]
    if "/" in name or name.startswith(".") or suffix not in TYPES:
        return None
    found = resources.files(__package__) / "page" / name
    return Answer(found.read_bytes(), TYPES[suffix]) if found.is_file() else None


class Server(ThreadingHTTPServer):
    """route: answers what is allowed. Bound at once; `address` is where the page is."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, route: Route, port: int = 0) -> None:
        self.token = secrets.token_urlsafe(24)
        self.route = route
        self.asked = time.monotonic()
        self._room = threading.BoundedSemaphore(MOST_THREADS)
        super().__init__((HOST, port), Handler)

    @property
    def address(self) -> str:
        """With the token in it."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Each connection a thread, so many at once."""
        self._room.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """As `socketserver` has it."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is nothing to tell of."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True
    server_version, sys_version = "rawinlay", ""

    def do_GET(self) -> None:
        """What the page looks at."""
        self._answer(False)

    def do_HEAD(self) -> None:
        """The same without its body."""
        self._answer(False)

    def do_POST(self) -> None:
        """What the page has done."""
        self._answer(True)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is kept of who looked at what."""

    def _answer(self, post: bool) -> None:
        try:
            asked = self._asked(post)
            self.server.asked = time.monotonic()
            self._send(self.server.route(asked) if asked else _REFUSED)
        except Forbidden:
            self._send(_REFUSED)
        except RawinlayError as error:
            self._send(as_json({"said": str(error)}, 422))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except MemoryError:
            self._send(as_json({"said": "not enough memory for this picture"}, 422))
        except Exception as error:
            self._send(as_json({"said": f"a fault of this program ({type(error).__name__}: {error})"}, 500))

    def _asked(self, post: bool) -> Asked | None:
        """The request, None for one that is not the page's."""
        port = self.server.server_port
        hosts = [f"{name}:{port}" for name in (HOST, "localhost")]
        host = self.headers.get_all("Host", [])
        origin = self.headers.get("Origin")
        site = self.headers.get("Sec-Fetch-Site", "same-origin")
        if len(host) != 1 or host[0].lower() not in hosts or site not in ("same-origin", "none"):
            return None
        if origin is not None and origin not in [f"http://{name}" for name in hosts]:
            return None
        if post and (origin is None or self.headers.get("Content-Type") != "application/json"):
            return None
        url = urllib.parse.urlsplit(self.path)
        token, slash, rest = url.path.removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self.server.token.encode()):
            return None
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True, max_num_fields=64))
        return Asked(urllib.parse.unquote(rest), query, self._body() if post else {}, post)

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MOST_BODY:
            self.close_connection = True
            raise Forbidden
        try:
            found = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Forbidden
        return found

    def _send(self, answer: Answer) -> None:
        if answer is _REFUSED:
            self.close_connection = True  # a body that was not read may follow
        self.send_response(answer.status)
        headers = {"Content-Type": answer.kind, "Content-Length": str(len(answer.body)), **HEADERS, **answer.headers}
        if answer is _REFUSED:
            headers = {"Content-Length": "0", "Connection": "close"}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)


_REFUSED = Answer(b"", "", 403)
