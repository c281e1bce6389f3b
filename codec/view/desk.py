"""What the page asks for, answered: photographs, their parts, what is known of them, what is done to them.

What takes long to import is imported when it is first needed: the page and the first JPEG are there before.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import urlencode

import numpy as np

from ...bitstream.errors import RawinlayError, UsageError
from ...bitstream.runtime import compiling
from .acts import WORDS, Acts, Exists
from .asking import box, first, light, look, order, rate, settings, text, whole
from .folder import Entry, Folder, Forbidden
from .gallery import Gallery
from .jobs import Jobs
from .opened import Opened, same_stem
from .server import Answer, Asked, as_json, asset

MARKS_AT_ONCE = 400
EARLY = 1600
"""Longest side of the picture that the page comes with, one of the gallery's."""
CALM = 0.4
"""Seconds without a thumbnail being asked for, after which marks are found at full speed."""


class Desk:
    """first: the photograph to begin with, "" for the folder."""

    def __init__(self, folder: Folder, first: str = "") -> None:
        self.folder, self.first = folder, first
        self.gallery, self.jobs = Gallery(folder), Jobs()
        self.opened = Opened(folder)
        self.acts = Acts(folder, self.opened.encoded)
        self._entries: dict[str, Entry] = {}
        self._marks: list[tuple[str, dict[str, Any]]] = []
        self._marking: threading.Thread | None = None
        self._compiled = 0.0
        self._stopped = threading.Event()
        compiling.WATCHERS.append(self._compiling)
        self._routes: dict[str, Callable[[Asked], Answer]] = {
            "api/files": self.files, "api/marks": self.marks, "api/thumb": self.thumb, "api/picture": self.picture,
            "api/look": self.numbers, "api/blocks": self.blocks, "api/view": self.view, "api/value": self.value,
            "api/progress": self.progress, "api/measure": self.measure, "api/preset": self.preset,
            "api/trial": self.trial, "api/jobs": self.all_jobs,
        }  # fmt: skip
        self._deeds: dict[str, Callable[[Asked], Answer]] = {
            "api/preset": self.keep_preset, "api/do": self.do, "api/undo": self.undo, "api/stop": self.stop,
        }  # fmt: skip

    def route(self, asked: Asked) -> Answer:
        """The answer to a request that is allowed; errors as those of the package, shown in the page."""
        found = (self._deeds if asked.post else self._routes).get(asked.path)
        if found:
            return found(asked)
        if not asked.post and asked.path in ("", "index.html"):
            return self.index()
        given = None if asked.post else asset(asked.path)
        return given or as_json({"said": "there is nothing of that name"}, 404)

    def index(self) -> Answer:
        """The page, with the first photograph's small picture in it: it is seen before anything runs."""
        page = asset("index.html")
        assert page is not None
        early = ""
        if self.first:
            address = f"api/thumb?{urlencode({'name': self.first, 'size': EARLY})}"
            early = f'<img id="early" alt="" data-name="{escape(self.first)}" src="{escape(address)}">'
        return dataclasses.replace(page, body=page.body.replace(b"<!-- early -->", early.encode()))

    def warm(self) -> None:
        """Have ready what the first photograph will need, while the browser starts."""
        if self.first:
            threading.Thread(target=self._begin, name="begin", daemon=True).start()
        from . import facts, look, picture

        assert facts and look and picture
        if self.first:
            with contextlib.suppress(RawinlayError, Forbidden):
                self.opened.picture(self.first)
        # What finds the JPEG's look needs these, when the mosaic is decoded.
        import scipy

        assert scipy.interpolate and scipy.optimize

    def _begin(self) -> None:
        with contextlib.suppress(RawinlayError, Forbidden):
            self.gallery.thumb(self.first, EARLY)
            self.opened.begin(self.first)

    def close(self) -> None:
        """Stop what goes on by itself."""
        self._stopped.set()
        compiling.WATCHERS.remove(self._compiling)
        self.opened.close()
        self.acts.close()

    def _compiling(self) -> None:
        self._compiled = time.monotonic()

    # The folder.

    def files(self, asked: Asked) -> Answer:
        """All photographs; marks begin to be found."""
        entries, whole = self.folder.entries()
        self._entries = {entry.name: entry for entry in entries}
        self._marks = []
        if self._marking is None or not self._marking.is_alive():
            self._marking = threading.Thread(target=self._mark, name="marks", daemon=True)
            self._marking.start()
        return as_json({
            "folder": self.folder.root.name or str(self.folder.root), "first": self.first, "whole": whole,
            "files": [[e.name, e.kind, e.size, e.changed] for e in entries],
        })  # fmt: skip

    def _mark(self) -> None:
        entries, marks = self._entries, self._marks
        for entry in list(entries.values()):
            if self._stopped.is_set() or entries is not self._entries:
                break
            if entry.kind == "jpeg":
                marks.append((entry.name, self.gallery.mark(entry)))
                for _ in range(20):  # whoever looks at something goes first
                    if self._stopped.wait(0.002) or time.monotonic() - self.gallery.asked > CALM:
                        break
                    time.sleep(0.02)
        if entries is not self._entries and not self._stopped.is_set():
            self._mark()

    def marks(self, asked: Asked) -> Answer:
        """What is known of the files since the n-th."""
        start = max(0, whole(asked, "from"))
        found = self._marks[start : start + MARKS_AT_ONCE]
        wanted = sum(entry.kind == "jpeg" for entry in self._entries.values())
        return as_json({"marks": found, "next": start + len(found), "all": start + len(found) >= wanted})

    def thumb(self, asked: Asked) -> Answer:
        """A small JPEG."""
        return Answer(self.gallery.thumb(text(asked, "name"), whole(asked, "size")), "image/jpeg", 200,
                      {"Cache-Control": "private, max-age=600"})  # fmt: skip

    # One photograph.

    def picture(self, asked: Asked) -> Answer:
        """What is known of a photograph at once."""
        from .facts import facts_of
        from .original import beside

        name = text(asked, "name")
        found = self.opened.picture(name)
        more = {"originals": beside(self.folder, name)} if found.tiles else {}
        if found.kind == "raw":
            more["jpegs"] = [e.name for e in self._entries.values() if e.kind == "jpeg" and same_stem(e.name, name)]
        return as_json({"name": name, **facts_of(found, self.folder.read(name)), **more})

    def progress(self, asked: Asked) -> Answer:
        """How much of a photograph's mosaic is decoded, and whether inner loops are being compiled."""
        tiles = self.opened.picture(text(asked, "name")).tiles
        return as_json({"done": tiles.done if tiles else 1.0, "compiling": time.monotonic() - self._compiled < 5})

    def numbers(self, asked: Asked) -> Answer:
        """A developer as numbers."""
        from .look import look_of

        picture = self.opened.picture(text(asked, "name"))
        return as_json(look_of(picture.first_look.developer if first(asked) else picture.developer(look(asked.query))))

    def blocks(self, asked: Asked) -> Answer:
        """What local tone looks at."""
        from .look import blocks_of

        picture = self.opened.picture(text(asked, "name"))
        return Answer(blocks_of(picture.first_look.developer if first(asked) else picture.developer("plain")).tobytes())

    def view(self, asked: Asked) -> Answer:
        """A part of a photograph, of one of its sides: "raw", "jpeg", "original", "error", "trimmed", "trial"."""
        name, side = text(asked, "name"), asked.query.get("side", "raw")
        picture = self.opened.picture(name)
        part = picture.part(box(asked), whole(asked, "step"))
        headers = {}
        if side == "raw" and first(asked):
            part, pixels = picture.first_look.part, picture.first_look.pixels(light(asked.query))
        elif side == "raw":
            pixels = picture.of_raw(part, light(asked.query), asked.query.get("quick") == "1")
        elif side == "jpeg":
            pixels = picture.of_jpeg(part)
        elif side in ("original", "error"):
            from .original import error_map, true_planes

            true = self.opened.original(name, picture)
            pixels = true_planes(true, picture, part, light(asked.query)) if side == "original" else error_map(
                true, picture, part)  # fmt: skip
        elif side in ("trimmed", "trial"):
            from .other_rates import at_another_rate

            if side == "trial":
                key = self.opened.key(name, asked.query.get("jpeg", ""), rate(asked.query))
                tried = self.opened.trials.get(key)
                if tried is None:
                    raise UsageError("it is not encoded yet")
                tiles = tried.tiles
            else:
                shorter = self.opened.shorter(name, picture, whole(asked, "bytes"))
                tiles, headers = shorter.tiles, {
                    "X-Bytes": str(shorter.grown), "X-Lossless": str(int(shorter.lossless))}  # fmt: skip
            pixels = at_another_rate(tiles, picture, part, light(asked.query))
        else:
            raise UsageError("there is no such side")
        shown = picture.view(pixels, part)
        rows, cols = shown.pixels.shape[:2]
        self.opened.trim()
        return Answer(shown.pixels.tobytes(), headers={
            **headers, "X-Box": " ".join(map(str, shown.box)), "X-Size": f"{cols} {rows}",
            "X-Pixels": "half" if shown.pixels.dtype == np.float16 else "bytes",
        })  # fmt: skip

    def measure(self, asked: Asked) -> Answer:
        """True against decoded, of a part."""
        from .original import decoded, measured, similarity

        name = text(asked, "name")
        picture = self.opened.picture(name)
        true = self.opened.original(name, picture)
        part = picture.part(box(asked), 1)
        raw = decoded(picture, part)
        if "bytes" in asked.query:
            tiles = self.opened.shorter(name, picture, whole(asked, "bytes")).tiles
            tiles.need(*part.sites)
            raw = dataclasses.replace(raw, mosaic=tiles.mosaic)
        told = {"name": true.name, "digest": true.same, **measured(true, raw, part)}
        if asked.query.get("similarity") == "1":
            from .facts import developed_pair

            pair = developed_pair(picture.developer("camera").rendering, true.raw, raw, part)
            told["ssimulacra2"] = None if told["same"] else similarity(*pair)
        return as_json(told)

    def value(self, asked: Asked) -> Answer:
        """The mosaic's value at a pixel."""
        return as_json({"value": self.opened.picture(text(asked, "name")).value(whole(asked, "x"), whole(asked, "y"))})

    def trial(self, asked: Asked) -> Answer:
        """How far an encoding at a rate is, and what came of it."""
        name, jpeg = text(asked, "name"), asked.query.get("jpeg", "")
        return as_json(self.opened.tried(name, jpeg, rate(asked.query)))

    # Settings and deeds.

    def preset(self, asked: Asked) -> Answer:
        """The settings that are kept beside a photograph."""
        from . import presets

        found = presets.read(presets.path_of(self.folder.path(text(asked, "name"))))
        return as_json({"settings": dataclasses.asdict(found.settings), "look": found.look, "there": found.there,
                        "foreign": found.foreign})  # fmt: skip

    def keep_preset(self, asked: Asked) -> Answer:
        """Keep them."""
        from . import presets

        path = presets.path_of(self.folder.path(str(asked.body.get("name"))))
        try:
            presets.write(path, settings(asked.body), look(asked.body), asked.body.get("replace") is True)
        except presets.Foreign as error:
            return as_json({"ask": f"{error}. Put these in their place? Everything else in it stays.", "said": ""}, 409)
        return as_json({"said": f"kept in {path.name}"})

    def do(self, asked: Asked) -> Answer:
        """Begin a job, or ask."""
        wanted = order(asked.body)
        try:
            self.acts.output(wanted)
        except Exists as error:
            return as_json({"ask": f"{error}. Replace it?", "said": ""}, 409)
        job = self.jobs.start(WORDS[wanted.act], lambda progress: self.acts.do(wanted, progress))
        return as_json(job.as_json())

    def all_jobs(self, asked: Asked) -> Answer:
        """All of them."""
        return as_json({"jobs": [job.as_json() for job in self.jobs.all()]})

    def undo(self, asked: Asked) -> Answer:
        """Take one back."""
        return as_json({"said": self.jobs.undo(int(asked.body.get("number", 0)))})

    def stop(self, asked: Asked) -> Answer:
        """Stop one."""
        self.jobs.stop(int(asked.body.get("number", 0)))
        return as_json({"said": ""})
