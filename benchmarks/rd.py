"""The rate-distortion benchmark: real files, real bytes, a fresh process for each step. `rawinlay bench rd`.

::

    RAW --guides--> JPEG ----------.
     |                             v
     +--> fresh process: encode at a setting --> stream's file --> fresh process: decode --> mosaic
     |                                               |                                         |
     '-----------------------------------------> its bytes, scores against the RAW <-----------'
                                                     |
                                   DIR/rows.jsonl, a line at once; DIR/pictures

For every RAW, every guide and every codec its settings are gone through from coarse to fine; a codec without a guide is
measured once per RAW. Codecs that take a rate are given `rates`; others sweep their own settings until a point lies
above `SWEEP_END` times the largest rate. One failure is a row with its reason; after `PATIENCE` in a row a codec is
given up for that file and guide.
"""

from __future__ import annotations

import math
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TextIO

import numpy as np

from ..bitstream.errors import RawinlayError, UsageError
from ..bitstream.raw_image import RawImage
from ..codec.source.raw import read_raw
from ..eval.scores import scores
from . import guides
from .inputs import Input
from .processes import Codec, Failed, Processes
from .rows import Results, Row, commit, key, machine, versions
from .shown import Shown

RATES = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)
LOSSLESS = math.inf  # as a rate
SWEEP_END = 2.0
PATIENCE = 3


@dataclass(frozen=True)
class Task:
    """One codec on one file with one guide; None for a codec that has no use for one."""

    source: Input
    guide: guides.Guide | None
    codec: Codec


class Benchmark:
    """One run: where the results go, and what each row says of this machine."""

    def __init__(
        self, results: Results, processes: Processes, cache: Path, shown: Shown | None, command: str = "",
        log: TextIO | None = None, fresh: bool = False,
    ) -> None:  # fmt: skip
        """cache: of guides. shown: writes pictures, or None. command: as people would repeat it. log: stderr.

        fresh: rows of other commits don't count as measured.
        """
        self.results, self.processes, self.cache, self.shown = results, processes, cache, shown
        self.setup: Row = {"machine": machine(), "commit": commit(), "versions": versions()}
        self.setup |= {"command": command} if command else {}
        self.added, self.failed, self._fresh = 0, 0, fresh
        self._log = log or sys.stderr
        self._rendering = threading.Lock()  # the programs are parallel in themselves
        self._lock = threading.Lock()
        self._tasks = (0, 0)

    def run(self, tasks: Sequence[Task], rates: Sequence[float], jobs: int) -> None:
        """Measure what is missing, `jobs` tasks at once. KeyboardInterrupt and the like end all processes first."""
        pool = ThreadPoolExecutor(max(1, jobs))
        self._tasks = (0, len(tasks))
        try:
            futures = [pool.submit(self.measure, task, rates) for task in tasks]
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
        finally:
            self.processes.stop()
            pool.shutdown(cancel_futures=True)

    def measure(self, task: Task, rates: Sequence[float]) -> None:
        """The rows of one task that are missing."""
        with self._lock:
            self._tasks = self._tasks[0] + 1, self._tasks[1]
        codec, settings = task.codec, settings_of(task.codec, rates)
        guide = task.guide.name if task.guide else ""
        head: Row = {"file": task.source.name, "guide": guide, "codec": codec.name}
        points = {s: done["bpp"] for s in settings if (done := self._done(head | {"setting": s}))}
        if self.processes.stopped or len(points) == len(settings) > 0:
            return
        head |= {"counts": codec.counts, "state": codec.state}
        if codec.unavailable:
            self._add(head | {"setting": "", "error": f"not to be run here: {codec.unavailable}"})
            return
        try:
            raw = image(task.source.raw)
            head |= {"camera": raw.camera, "pixels": raw.mosaic.size}
            jpeg = self._guide(task, head)
        except guides.Unavailable as error:
            if self.processes.stopped:
                return
            self._add(head | {"setting": "", "error": f"no guide: {error}"})
            return
        except (RawinlayError, OSError) as error:
            self._add(head | {"setting": "", "error": str(error)})
            return
        failures, enough = 0, False
        for setting in settings:
            if self.processes.stopped or failures == PATIENCE:
                break
            if enough and setting != "lossless":
                continue
            if setting not in points:
                row = self._row(task, raw, jpeg, head | {"setting": setting}, points | planned(settings))
                if row is not None:
                    self._add(row)
                    failures = failures + 1 if "error" in row else 0
                    points |= {} if "error" in row else {setting: row["bpp"]}
            enough = not planned(settings) and points.get(setting, 0) > SWEEP_END * largest(rates)
        if self.shown:
            self.shown.prune(head, points)

    def _done(self, head: Row) -> Row | None:
        """The earlier row, if it has all of today's measures and may count."""
        row = self.results.done.get(key(head))
        if not row or "edits" not in row or (self._fresh and row.get("commit") != self.setup["commit"]):
            return None
        return row

    def _guide(self, task: Task, head: Row) -> Path | None:
        if task.guide is None:
            return None
        with self._rendering:
            jpeg, head["guide_program"] = guides.render(
                task.guide, task.source, self.cache, self.processes
            )
        return jpeg

    def _row(self, task: Task, raw: RawImage, jpeg: Path | None, head: Row, points: dict[str, float]) -> Row | None:
        """Encode, decode and score one setting; an error is a row too. None where the run is being stopped."""
        try:
            with tempfile.TemporaryDirectory(prefix="rawinlay-bench-") as work:
                stream, decoded = Path(work) / "stream", Path(work) / "mosaic.npy"
                name, setting = task.codec.name, head["setting"]
                size, encode = self.processes.encode(name, task.source.raw, jpeg, setting, stream)
                decode = self.processes.decode(name, stream, jpeg if task.codec.guided else None, decoded)
                mosaic = np.load(decoded, allow_pickle=False)
                row = head | {"bytes": size, "bpp": 8 * size / raw.mosaic.size, **scores(raw, mosaic)}
                row |= {"encode": encode, "decode": decode}
                self._show(row, raw, mosaic, stream, points)
                return row
        except Exception as error:  # whatever it is, the other rows are measured
            if self.processes.stopped:
                return None
            return head | {"error": str(error) if isinstance(error, Failed | RawinlayError) else repr(error)}

    def _show(self, row: Row, raw: RawImage, mosaic: np.ndarray, stream: Path, points: dict[str, float]) -> None:
        """Pictures of a row; what goes wrong with them is told and costs no measurement."""
        try:
            if self.shown:
                self.shown.offer(row, raw, mosaic, stream, points | {row["setting"]: row["bpp"]})
        except Exception as error:
            print(f"{row['file']} {row['codec']} {row['setting']}: no pictures: {error!r}", file=self._log)

    def _add(self, row: Row) -> None:
        began, now = self.setup["commit"], commit()
        code = {"commit": now if now == began else f"{began}..{now}"}  # changed under our feet: processes saw either
        self.results.add(row | self.setup | code)
        what = " ".join(filter(None, (row["file"], row["guide"], row["codec"], row["setting"])))
        if "error" in row:
            said = f"ERROR {row['error']}"
        else:
            quality = "no error" if row["psnr"] is None else f"{row['psnr']:.2f} dB"
            said = f"{row['bpp']:.4f} bpp, {quality}, {row['encode']['total']:.1f} + {row['decode']['total']:.1f} s"
        with self._lock:
            self.added += "error" not in row
            self.failed += "error" in row
            print(f"[{self._tasks[0]}/{self._tasks[1]}] {what}: {said}", file=self._log, flush=True)


