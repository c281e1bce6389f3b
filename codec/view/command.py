"""The command `view`."""

from __future__ import annotations

import argparse
import os
import threading
import webbrowser
from typing import Any

from ...bitstream.errors import InputError, UsageError
from ...bitstream.runtime.files import reason, shown
from ..cli.arguments import add_command, file_path, whole_number
from ..cli.console import show


def view_command(subparsers: Any) -> None:
    """Add `view`."""
    parser = add_command(
        subparsers, "view", "look at files in the browser, develop and export them",
        "A page from a server of this machine alone: JPEG and RAW side by side, any place at 100 %, sliders, export,\n"
        "trim, and for a RAW what a rate would leave of it. The address has a token, which lets nobody else in.\n"
        "Nothing is fetched from elsewhere, and no file is replaced unasked. Ctrl-C ends it.",
        "rawinlay view ~/Photos/2024",
    )  # fmt: skip
    parser.add_argument("path", metavar="FILE|DIR", type=file_path, nargs="?", default=file_path("."),
                        help="a photograph, and those beside it, or a folder; default: here")
    parser.add_argument("--port", type=whole_number, default=0, metavar="N", help="of the server; else a free one")
    parser.add_argument("--no-browser", action="store_true", help="open no browser, only say the address")
    parser.set_defaults(run=_view, more=[])


def _view(args: argparse.Namespace) -> None:
    from .desk import Desk
    from .folder import Folder, kind_of
    from .server import Server

    if not 0 <= args.port <= 65535:
        raise UsageError(f"port {args.port}: want 1 to 65535")
    path = args.path
    if path.is_dir():
        folder, first = Folder(path), ""
    elif path.is_file():
        if kind_of(path.name) is None:
            raise InputError(f"{shown(path)} is no JPEG and no RAW by its name")
        folder, first = Folder(path.parent, deep=False), path.name
    else:
        raise InputError(f"cannot read {shown(path)}: there is no such file or folder")
    desk = Desk(folder, first)
    try:
        server = Server(desk.route, args.port)
    except OSError as error:
        raise InputError(f"cannot listen on port {args.port}: {reason(error)}") from None
    try:
        lines = [("folder", shown(folder.root)), ("page", server.address), ("end", "Ctrl-C")]
        show(args, {"address": server.address, "folder": str(folder.root), "pid": os.getpid()}, lines, title="view")
        if not args.no_browser:
            threading.Thread(target=webbrowser.open, args=(server.address,), daemon=True).start()
        threading.Thread(target=desk.warm, name="warm", daemon=True).start()
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        desk.close()
