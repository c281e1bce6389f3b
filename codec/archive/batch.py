"""`batch`: many RAWs into their JPEGs, over and over until all are done, whatever interrupts it.

::

    folders --`shots`--> RAWs, JPEGs --`pairs`--> pairs, problems
    pairs --journal: done and unchanged? skipped--> tasks --`workers`--> outcomes --> journal, report, summary
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol

from ...bitstream.errors import InputError, UsageError
from ...bitstream.runtime.files import reason
from ...bitstream.runtime.parallel import cores
from .journal import NAME, Journal, digest_of, stamp
from .pairs import Paired, paired
from .shots import Shot, found_in, jpeg_shot, raw_shot
from .stores import Place, exists, is_folder, is_local, place
from .work import Outcome, Task, done
from .workers import Workers

Tell = Callable[[str, float], None]
class Runs(Protocol):
    """Tasks done somewhere, each once, in any order."""

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Each task's outcome, as it comes."""


Report = Callable[[dict[str, Any]], None]

OURS = ("begun", "done")
"""States of the journal in which an output is the batch's own, whole or not there."""


@dataclass(frozen=True)
class Plan:
    """What a batch is to do. found: all pairs and problems; tasks: what is left to do; skipped: what the journal knows
    as done, with its entries; unreadable: JPEGs that are none, in words."""

    found: Paired
    tasks: list[Task]
    skipped: list[dict[str, Any]]
    unreadable: list[str]
    cameras: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """What a batch did. by_camera: of what is done, RAWs, their bytes, and bytes that the JPEGs grew by; seconds."""

    done: int
    failed: int
    skipped: int
    problems: int
    by_camera: dict[str, dict[str, int]]
    seconds: float


