"""Codecs in processes of their own: what there is, one encoding, one decoding (`python -m rawinlay.benchmarks.peers`).

Nothing passes from the encoder to the decoder but the stream's file and the JPEG. Processes stand in a group of their
own, so that Ctrl-C reaches the benchmark alone, which then ends them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..bitstream.errors import InputError, UsageError
from .rows import Row

COMMAND = (sys.executable, "-m", "rawinlay.benchmarks.peers")
TIMEOUT = 7 * 3600  # seconds for one encode or decode
ALL = "all"
LONGEST = 300  # characters of a message that are kept


class Failed(Exception):
    """A codec did not do its work; the message is its last line."""


@dataclass(frozen=True)
class Codec:
    """A codec as `list` tells of it. unavailable: why it can't be run here; the rest may be empty then."""

    name: str
    group: str
    guided: bool = False
    counts: str = ""
    state: str = ""
    settings: tuple[str, ...] = ()
    unavailable: str = ""


class Processes:
    """Runs codecs; `stop` ends what runs and lets nothing begin."""

    def __init__(self, command: Sequence[str] = COMMAND, threads: int | None = None) -> None:
        """command: in place of `COMMAND`. threads: of numeric libraries in each process, None for their default."""
        self._command = list(command)
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self.stopped = False
        self._environment = dict(os.environ)
        if threads is not None:
            self._environment["OMP_NUM_THREADS"] = str(threads)

    def codecs(self) -> list[Codec]:
        """Every codec there is, also those that can't be run here."""
        known = set(Codec.__dataclass_fields__)
        out = []
        for entry in self._call("list"):
            kept = {name: value for name, value in entry.items() if name in known and value is not None}
            out.append(Codec(**kept | {"settings": tuple(entry.get("settings", ()))}))
        return out

    def encode(self, codec: str, raw: Path, jpeg: Path | None, setting: str, stream: Path) -> tuple[int, Row]:
        """Write `stream`; bytes that count, and the costs for a row. Raises Failed."""
        said = self._call("encode", codec, raw.resolve(), *_guide(jpeg), "--setting", setting, "-o", stream)
        return int(said["bytes"]), _cost(said)

    def decode(self, codec: str, stream: Path, jpeg: Path | None, mosaic: Path) -> Row:
        """Write `mosaic` (.npy) of a stream; the costs for a row. Raises Failed."""
        return _cost(self._call("decode", codec, stream, *_guide(jpeg), "-o", mosaic))

    def run(
        self, what: str, command: Sequence[str], environment: Mapping[str, str] | None = None, timeout: float = TIMEOUT
    ) -> str:
        """Run a command to its end: its stdout. environment: in place of ours. Failed, with the last line that it said.
        """
        with self._lock:
            if self.stopped:
                raise Failed("stopped")
            process = subprocess.Popen(
                command, env=environment or self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, errors="replace", process_group=0,
            )  # fmt: skip
            self._running.add(process)
        try:
            said, complained = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{what} took more than {timeout:g} s") from error
        finally:
            _end(process)
            with self._lock:
                self._running.discard(process)
        if process.returncode:
            last = (complained.strip() or said.strip() or "no message").splitlines()[-1][:LONGEST]
            raise Failed(f"{what}: exit {process.returncode}: {last.removeprefix('error: ')}")
        return said

    def stop(self) -> None:
        """End what runs; from now on everything is Failed."""
        with self._lock:
            self.stopped = True
            for process in self._running:
                _end(process)

    def _call(self, *words: object) -> Any:
        said = self.run(str(words[0]), [*self._command, *map(str, words)])
        try:
            return json.loads(said)
        except ValueError as error:
            raise Failed(f"{words[0]}: no JSON on stdout") from error


def choose(wanted: str, codecs: Sequence[Codec]) -> list[Codec]:
    """The codecs of "rawinlay,jxl,guided": names, groups, beginnings of names before a dash, or all; each once.

    UsageError for a word that is none of these.
    """
    out: dict[str, Codec] = {}
    for word in (part.strip() for part in wanted.split(",")):
        exact = [c for c in codecs if c.name == word]
        found = exact or [c for c in codecs if word in (ALL, c.group) or c.name.startswith(f"{word}-")]
        if not word or not found:
            groups = dict.fromkeys(c.group for c in codecs)
            there = ", ".join([*(c.name for c in codecs), *groups, ALL])
            raise UsageError(f"--codecs: there is no codec or group {word!r}; there are {there}")
        out |= {c.name: c for c in found}
    return list(out.values())


def read_codecs(processes: Processes) -> list[Codec]:
    """`Processes.codecs`; InputError with the reason where the benchmark's codecs can't be listed at all."""
    try:
        return processes.codecs()
    except Failed as error:
        raise InputError(f"cannot list the codecs ({error}); is the extra `bench` installed?") from error


def _guide(jpeg: Path | None) -> list[object]:
    return ["--jpeg", jpeg.resolve()] if jpeg else []


def _cost(said: Row) -> Row:
    seconds = {name: round(float(took), 4) for name, took in said["seconds"].items()}
    return {**seconds, "peak_memory": int(said["peak_memory"])}


def _end(process: subprocess.Popen[str]) -> None:
    """End a process and what it started, if it still runs."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            process.kill()
        process.wait()
