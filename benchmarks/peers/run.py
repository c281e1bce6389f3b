"""One coding or decoding by a peer, to be run in a fresh process; prints one JSON object.

    python -m rawinlay.benchmarks.peers encode NAME RAW [--jpeg JPEG] --setting SETTING -o STREAM
    python -m rawinlay.benchmarks.peers decode NAME STREAM [--jpeg JPEG] -o MOSAIC.npy
    python -m rawinlay.benchmarks.peers list

The object of `encode` and `decode`:

=============  ======================================================================================================
bytes          of `encode`: what counts, see `Peer.added`
seconds        of the processor, all threads: by part (`clock.PARTS`, those that took any) and "total", from the
               interpreter's start to the result's last byte; "wall": the same by the clock
peak_memory    bytes
=============  ======================================================================================================

For "rawinlay" seconds and memory are those of the command line that it runs. Exit codes are rawinlay's own, and 6 for a
peer that can't be run here.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...bitstream.errors import RawinlayError
from ...bitstream.runtime.files import read_file, write_atomically
from ...bitstream.runtime.profile import profiling
from . import clock, registry
from .base import Peer, Unavailable

UNAVAILABLE = 6


def run(arguments: Sequence[str] | None = None, started: float | None = None) -> int:
    """The command; its exit code. started: `time.perf_counter` at the process's first line."""
    started = time.perf_counter() if started is None else started
    options = _parser().parse_args(arguments)
    if options.action == "list":
        print(json.dumps(_list()))
        return 0
    try:
        with profiling() as profile:
            peer = registry.get(options.name)
            result = (_encode if options.action == "encode" else _decode)(peer, options)
    except Unavailable as error:
        print(f"error: {error}", file=sys.stderr)
        return UNAVAILABLE
    except RawinlayError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps(result | clock.of_process(profile, started)))
    return 0


def _encode(peer: Peer, options: argparse.Namespace) -> dict[str, int]:
    data = peer.encode_file(options.input, options.jpeg, options.setting)
    with clock.part("writing"):
        write_atomically(options.output, data)
    jpeg = read_file(options.jpeg, "JPEG") if options.jpeg else None
    return {"bytes": peer.added(data, jpeg)}


def _decode(peer: Peer, options: argparse.Namespace) -> dict[str, int]:
    mosaic = peer.decode_file(options.input, options.jpeg)
    with clock.part("writing"):
        out = io.BytesIO()
        np.save(out, mosaic, allow_pickle=False)
        write_atomically(options.output, out.getvalue())
    return {}


def _list() -> list[dict[str, object]]:
    """What is said of every peer."""
    out: list[dict[str, object]] = []
    for name in registry.names():
        entry: dict[str, object] = {"name": name, "group": registry.group_of(name)}
        try:
            peer = registry.get(name)
            entry |= {"guided": peer.guided, "counts": peer.counts, "state": peer.state}
            entry["settings"] = list(peer.settings())
        except Unavailable as error:
            entry["unavailable"] = str(error)
        out.append(entry)
    return out


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rawinlay.benchmarks.peers", description="One coding by one codec.")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="what there is, as JSON")
    for action, what in (("encode", "RAW file"), ("decode", "what encode wrote")):
        one = actions.add_parser(action)
        one.add_argument("name", metavar="NAME", help="one of " + ", ".join(registry.names()))
        one.add_argument("input", type=Path, metavar="RAW" if action == "encode" else "STREAM", help=what)
        one.add_argument("--jpeg", type=Path, help="the JPEG, for a guided peer")
        one.add_argument("-o", "--output", type=Path, required=True)
        if action == "encode":
            one.add_argument("--setting", required=True)
    return parser
