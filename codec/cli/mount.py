"""The command mount."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from ...bitstream.errors import InputError, UsageError
from .arguments import add_command, byte_count, file_path, whole_number
from .console import notice

CACHE = 1 << 30


def mount_command(subparsers: Any) -> None:
    """Add `mount`."""
    parser = add_command(
        subparsers, "mount", "show a folder with the RAWs beside the JPEGs that carry them, for any developer",
        "Every JPEG with a RAW has a DNG beside it, decoded when it is read; nothing takes disk. All is read-only but\n"
        "sidecars (.xmp, .pp3, ...), which go beside the JPEGs. By FUSE; with --webdav, or where there is none, by\n"
        "WebDAV on this machine only. Runs until it is unmounted or interrupted.",
        "rawinlay mount ~/Archive ~/darkroom",
    )  # fmt: skip
    parser.add_argument("folder", metavar="DIR", type=file_path, help="with JPEGs that carry RAWs")
    parser.add_argument("point", metavar="MOUNTPOINT", nargs="?", type=file_path, help="an empty folder")
    parser.add_argument("--cache", type=byte_count, default=CACHE, metavar="BYTES",
                        help="of memory for decoded RAWs; default 1G")  # fmt: skip
    parser.add_argument("--webdav", type=whole_number, nargs="?", const=0, metavar="PORT",
                        help="serve on http://127.0.0.1:PORT instead")  # fmt: skip
    parser.set_defaults(run=_mount)


def _mount(args: argparse.Namespace) -> None:
    if not args.folder.is_dir():
        raise InputError(f"cannot mount {args.folder}: it is no folder")
    if args.webdav is None and args.point is None:
        raise UsageError("no MOUNTPOINT is given: an empty folder, or --webdav")
    from ..mount.view import View

    view = View(args.folder, args.cache)
    if args.webdav is not None:
        _serve(view, args)
        return
    point: Path = args.point
    if not point.is_dir() or os.listdir(point):
        raise InputError(f"cannot mount at {point}: want an empty folder")
    if view.folder.is_relative_to(point.resolve()) or point.resolve().is_relative_to(view.folder):
        raise UsageError(f"{point} and {args.folder} lie in one another: mount elsewhere")
    try:
        from ..mount.fuse import mount
    except OSError as error:  # mfusepy finds no libfuse
        notice(f"no FUSE here ({error}): by WebDAV instead")
        _serve(view, args)
        return
    notice(f"{args.folder} is mounted at {point}; `umount {point}` or Ctrl-C ends it")
    sys.stderr.flush()
    try:
        mount(view, point, False)
    except RuntimeError as error:
        raise InputError(f"cannot mount at {point}: FUSE ended with {error}; --webdav serves without it") from None


def _serve(view: Any, args: argparse.Namespace) -> None:
    from ..mount.webdav import server

    port = args.webdav or 0
    if not 0 <= port < 1 << 16:
        raise UsageError(f"port {port}: want 1 to 65535")
    try:
        serving, url = server(view, port)
    except OSError as error:
        raise InputError(f"cannot serve on port {port}: {error.strerror or error}") from None
    notice(f"{args.folder} is at {url}; Ctrl-C ends it")
    try:
        serving.start()
    finally:
        serving.stop()
