"""`sftp://` as its users have it with ssh: hosts by their names in `~/.ssh/config`, and only those whose key is known.

fsspec's own takes any key of any host, even where another one is known for it; whoever stands in between would read
all photographs, and could say that it kept them. It also waits for an answer to each 32 kB, and its paths don't say of
which host they are, so that a journal couldn't tell two hosts apart.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import paramiko
from fsspec.implementations.sftp import SFTPFileSystem
from upath import registry
from upath.implementations.sftp import SFTPPath

SECONDS = 20
"""That a host has to answer."""


class Sftp(SFTPFileSystem):
    """Files of a host. As fsspec's, but for whom it trusts, and how fast it reads and writes."""

    def _connect(self) -> None:
        settings = dict(self.ssh_kwargs)
        told = _config().lookup(self.host)
        settings.setdefault("username", told.get("user"))
        settings.setdefault("port", int(told.get("port", 22)))
        settings.setdefault("key_filename", told.get("identityfile"))
        settings.setdefault("timeout", SECONDS)
        name = told.get("hostname", self.host)
        self.client = paramiko.SSHClient()
        self.client.load_system_host_keys()
        self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            self.client.connect(name, **settings)
        except paramiko.BadHostKeyException as error:
            raise OSError(f"the key of {name} is not the one in ~/.ssh/known_hosts") from error
        except paramiko.SSHException as error:
            if "not found in known_hosts" in str(error):
                port = f"-p {settings['port']} " if settings["port"] != 22 else ""
                raise OSError(f"the key of {name} is not known; `ssh {port}{name}` asks about it") from error
            raise
        self.ftp, self.lock = self.client.open_sftp(), threading.RLock()

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **more: Any) -> bytes:
        """The bytes of a file, or some of them."""
        with self.lock, self.ftp.open(self._strip_protocol(path), "rb") as file:
            if start is None and end is None:
                file.prefetch()
            else:
                file.seek(start or 0)
            return bytes(file.read(None if end is None else end - (start or 0)))

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **more: Any) -> None:
        """Write a file."""
        with self.lock, self.ftp.open(self._strip_protocol(path), "xb" if mode == "create" else "wb") as file:
            file.set_pipelined(True)
            file.write(value)


def _one_by_one(ask: Callable[..., Any]) -> Callable[..., Any]:
    """The same, no two threads at once: with paramiko one may take another's answer, and both wait for ever."""

    @functools.wraps(ask)
    def asked(self: Sftp, *args: Any, **more: Any) -> Any:
        with self.lock:
            return ask(self, *args, **more)

    return asked


for name in ("info", "ls", "mkdir", "makedirs", "rmdir", "mv", "_rm"):
    setattr(Sftp, name, _one_by_one(getattr(SFTPFileSystem, name)))


def _config() -> paramiko.SSHConfig:
    path = Path.home() / ".ssh" / "config"
    try:
        return paramiko.SSHConfig.from_path(str(path))
    except OSError:
        return paramiko.SSHConfig()


class SftpPath(SFTPPath):
    """A path that says on which host it is."""

    def __str__(self) -> str:
        plain, told = super().__str__(), self.storage_options
        if "://" not in plain:  # relative to another one
            return str(plain)
        user, port = told.get("username"), told.get("port")
        at = f"{user}@" if user else ""
        return f"{self.protocol}://{at}{told.get('host', '')}{f':{port}' if port else ''}{self.path}"


# Where this file is imported, also by a worker that is handed such a path, these are what fsspec and upath take.
for protocol in ("sftp", "ssh"):
    fsspec.register_implementation(protocol, Sftp, clobber=True)
    registry.register_implementation(protocol, SftpPath, clobber=True)
