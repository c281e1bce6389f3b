// The stage: one canvas on which two sides of a photograph are seen; zoom, pan, and the parts that are fetched for them.

import { part as fetchPart, thumb } from "./net.js";
import { GlPainter } from "./paint_gl.js";
import { CpuPainter } from "./paint_cpu.js";

const GROUND = [0.086, 0.086, 0.09];
const REST = 60;            // ms without a move before sharper parts are fetched
const SOFT = 1.15;          // device pixels that a part's pixel may be stretched over
const MOST_ZOOM = 32;

/** Which planes a side is made of, by the name of the server's. */
const SOURCE = { jpeg: "jpeg", raw: "raw", before: "raw", original: "original", error: "error", trimmed: "trimmed", trial: "trial" };

export class Stage extends EventTarget {
  constructor(canvas, forced) {
    super();
    this.canvas = canvas;
    this.early = document.getElementById("early");
    try {
      if (forced === "cpu") throw new Error("asked for");
      this.painter = new GlPainter(canvas);
    } catch {
      this.painter = new CpuPainter(canvas);
    }
    this.parts = new Map();   // source -> { overview, detail, key, wanted }
    this.sides = ["jpeg", "raw"];
    this.mode = "split";
    this.split = 0.5;
    this.gain = 8;
    this.marks = false;
    this.numbers = {};
    this.extra = {};          // source -> further parameters of its parts
    this.view = { x: 0, y: 0, zoom: 1 };
    this.picture = null;
    this.fitted = true;
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.resize();
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.dispatchEvent(new Event("lost"));
    });
  }

  get ratio() { return window.devicePixelRatio || 1; }

  resize() {
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    const width = Math.max(1, Math.round(clientWidth * this.ratio)), height = Math.max(1, Math.round(clientHeight * this.ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      const middle = this.middle();
      [this.canvas.width, this.canvas.height] = [width, height];
      if (this.fitted) this.fit();
      else this.centre(middle, this.view.zoom);
    }
  }

  /** Show another photograph: its thumbnail at once, at the size it is known or guessed to have. */
  async open(file, hint) {
    this.close();
    this.file = file;
    this.picture = null;
    this.marksOf = null;
    const early = this.early?.dataset.name === file.name ? this.early : null;  // the server put it into the page
    const image = early ?? Object.assign(new Image(), { decoding: "async", src: thumb(file, 1600) });
    if (!early) this.settled();
    try {
      await image.decode();
    } catch {
      this.settled();
      if (this.file === file) this.draw();
      return;
    }
    if (this.file !== file) return;
    const size = this.picture ?? { width: hint?.width ?? image.naturalWidth, height: hint?.height ?? image.naturalHeight };
    const box = { x: 0, y: 0, w: size.width, h: size.height };
    if (!this.parts.get("jpeg")?.overview) {
      this.put("jpeg", "overview", { kind: "bytes", image, width: image.naturalWidth, height: image.naturalHeight, box }, true);
      this.standin = true;
    }
    if (!this.picture) {
      this.size = size;
      this.fit();
    }
    this.draw();
    this.addEventListener("painted", () => this.settled(), { once: true });
    this.dispatchEvent(new Event("first"));
  }

  /** The picture that the page came with has done its service. */
  settled() {
    this.early?.remove();
    this.early = null;
  }

  /** The photograph's facts are there: from now on parts are fetched. */
  describe(facts) {
    const known = this.size;
    this.picture = { width: facts.width, height: facts.height };
    this.stored = facts.stored;
    this.facts = facts;
    this.size = this.picture;
    const first = this.parts.get("jpeg")?.overview;
    if (first && this.standin) first.box = { x: 0, y: 0, w: facts.width, h: facts.height };
    if (!known || this.fitted || known.width !== facts.width || known.height !== facts.height) this.fit();
    this.update();
  }

  close() {
    for (const one of this.parts.values()) {
      one.abort?.abort();
      for (const level of ["overview", "detail"]) if (one[level]) this.painter.free(one[level]);
    }
    this.parts.clear();
    this.numbers = {};
    this.extra = {};
    this.standin = false;
  }

  put(source, level, part) {
    const one = this.parts.get(source) ?? {};
    if (one[level]) this.painter.free(one[level]);
    one[level] = part && this.painter.take(part);
    this.parts.set(source, one);
  }

  /** Forget what was fetched of a source: another rate, another light. keep: until the new one is there. */
  renew(source, extra, keep = true) {
    this.extra[source] = extra;
    const one = this.parts.get(source);
    if (one && !keep) {
      one.abort?.abort();
      for (const level of ["overview", "detail"]) if (one[level]) this.painter.free(one[level]);
      this.parts.delete(source);
    }
    this.update();
  }

  // Where one looks.

  middle() {
    return { x: this.view.x + this.canvas.width / 2 / this.view.zoom, y: this.view.y + this.canvas.height / 2 / this.view.zoom };
  }

  get least() {
    return this.size ? Math.min(this.canvas.width / this.size.width, this.canvas.height / this.size.height) : 1;
  }

  fit() {
    if (!this.size) return;
    this.fitted = true;
    this.centre({ x: this.size.width / 2, y: this.size.height / 2 }, this.least, true);
  }

  centre(at, zoom, fitted = false) {
    this.fitted = fitted;
    zoom = Math.min(Math.max(zoom, Math.min(this.least, 1)), MOST_ZOOM * this.ratio);
    this.view = { zoom, x: at.x - this.canvas.width / 2 / zoom, y: at.y - this.canvas.height / 2 / zoom };
    this.hold();
    this.moved();
  }

  /** The picture stays in sight, and in the middle where it is smaller than the stage. */
  hold() {
    if (!this.size) return;
    for (const [axis, length, room] of [["x", this.size.width, this.canvas.width], ["y", this.size.height, this.canvas.height]]) {
      const seen = room / this.view.zoom;
      this.view[axis] = seen >= length ? (length - seen) / 2 : Math.min(Math.max(this.view[axis], 0), length - seen);
    }
    // whole device pixels where a pixel of the picture is one
    if (this.view.zoom >= 1) for (const axis of ["x", "y"]) this.view[axis] = Math.round(this.view[axis] * this.view.zoom) / this.view.zoom;
  }

  /** Zoom about a point of the canvas, CSS pixels; without one, about the middle. */
  zoomTo(zoom, at) {
    const point = at ?? { x: this.canvas.clientWidth / 2, y: this.canvas.clientHeight / 2 };
    const [px, py] = [point.x * this.ratio, point.y * this.ratio];
    const there = { x: this.view.x + px / this.view.zoom, y: this.view.y + py / this.view.zoom };
    zoom = Math.min(Math.max(zoom, Math.min(this.least, 1)), MOST_ZOOM * this.ratio);
    this.fitted = Math.abs(zoom / this.least - 1) < 0.001;
    this.view = { zoom, x: there.x - px / zoom, y: there.y - py / zoom };
    this.hold();
    this.moved();
  }

  pan(dx, dy) {
    this.view.x -= dx * this.ratio / this.view.zoom;
    this.view.y -= dy * this.ratio / this.view.zoom;
    this.fitted = false;
    this.hold();
    this.moved();
  }

  /** Zoom as a share of the picture's own size: 1 is 100 %. */
  get scale() { return this.view.zoom; }

  moved() {
    this.moving = true;
    this.draw();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.moving = false;
      this.update(Boolean(this.painter.coarse));  // the frame that is there is as good as another, but for a coarse one
    }, REST);
    this.dispatchEvent(new Event("moved"));
  }

  /** The part of the photograph that is in sight, whole pixels. */
  sight() {
    const { width, height } = this.size, { x, y, zoom } = this.view;
    const left = Math.max(0, Math.floor(x)), top = Math.max(0, Math.floor(y));
    const right = Math.min(width, Math.ceil(x + this.canvas.width / zoom)), bottom = Math.min(height, Math.ceil(y + this.canvas.height / zoom));
    return { x: left, y: top, w: Math.max(1, right - left), h: Math.max(1, bottom - top) };
  }

  /** The part of what is in sight that shows a source, and a little more: beside the line between two sides, one of them. */
  shown(source, sight) {
    const [left, right] = this.sides.map((side) => SOURCE[side] === source);
    if (this.mode !== "split" || left === right) return sight;
    const at = Math.min(Math.max(this.view.x + this.edge() * this.canvas.width / this.view.zoom, sight.x), sight.x + sight.w);
    const more = Math.ceil(sight.w / 32), end = sight.x + sight.w;
    const [from, to] = left ? [sight.x, Math.min(Math.ceil(at) + more, end)] : [Math.max(Math.floor(at) - more, sight.x), end];
    return { ...sight, x: from, w: Math.max(1, to - from) };
  }

  // What is fetched.

  get inUse() {
    const chosen = this.mode === "left" ? [this.sides[0]] : this.mode === "right" ? [this.sides[1]] : this.sides;
    return [...new Set(chosen.map((side) => SOURCE[side]))];
  }

  stepFor(zoom) {
    const most = SOFT / zoom;
    return most < 2 ? 1 : Math.min(Math.floor(most / 2) * 2, 64);
  }

  async update(anew = true) {
    if (anew) this.draw();
    if (!this.picture) return;
    for (const source of this.inUse) {
      if ((source === "jpeg" && !this.facts.hasJpeg) || (source !== "jpeg" && !this.facts.hasRaw)) continue;
      this.fetch(source);
    }
  }

  async fetch(source) {
    const one = this.parts.get(source) ?? {};
    this.parts.set(source, one);
    const extra = JSON.stringify(this.extra[source] ?? {});
    const whole = { x: 0, y: 0, w: this.picture.width, h: this.picture.height };
    const least = Math.max(this.stepFor(this.least), Math.max(whole.w, whole.h) > 9000 ? 4 : 1);
    if ((source === "trial" && this.extra.trial?.jpeg === undefined) || (source === "trimmed" && !this.extra.trimmed?.bytes)) return;
    if ((one.overviewKey !== extra + least || (source === "jpeg" && this.standin)) && one.loading !== extra + least) {
      one.loading = extra + least;
      await this.load(source, one, "overview", whole, least, extra + least);
    }
    const step = this.stepFor(this.view.zoom), sight = this.sight(), key = extra + JSON.stringify([step, sight]);
    if (step >= least) {
      if (one.detail) {
        this.painter.free(one.detail);
        one.detail = null;
        one.detailKey = "";
        this.draw();
      }
      return;
    }
    if (one.detailKey === key || one.wanted === key) return;
    one.wanted = key;
    const near = this.shown(source, sight);  // what is seen of it comes first, what the line hides then
    if (near.w < 0.8 * sight.w) await this.load(source, one, "detail", near, step, key);
    if (one.wanted === key && this.parts.get(source) === one) await this.load(source, one, "detail", sight, step, key);
  }

  async load(source, one, level, box, step, key) {
    const file = this.file;
    if (level === "detail") {
      one.abort?.abort();
      one.abort = new AbortController();
    }
    this.dispatchEvent(new CustomEvent("loading", { detail: +1 }));
    try {
      const query = { name: file.name, side: source, ...box, step, quick: level === "overview" ? 1 : 0, ...this.extra[source] };
      const found = await fetchPart(query, level === "detail" ? one.abort.signal : undefined);
      if (this.file !== file || this.parts.get(source) !== one) return;
      if (level === "detail" && one.wanted !== key) return;
      if (source === "jpeg" && level === "overview") this.standin = false;
      found.served = this.extra[source];
      this.put(source, level, found);
      one[level].served = found.served;
      one[level + "Key"] = key;
      this.draw();
      this.dispatchEvent(new CustomEvent("part", { detail: { source, level, headers: found.headers } }));
    } catch (error) {
      if (error.name !== "AbortError" && this.file === file) this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
      if (one.wanted === key) one.wanted = "";
    } finally {
      if (one.loading === key) one.loading = "";
      this.dispatchEvent(new CustomEvent("loading", { detail: -1 }));
    }
  }

  // What is painted.

  /** A side for a painter: the parts from coarse to fine, each with numbers. */
  side(name) {
    const source = SOURCE[name], one = this.parts.get(source), fallback = this.parts.get(name === "jpeg" ? "raw" : "jpeg");
    const own = one ? [one.overview, one.detail].filter(Boolean) : [];
    const numbers = this.numbers[name];
    const ready = own.some((part) => part.kind === "bytes" || numbers);
    if (ready) {
      const base = SOURCE[name] === "trial" || SOURCE[name] === "trimmed" ? this.parts.get("raw")?.overview : null;
      return { parts: [...(base ? [base] : []), ...own], numbers };
    }
    const first = fallback?.overview;
    return first?.kind === "bytes" || this.numbers.raw ? { parts: first ? [first] : [], numbers: this.numbers.raw } : { parts: [] };
  }

  asked() {
    return {
      width: this.canvas.width, height: this.canvas.height, ground: GROUND, mode: this.mode, split: this.edge(), gain: this.gain,
      marks: this.marks, moving: this.moving, stored: this.stored ?? [1, 0, 0, 0, 1, 0, 0, 0, 1],
      view: { ...this.view, ...(this.size ?? { width: 1, height: 1 }) }, sides: this.sides.map((name) => this.side(name)),
    };
  }

  /** Where the slider is, a share of the canvas. */
  edge() { return this.split; }

  draw() {
    if (this.queued) return;
    this.queued = requestAnimationFrame(() => {
      this.queued = 0;
      this.paint();
    });
  }

  paint() {
    const started = performance.now();
    this.painter.draw(this.asked());
    this.painted = performance.now() - started;
    this.dispatchEvent(new Event("painted"));
  }

  /** The whole of a side, small: { data, width, height }, RGBA. */
  small(name, most = 256) {
    if (!this.size) return null;
    const zoom = most / Math.max(this.size.width, this.size.height), side = this.side(name);
    const width = Math.max(1, Math.round(this.size.width * zoom)), height = Math.max(1, Math.round(this.size.height * zoom));
    if (!side.parts.length) return null;
    const overview = { ...side, parts: side.parts.slice(0, 1) };
    const view = { x: 0, y: 0, zoom, ...this.size };
    return { data: this.painter.read({ ...this.asked(), width, height, view, marks: false }, overview), width, height };
  }
}
