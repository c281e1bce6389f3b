"""A `View` served by WebDAV on this machine only (wsgidav under cheroot), for systems without FUSE."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable
from typing import Any

from cheroot import wsgi
from wsgidav.dav_error import HTTP_FORBIDDEN, DAVError
from wsgidav.dav_provider import DAVCollection, DAVNonCollection, DAVProvider
from wsgidav.wsgidav_app import WsgiDAVApp

from .view import View, is_sidecar

HOST = "127.0.0.1"


class _Reading(io.RawIOBase):
    """A file of a view as one that can be read and sought in."""

    def __init__(self, view: View, path: str) -> None:
        self._view, self._path, self._at = view, path, 0
        self._size = view.status(path).st_size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = self._view.read(self._path, self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class _File(DAVNonCollection):
    def __init__(self, path: str, environ: dict[str, Any], view: View) -> None:
        super().__init__(path, environ)
        self._view = view

    def get_content_length(self) -> int:
        return int(self._view.status(self.path).st_size)

    def get_content_type(self) -> str:
        ending = os.path.splitext(self.path)[1].lower()
        return {".dng": "image/x-adobe-dng", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}.get(
            ending, "application/octet-stream"
        )

    def get_last_modified(self) -> float:
        return float(self._view.status(self.path).st_mtime)

    def get_etag(self) -> str:
        found = self._view.status(self.path)
        return f"{found.st_size:x}-{found.st_mtime_ns:x}"

    def support_etag(self) -> bool:
        return True

    def support_ranges(self) -> bool:
        return True

    def get_content(self) -> io.BufferedReader:
        return io.BufferedReader(_Reading(self._view, self.path), 1 << 17)

    def begin_write(self, *, content_type: str | None = None) -> Any:
        if not is_sidecar(self.path):
            raise DAVError(HTTP_FORBIDDEN)
        return self._view.real(self.path).open("wb")

    def delete(self) -> None:
        if not is_sidecar(self.path):
            raise DAVError(HTTP_FORBIDDEN)
        self._view.real(self.path).unlink()


class _Folder(DAVCollection):
    def __init__(self, path: str, environ: dict[str, Any], view: View) -> None:
        super().__init__(path, environ)
        self._view = view

    def get_member_names(self) -> list[str]:
        return self._view.names(self.path)

    def get_member(self, name: str) -> Any:
        return _resource(f"{self.path.rstrip('/')}/{name}", self.environ, self._view)

    def create_empty_resource(self, name: str) -> Any:
        path = f"{self.path.rstrip('/')}/{name}"
        if not is_sidecar(path):
            raise DAVError(HTTP_FORBIDDEN)
        self._view.real(path).touch()
        return _File(path, self.environ, self._view)

    def create_collection(self, name: str) -> None:
        raise DAVError(HTTP_FORBIDDEN)


def _resource(path: str, environ: dict[str, Any], view: View) -> Any:
    try:
        entry = view.entry(path)
    except OSError:
        return None
    return (_Folder if entry.real and entry.real.is_dir() else _File)(path, environ, view)


class _Provider(DAVProvider):
    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    def get_resource_inst(self, path: str, environ: dict[str, Any]) -> Any:
        return _resource(path, environ, self._view)

    def is_readonly(self) -> bool:
        return False  # sidecars are written


def _of_this_machine(app: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse requests that name another host: a page of the web may lead its own name to this machine."""

    def guarded(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        if str(environ.get("HTTP_HOST", "")).partition(":")[0] not in (HOST, "localhost"):
            start("403 Forbidden", [("Content-Length", "0")])
            return [b""]
        return app(environ, start)

    return guarded


def server(view: View, port: int = 0) -> tuple[wsgi.Server, str]:
    """A server that is ready to be started, and its address; port 0 for any that is free. OSError where it is not."""
    logging.getLogger("wsgidav").setLevel(logging.ERROR)
    app = WsgiDAVApp({
        "provider_mapping": {"/": _Provider(view)}, "simple_dc": {"user_mapping": {"*": True}}, "verbose": 1,
        "property_manager": True, "lock_storage": True, "logging": {"enable": False}, "dir_browser": {"enable": True},
        "hotfixes": {"re_encode_path_info": True},
    })  # fmt: skip
    serving = wsgi.Server((HOST, port), _of_this_machine(app), numthreads=8)
    serving.prepare()
    return serving, f"http://{HOST}:{serving.bind_addr[1]}/"
