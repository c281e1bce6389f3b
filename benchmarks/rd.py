"""The rate-distortion benchmark: real files, real bytes, a fresh process for each step.

    python -m benchmarks.rd --raw DIR --guide libraw:95 --guide darktable --out results.json

For every Bayer RAW x guide x rate it runs `rawinlay encode` and `rawinlay decode` as a user would, each in its own
process, takes the sizes of the files, and compares the DNG with the RAW. The peer, JPEG XL without a guide, is swept
over its distances once per RAW. Rows go to the results file (`benchmarks.rows`) at once; started again, the command
goes on where it was stopped. `benchmarks.report` makes tables and a plot of them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

from benchmarks import guides
from benchmarks.command import exit_with
from benchmarks.peers import jxl as peers
from benchmarks.rows import REPOSITORY, Results, Row, commit, key, machine, versions
from bitstream.errors import InputError, RawinlayError, UsageError
from codec.source.raw import read_raw
from eval.compare import compare

RATES = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)
PEER_BPP = 4.5  # a sweep ends with its first point above this
RAW_SUFFIXES = set(".3fr .arw .cr2 .cr3 .crw .dng .erf .iiq .nef .nrw .orf .pef .raf .raw .rw2 .rwl .sr2 .srw".split())
LOSSLESS = math.inf  # as a rate
TIMEOUT = 6 * 3600  # seconds for one encode or decode


class Failed(Exception):
    """A command did not do its work; the message is its last line."""


class Benchmark:
    """One run: where the results go, and what each row says of this machine."""

    def __init__(self, results: Results, cache: Path, jobs: int) -> None:
        self.results, self.cache = results, cache
        self.setup: Row = {"machine": machine(), "commit": commit(), "versions": versions()}
        self.stopped = threading.Event()
        self.rendering = threading.Lock()  # the programs are parallel in themselves
        self.environment = dict(os.environ)
        self.environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
        if jobs > 1:
            self.environment["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // jobs))

    def ours(self, raw_path: Path, guide: guides.Guide, rates: Sequence[float]) -> None:
        """Measure the rates of one RAW and guide that are missing."""
        head: Row = {"file": raw_path.name, "guide": guide.name, "codec": "rawinlay"}
        missing = [rate for rate in rates if key(head | {"setting": setting(rate)}) not in self.results.done]
        if not missing or self.stopped.is_set():
            return
        raw = read_raw(raw_path)
        head |= {"camera": raw.camera, "pixels": raw.mosaic.size}
        pixels = raw.mosaic.size
        del raw
        try:
            with self.rendering:
                jpeg, head["guide_program"] = guides.render(guide, raw_path, self.cache)
        except guides.Unavailable as error:
            for rate in missing:
                self._add(head | {"setting": setting(rate), "error": f"no guide: {error}"})
            return
        for rate in missing:
            self._measure(head | {"setting": setting(rate)}, partial(self._round_trip, raw_path, jpeg, rate, pixels))

    def peer(self, raw_path: Path) -> None:
        """Measure JPEG XL's points of one RAW that are missing."""
        raw = read_raw(raw_path)
        head: Row = {"file": raw_path.name, "guide": "", "camera": raw.camera, "pixels": raw.mosaic.size}
        for companding in peers.COMPANDINGS:
            for distance in peers.distances():
                setting = {"codec": f"jxl-{companding}", "setting": f"distance={distance:g}"}
                row = self._measure(head | setting, partial(peers.measure_lossy, raw, companding, distance))
                if row is not None and row["bpp"] > PEER_BPP:
                    break
        lossless = {"codec": "jxl-lossless", "setting": "lossless"}
        self._measure(head | lossless, partial(peers.measure_lossless, raw))

    def _measure(self, head: Row, measure: Callable[[], Row]) -> Row | None:
        """The row of `head`: an earlier run's, or measured now; None where it failed or the run is being stopped."""
        if key(head) in self.results.done:
            return self.results.done[key(head)]
        if self.stopped.is_set():
            return None
        try:
            row = head | measure()
        except (Failed, RawinlayError) as error:
            row = head | {"error": str(error)}
        if "error" not in row or not self.stopped.is_set():  # being stopped is no failure of the codec
            self._add(row)
        return None if "error" in row else row

    def _add(self, row: Row) -> None:
        self.results.add(row | self.setup)
        what = " ".join(filter(None, (row["file"], row["guide"], row["codec"], row["setting"])))
        if "error" in row:
            print(f"{what}: {row['error']}", file=sys.stderr)
        else:
            quality = "no error" if row["psnr"] is None else f"{row['psnr']:.2f} dB"
            print(f"{what}: {row['bpp']:.4f} bpp, {quality}", file=sys.stderr)

    def _round_trip(self, raw_path: Path, jpeg: Path, rate: float, pixels: int) -> Row:
        """Encode, decode and compare as a user would."""
        with tempfile.TemporaryDirectory() as work:
            carrier, dng = Path(work) / "carrier.jpg", Path(work) / "decoded.dng"
            start = time.perf_counter()
            inputs = [raw_path.resolve(), "--jpeg", jpeg.resolve()]
            option = ["--lossless"] if rate == LOSSLESS else ["--bpp", f"{rate:g}"]
            said = self._command("encode", *inputs, "-o", carrier, *option)
            middle = time.perf_counter()
            self._command("decode", carrier, "-o", dng)
            end = time.perf_counter()
            grown = carrier.stat().st_size - jpeg.stat().st_size
            if said.get("metadata_bytes") != grown:
                raise Failed(f"encode says {said.get('metadata_bytes')} bytes, but the file grew by {grown}")
            measured = compare(raw_path, dng).as_json()
        row = {"bytes": grown, "bpp": 8 * grown / pixels, **measured}
        return row | {"encode_seconds": round(middle - start, 3), "decode_seconds": round(end - middle, 3)}

    def _command(self, *words: object) -> Row:
        """Run `rawinlay WORDS --json` in a fresh process; its JSON, or Failed with its last line."""
        command = [sys.executable, "-m", "codec", *map(str, words), "--json"]
        try:
            done = subprocess.run(
                command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{words[0]} took more than {TIMEOUT} s") from error
        if done.returncode:
            last = (done.stderr.strip() or "no message").splitlines()[-1]
            raise Failed(f"{words[0]}: exit {done.returncode}: {last}")
        try:
            return dict(json.loads(done.stdout))
        except ValueError as error:
            raise Failed(f"{words[0]}: no JSON object on stdout") from error


def bayer_files(folder: Path) -> list[Path]:
    """The RAWs of a folder that `read_raw` takes, by name; says on stderr why others are left out."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder")
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in RAW_SUFFIXES:
            continue
        try:
            read_raw(path)
            found.append(path)
        except InputError as error:
            print(f"left out: {error}", file=sys.stderr)
    if not found:
        raise InputError(f"{folder} holds no Bayer RAW that can be read")
    return found


def setting(rate: float) -> str:
    """What a row says of its rate."""
    return "lossless" if rate == LOSSLESS else f"bpp={rate:g}"


def parse_rates(text: str) -> list[float]:
    """`0.1,0.2,...`: bpp between 0.01 and 16, or the word lossless."""
    try:
        rates = [LOSSLESS if word.strip() == "lossless" else float(word) for word in text.split(",")]
    except ValueError:
        rates = []
    if not rates or not all(0.01 <= rate <= 16 or rate == LOSSLESS for rate in rates):
        raise UsageError(f"--rates {text!r}: want numbers of bpp between 0.01 and 16, or lossless, with commas between")
    return rates


def run(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rd", description="The rate-distortion benchmark.")
    guide_help = "libraw, darktable, rawtherapee or rtnr, each with [:quality[:sampling]]; may be repeated; libraw:95"
    rates = ",".join(f"{rate:g}" for rate in RATES)
    parser.add_argument("--raw", type=Path, required=True, metavar="DIR", help="folder of RAW files")
    parser.add_argument("--guide", action="append", metavar="NAME", help=guide_help)
    parser.add_argument("--rates", default=rates, metavar="BPP,...", help="bpp to encode at; default %(default)s")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="results, JSON lines; added to")
    parser.add_argument("--cache", type=Path, default=guides.default_cache(), metavar="DIR", help="keeps the guides")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--peer-only", action="store_true", help="JPEG XL alone")
    only.add_argument("--no-peer", action="store_true", help="rawinlay alone")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="pictures at once; times are only fair with 1")
    options = parser.parse_args(arguments)
    wanted = parse_rates(options.rates)
    chosen = [guides.parse(text) for text in options.guide or ["libraw:95"]]
    files = bayer_files(options.raw)

    results = Results(options.out)
    benchmark = Benchmark(results, options.cache, options.jobs)
    commits = {str(row.get("commit")) for row in results.done.values() if row["codec"] == "rawinlay"}
    if others := commits - {str(benchmark.setup["commit"])}:
        print(f"note: {options.out.name} keeps rows of other commits: {', '.join(sorted(others))}", file=sys.stderr)
    pool = ThreadPoolExecutor(max(1, options.jobs))
    try:
        futures = []
        for path in files:
            if not options.no_peer:
                futures.append(pool.submit(benchmark.peer, path))
            if not options.peer_only:
                futures += [pool.submit(benchmark.ours, path, guide, wanted) for guide in chosen]
        for future in wait(futures, return_when=FIRST_EXCEPTION).done:
            future.result()
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    finally:
        benchmark.stopped.set()
        pool.shutdown(cancel_futures=True)
        results.close()
    return 0


if __name__ == "__main__":
    exit_with(run)