@lru_cache(maxsize=4)
def image(path: Path) -> RawImage:
    """`read_raw`, remembered: all tasks of a file want it."""
    return read_raw(path)


def tasks_of(sources: Sequence[Input], chosen: Sequence[guides.Guide], codecs: Sequence[Codec]) -> list[Task]:
    """Everything to measure, file by file, blind codecs first."""
    out = []
    for source in sources:
        out += [Task(source, None, codec) for codec in codecs if not codec.guided]
        out += [Task(source, guide, codec) for guide in chosen for codec in codecs if codec.guided]
    return out


def settings_of(codec: Codec, rates: Sequence[float]) -> list[str]:
    """What a codec is run at: the rates if it takes rates, else all of its settings; lossless only if asked for.

    A codec that knows nothing but lossless is always run.
    """
    if codec.settings == ("lossless",):
        return ["lossless"]
    exact = ["lossless"] if LOSSLESS in rates and "lossless" in codec.settings else []
    lossy = [setting for setting in codec.settings if setting != "lossless"]
    if any(setting.startswith("bpp=") for setting in lossy):
        lossy = [f"bpp={rate:g}" for rate in sorted(rates) if rate != LOSSLESS]
    return lossy + exact


def planned(settings: Sequence[str]) -> dict[str, float]:
    """Rates that are known before coding: of codecs that take one."""
    return {s: float(s.removeprefix("bpp=")) for s in settings if s.startswith("bpp=")}


def largest(rates: Sequence[float]) -> float:
    """The largest lossy rate; that of `RATES` where there is none."""
    return max((rate for rate in rates if rate != LOSSLESS), default=RATES[-1])


def parse_rates(text: str) -> list[float]:
    """`0.1,0.2,...`: bpp between 0.01 and 16, or the word lossless."""
    try:
        rates = [LOSSLESS if word.strip() == "lossless" else float(word) for word in text.split(",")]
    except ValueError:
        rates = []
    if not rates or not all(0.01 <= rate <= 16 or rate == LOSSLESS for rate in rates):
        raise UsageError(f"--rates {text!r}: want numbers of bpp between 0.01 and 16, or lossless, with commas between")
    return rates