class Batch:
    """One batch: sources into a folder, or into the JPEGs where they lie.

    sources: folders or files. to: the folder for outputs, None for in place. options: of `encode`, as keywords. jobs:
    processes, None for as many as cores; memory: bytes for all, None for no bound. force: replace outputs that no
    journal knows. InputError for a source that isn't there.
    """

    def __init__(
        self, sources: Sequence[Place], to: Place | None, options: Mapping[str, Any], *, jobs: int | None = None,
        memory: int | None = None, force: bool = False, journal: Path | None = None,
    ) -> None:  # fmt: skip
        self.sources, self.to, self.options = list(sources), to, dict(options)
        for source in self.sources:
            if not exists(source):
                raise InputError(f"cannot read {source}: there is no such file or folder")
        self.jobs = min(jobs or cores(), 64)
        self.threads = max(1, cores() // self.jobs)
        self.memory, self.force = memory, force
        self.root = _common(self.sources)
        self.journal = Journal(journal or _journal_of(to or self.root))
        self.work: Callable[[Task], Outcome] = done
        self.workers: Callable[[int, int, int | None, Callable[[Task], Outcome]], Runs] = Workers

    def plan(self, tell: Tell | None = None) -> Plan:
        """What there is, and what of it is to do; nothing is written. Without `journal.opened()` nothing is skipped."""
        raws, jpegs, sidecars = found_in(self.sources)
        outputs = {entry.get("output") for entry in self.journal.entries.values()}
        shots, unreadable = list[Shot](), list[str]()
        total = max(1, len(raws) + len(jpegs))
        for n, path in enumerate(jpegs):
            if tell:
                tell(f"looking at {len(raws) + len(jpegs)} files", n / total)
            if self.to is not None and self.to in path.parents and self.to != self.root and str(path) in outputs:
                continue  # written by this batch before
            try:
                shots.append(jpeg_shot(path))
            except InputError as error:
                unreadable.append(f"{path}: {error}")
        if self.to is None:  # in place, JPEGs that were done or begun may carry their RAWs
            ours = {entry.get("output") for entry in self.journal.entries.values() if entry["state"] in OURS}
            shots = [replace(shot, carries=False) if str(shot.path) in ours else shot for shot in shots]
        known = []
        for n, path in enumerate(raws):
            if tell:
                tell(f"looking at {len(raws) + len(jpegs)} files", (len(jpegs) + n) / total)
            known.append(raw_shot(path))
        found = paired(known, shots, sidecars)
        tasks, skipped, names = [], [], dict[Path, Path]()
        for pair in found.pairs:
            entry = self.journal.entries.get(str(pair.raw))
            output = self._output(pair.raw, pair.jpeg)
            if output in names:
                raise UsageError(f"{pair.raw} and {names[output]} would both become {output}: give them apart")
            names[output] = pair.raw
            if entry and self._stands(entry, pair.raw, pair.jpeg):
                skipped.append(entry)
                continue
            own = entry is not None and entry["state"] in OURS and entry.get("output") == str(output)
            again = own and self._was_begun(entry, pair.raw)
            tasks.append(Task(pair, output, self.options, self.force or own, again))
        return Plan(found, tasks, skipped, unreadable, {str(shot.path): shot.camera for shot in known})

    def run(self, plan: Plan, tell: Tell | None = None, report: Report | None = None) -> Summary:
        """Do what a plan says; the journal must be open. report: given a line for each RAW, as in the journal."""
        started, failed = time.monotonic(), 0
        finished = list(plan.skipped)
        begun = [task for task in plan.tasks if task.may_write]
        self.journal.add(*({**self._inputs(task), "state": "begun"} for task in begun))
        for entry in plan.skipped:
            self._report(report, {**entry, "state": "skipped"})
        for problem in plan.found.problems:
            self._report(report, {"raw": str(problem.raw), "state": "problem", "error": problem.why,
                                  "jpegs": [str(path) for path in problem.jpegs]})  # fmt: skip
        for n, outcome in enumerate(self._outcomes(plan.tasks)):
            entry = self._entry(outcome)
            self.journal.add(entry)
            self._report(report, entry)
            failed += outcome.code != 0
            if outcome.code == 0:
                finished.append(entry)
            if tell:
                tell(_pace(n + 1, len(plan.tasks), failed, time.monotonic() - started), (n + 1) / len(plan.tasks))
        groups: dict[str, dict[str, int]] = defaultdict(lambda: {"raws": 0, "raw_bytes": 0, "grown_bytes": 0})
        for entry in finished:
            group = groups[plan.cameras.get(entry["raw"], "") or "unknown"]
            group["raws"] += 1
            group["raw_bytes"] += (entry.get("raw_is") or [0])[0]
            group["grown_bytes"] += entry.get("grown", 0)
        return Summary(
            len(finished) - len(plan.skipped), failed, len(plan.skipped), len(plan.found.problems), dict(groups),
            time.monotonic() - started,
        )  # fmt: skip

    def _outcomes(self, tasks: list[Task]) -> Iterator[Outcome]:
        if tasks:
            yield from self.workers(self.jobs, self.threads, self.memory, self.work).run(tasks)

    def _output(self, raw: Place, jpeg: Place | None) -> Place:
        if self.to is None:
            return jpeg or raw.with_suffix(".jpg")
        name = jpeg.name if jpeg else f"{raw.stem}.jpg"
        root, folder = str(self.root), str(raw.parent)
        inside = folder[len(root) :].strip("/") if folder == root or folder.startswith(root.rstrip("/") + "/") else ""
        return self.to / inside / name if inside else self.to / name

    def _was_begun(self, entry: Mapping[str, Any] | None, raw: Place) -> bool:
        """Whether a run that was interrupted was at this very RAW, with the same options."""
        return entry is not None and entry["options"] == digest_of(self.options) and entry["raw_is"] == stamp(raw)

    def _stands(self, entry: Mapping[str, Any], raw: Place, jpeg: Place | None) -> bool:
        """Whether what the journal says is still so: the same inputs, options, and output."""
        if entry.get("state") != "done" or entry.get("options") != digest_of(self.options):
            return False
        if entry.get("raw_is") != stamp(raw):
            return False
        output = place(str(entry.get("output")))
        if self.to is not None and [entry.get("jpeg"), entry.get("jpeg_is")] != [_text(jpeg), stamp(jpeg)]:
            return False
        now = stamp(output)
        return now is not None and now == entry.get("output_is")

    def _entry(self, outcome: Outcome) -> dict[str, Any]:
        pair = outcome.task.pair
        entry = self._inputs(outcome.task) | {"seconds": round(outcome.seconds, 3)}
        if outcome.code:
            return entry | {"state": "failed", "error": outcome.error, "code": outcome.code}
        return entry | {
            "state": "done", "bytes": outcome.size, "sha256": outcome.sha256, "grown": outcome.grown,
            "output_is": stamp(outcome.task.output, fresh=True), "bpp": round(outcome.bpp, 5),
            "warnings": list(outcome.warnings),
            "sidecars": [str(path) for path in pair.sidecars],
        }  # fmt: skip

    def _inputs(self, task: Task) -> dict[str, Any]:
        pair = task.pair
        return {
            "raw": str(pair.raw), "jpeg": _text(pair.jpeg), "raw_is": stamp(pair.raw), "jpeg_is": stamp(pair.jpeg),
            "options": digest_of(self.options), "output": str(task.output),
        }  # fmt: skip

    @staticmethod
    def _report(report: Report | None, entry: dict[str, Any]) -> None:
        if report:
            report(entry)


class ReportFile:
    """A report as JSON lines, each on the disk when it is told. InputError where it can't be."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write the report {path}: {reason(error)}") from error

    def __call__(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """No more lines."""
        self._file.close()


def _text(path: Place | None) -> str | None:
    return None if path is None else str(path)


def _journal_of(folder: Place) -> Path:
    """In the folder itself; for one elsewhere, which no file can grow in, in the user's own folder of states."""
    if is_local(folder):
        return Path(folder) / NAME
    states = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return states / "rawinlay" / f"{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}.jsonl"


def _common(sources: Sequence[Place]) -> Place:
    """The folder that all sources lie in, the one source itself."""
    folders = [source if is_folder(source) else source.parent for source in sources]
    if len(folders) > 1 and not all(map(is_local, folders)):
        if len({str(folder).partition("://")[0] for folder in folders}) > 1:
            raise UsageError("sources of one batch lie all here or all in one store")
        levels = zip(*(str(folder).split("/") for folder in folders), strict=False)
        common = [names[0] for names in takewhile(lambda names: len(set(names)) == 1, levels)]
        if len(common) < 3:
            raise UsageError("sources of one batch lie all on one host or in one bucket")
        return place("/".join(common))
    return Path(os.path.commonpath([os.path.abspath(folder) for folder in folders])) if len(folders) > 1 else folders[0]


def _pace(number: int, of: int, failed: int, seconds: float) -> str:
    left = seconds / number * (of - number)
    told = f"{left / 3600:.1f} h" if left > 5400 else f"{left / 60:.0f} min" if left > 90 else f"{left:.0f} s"
    wrong = f", {failed} failed" if failed else ""
    return f"{number} of {of}{wrong}, {60 * number / max(seconds, 1e-3):.1f} a minute, {told} left"
