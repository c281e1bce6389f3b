// The develop sliders: settings of each photograph, their history, copy and paste, and the file they are kept in.

import { NEUTRAL, same } from "./develop.js";
import { get, post } from "./net.js";

const ROWS = [
  ["exposure", "Exposure", 0.05, -5, 5], ["temperature", "Temperature", 50, 2000, 12000], ["tint", "Tint", 1], ["contrast", "Contrast", 1],
  ["highlights", "Highlights", 1], ["shadows", "Shadows", 1], ["saturation", "Saturation", 1],
];
const LEAST_RUN = 600;  // ms: changes of one slider closer together are one step of the history

const $ = (id) => document.getElementById(id);

export class Sliders extends EventTarget {
  constructor() {
    super();
    this.of = new Map();      // file's name -> { settings, look, past, kept }
    this.rows = {};
    for (const row of ROWS) this.build(row);
    $("reset").onclick = () => this.reset();
    $("back").onclick = () => this.back();
    $("copy").onclick = () => this.copy();
    $("paste").onclick = () => this.paste();
    $("keep").onclick = () => this.keep();
    $("looks").onchange = () => {
      this.step();
      this.now.look = $("looks").value;
      this.changed(true);
    };
  }

  build([name, label, step, least, most]) {
    const box = document.createElement("div"), text = document.createElement("label"), range = document.createElement("input");
    const number = document.createElement("input");
    box.className = "slider";
    range.type = "range";
    range.id = "slider-" + name;
    number.type = "number";
    number.step = range.step = step;
    [range.min, range.max] = [least ?? -100, most ?? 100];
    if (name === "tint") [range.min, range.max] = [-150, 150];
    number.setAttribute("aria-label", label + ", a number");
    text.htmlFor = range.id;
    text.textContent = label;
    text.title = "Double click: back to where it was at first";
    text.ondblclick = range.ondblclick = () => this.set(name, NEUTRAL[name]);
    range.oninput = () => this.set(name, +range.value);
    number.onchange = () => this.set(name, number.value === "" ? NEUTRAL[name] : +number.value);
    box.append(text, number, range);
    $("slider-rows").append(box);
    this.rows[name] = { box, range, number };
  }

  /** Another photograph: its settings of before, or those kept beside it. */
  async open(file) {
    this.file = file;
    if (!this.of.has(file.name)) {
      this.of.set(file.name, { settings: { ...NEUTRAL }, look: "camera", past: [], kept: null });
      this.show();
      try {
        const found = await get("preset", { name: file.name });
        const mine = this.of.get(file.name);
        if (found.there && !mine.past.length) {
          Object.assign(mine, { settings: { ...NEUTRAL, ...found.settings }, look: found.look, kept: JSON.stringify([found.settings, found.look]) });
          if (this.file === file) this.dispatchEvent(new CustomEvent("said", {
            detail: found.foreign ? "Settings of another program, as far as they mean the same" : "" }));
        }
      } catch { /* what can't be read is not there; keeping says why */ }
    }
    if (this.file === file) {
      this.show();
      this.dispatchEvent(new CustomEvent("changed", { detail: { look: true } }));
    }
  }

  get now() { return this.of.get(this.file?.name) ?? { settings: { ...NEUTRAL }, look: "camera", past: [] }; }
  get settings() { return this.now.settings; }
  get look() { return this.now.look; }
  get edited() { return !same(this.settings, NEUTRAL); }

  /** The light as shot, once it is known: where the sliders of temperature and tint stand. */
  shot(kelvin, tint) {
    this.light = { temperature: kelvin, tint };
    for (const name of ["temperature", "tint"]) {
      this.rows[name].range.disabled = this.rows[name].number.disabled = kelvin === null;
    }
    this.show();
  }

  set(name, value) {
    const { ranges } = this, { settings } = this.now;
    if (value !== null && ranges) value = Math.min(Math.max(value, ranges[name][0]), ranges[name][1]);
    if (settings[name] === value || Number.isNaN(value)) return this.show();
    const at = performance.now();
    if (this.running !== name || at - this.ran > LEAST_RUN) this.step();
    [this.running, this.ran] = [name, at];
    this.now.settings = { ...settings, [name]: value };
    this.changed();
  }

  step() {
    const { now } = this;
    now.past.push({ settings: now.settings, look: now.look });
    if (now.past.length > 200) now.past.shift();
  }

  back() {
    const before = this.now.past.pop();
    if (!before) return;
    const other = before.look !== this.now.look;
    Object.assign(this.now, before);
    this.running = "";
    this.changed(other);
  }

  reset() {
    if (!this.edited) return;
    this.step();
    this.now.settings = { ...NEUTRAL };
    this.running = "";
    this.changed();
  }

  copy() {
    this.copied = { settings: { ...this.settings }, look: this.look };
    $("paste").disabled = false;
    this.dispatchEvent(new CustomEvent("said", { detail: "Settings copied" }));
  }

  paste() {
    if (!this.copied) return;
    this.step();
    const other = this.copied.look !== this.look;
    Object.assign(this.now, { settings: { ...this.copied.settings }, look: this.copied.look });
    this.changed(other);
  }

  async keep(replace = false) {
    const { file, settings, look, now } = this;
    try {
      const told = await post("preset", { name: file.name, ...settings, look, replace });
      now.kept = JSON.stringify([settings, look]);
      this.show();
      this.dispatchEvent(new CustomEvent("said", { detail: "Settings " + told.said }));
    } catch (error) {
      if (error.ask) this.dispatchEvent(new CustomEvent("ask", { detail: { text: error.ask, yes: () => this.keep(true) } }));
      else this.dispatchEvent(new CustomEvent("said", { detail: error.message }));
    }
  }

  changed(look = false) {
    this.show();
    this.dispatchEvent(new CustomEvent("changed", { detail: { look } }));
  }

  show() {
    const { settings, look, past, kept } = this.now;
    $("looks").value = look;
    for (const [name, { box, range, number }] of Object.entries(this.rows)) {
      const value = settings[name] ?? this.light?.[name] ?? 0, digits = name === "exposure" ? 2 : 0;
      if (document.activeElement !== range || +range.value !== value) range.value = value;
      number.value = value.toFixed(digits);
      const words = name === "exposure" ? `${value.toFixed(2)} EV` : name === "temperature" ? `${Math.round(value)} K` : `${Math.round(value)}`;
      range.setAttribute("aria-valuetext", settings[name] === null ? words + ", as shot" : words);
      box.classList.toggle("changed", (settings[name] ?? null) !== NEUTRAL[name]);
    }
    $("reset").disabled = !this.edited;
    $("back").disabled = !past.length;
    const state = JSON.stringify([settings, look]);
    $("keep").disabled = state === kept || (!this.edited && !kept && look === "camera");
    $("kept").textContent = kept === null || kept === undefined ? "" : kept === state ? "Kept beside the photograph." : "Changed since they were kept.";
  }
}
