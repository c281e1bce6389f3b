// The page: which photograph is open, what is shown of it, and the keys.

import { Developer, NEUTRAL } from "./develop.js";
import { Deeds } from "./deeds.js";
import { drawHistogram } from "./histogram.js";
import { bytes, get, part } from "./net.js";
import { pointing, setSplit } from "./pointing.js";
import { Rates, line } from "./rates.js";
import { Sliders } from "./sliders.js";
import { Stage } from "./stage.js";
import { Strip, bytesText, words } from "./strip.js";

const wanted = decodeURIComponent(location.hash.slice(1)), early = document.getElementById("early");
if (early && wanted && early.dataset.name !== wanted) early.remove();
const $ = (id) => document.getElementById(id);
const SIDES = { jpeg: "JPEG", raw: "RAW", before: "before edits", original: "original RAW", error: "error map", trimmed: "trimmed", trial: "encoded" };
const phone = matchMedia("(max-width: 760px)");
const state = { files: [], shown: [], file: null, facts: null, developer: null };

const stage = new Stage($("canvas"), new URLSearchParams(location.search).get("paint"));
const sliders = new Sliders();
const deeds = new Deeds(ask, say);
const rates = new Rates(stage, deeds, showSides, say);
const strip = new Strip($("strip"), true, { width: 116, height: 112, thumb: 160 }, (file) => open(file));
const grid = new Strip($("grid"), false, { width: 190, height: 190, thumb: 320 }, (file, clicked) => clicked && open(file));
deeds.development = () => ({ ...sliders.settings, look: sliders.look });
window.rawinlay = { stage, sliders, state };  // for whoever looks into it, tests too

// Words for the person.

let saying;
function say(text) {
  if (!text) return;
  $("say").textContent = text;
  $("say").classList.add("there");
  clearTimeout(saying);
  saying = setTimeout(() => $("say").classList.remove("there"), 5000);
}

function ask(text) {
  const dialog = $("ask");
  $("ask-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}

function trouble(text) {
  $("trouble").textContent = text;
  $("trouble").hidden = !text;
}

// The folder.

async function list() {
  const found = await get("files");
  const before = new Map(state.files.map((file) => [file.name, file]));
  state.files = found.files.map(([name, kind, size, changed]) => {
    const known = before.get(name);
    return known && known.changed === changed && known.size === size ? known : { name, kind, size, changed, mark: null };
  });
  $("folder-name").textContent = found.folder + (found.whole ? "" : " (in part: it has too many files)");
  arrange();
  marks();
  return found;
}

async function marks() {
  const turn = (state.turn = (state.turn ?? 0) + 1), named = new Map(state.files.map((file) => [file.name, file]));
  for (let from = 0; turn === state.turn;) {
    const found = await get("marks", { from }).catch(() => ({ marks: [], next: from, all: true }));
    for (const [name, mark] of found.marks) {
      const file = named.get(name);
      if (!file) continue;
      file.mark = mark;
      strip.marked(file);
      grid.marked(file);
    }
    from = found.next;
    if (found.all) break;
    await new Promise((done) => setTimeout(done, found.marks.length ? 60 : 250));
  }
  if (turn === state.turn && ($("filter").value !== "all" || ["bytes", "bpp"].includes($("sort").value))) arrange();
}

function arrange() {
  const wanted = $("filter").value, by = $("sort").value, text = $("find").value.trim().toLowerCase();
  const fits = (file) => {
    if (text && !file.name.toLowerCase().includes(text)) return false;
    if (wanted === "all") return true;
    if (wanted === "file") return file.kind === "raw";
    if (wanted === "lossless" || wanted === "lossy") return file.mark?.raw === "intact" && file.mark.lossless === (wanted === "lossless");
    if (wanted === "damaged") return ["damaged", "unreadable"].includes(file.mark?.raw);
    return file.mark?.raw === wanted;
  };
  state.shown = state.files.filter(fits);
  const key = { changed: (f) => -f.changed, size: (f) => -f.size, bytes: (f) => -(f.mark?.bytes ?? 0), bpp: (f) => -(f.mark?.bpp ?? 0) }[by];
  if (key) state.shown.sort((a, b) => key(a) - key(b));
  const at = state.shown.indexOf(state.file);
  strip.show(state.shown, at);
  grid.show(state.shown, at);
  $("count").textContent = `${state.shown.length} of ${state.files.length}`;
}

function folder(on) {
  document.body.classList.toggle("folder", on);
  $("folder").hidden = !on;
  if (on) {
    $("name").textContent = $("folder-name").textContent;
    grid.layout();
    grid.select(Math.max(state.shown.indexOf(state.file), 0), true);
  } else if (state.file) {
    $("name").textContent = state.file.name;
    stage.resize();
  }
}

// One photograph.

async function open(file) {
  if (!file) return;
  state.file = file;
  state.facts = state.developer = null;
  state.missing = new Set(["look", "planes"]);
  looking(false);
  folder(false);
  trouble("");
  $("name").textContent = file.name;
  document.title = file.name + " · rawinlay";
  history.replaceState(null, "", "#" + encodeURIComponent(file.name));
  $("carries").replaceChildren();
  $("pointer").textContent = "\u00a0";
  drawHistogram($("histogram"), $("clipped"), null);
  strip.select(state.shown.indexOf(file));
  showSides("jpeg", "raw", "split");
  const first = stage.open(file, null), settings = sliders.open(file);
  try {
    const facts = await get("picture", { name: file.name });
    if (state.file !== file) return;
    state.facts = facts;
    describe(facts);
    if (facts.first) firstLook(file).catch(() => undefined);  // the RAW itself is on its way
    const developed = facts.hasRaw ? Promise.all([settings, develop()]) : null;
    await first;
    if (state.file !== file) return;
    stage.describe(facts);
    await developed;
  } catch (error) {
    if (state.file === file) trouble(error.message);
  }
}

function describe(facts) {
  const badges = [];
  if (facts.kind === "raw") badges.push(["RAW file", ""]);
  else if (facts.damage) badges.push(["damaged", "bad"]);
  else if (!facts.hasRaw) badges.push([facts.refused ? "RAW, not developed" : "no RAW", ""]);
  else badges.push([facts.lossless ? "lossless" : "lossy", ""], [`${bytesText(facts.grown)} · ${facts.bpp.toFixed(2)} bpp`, ""], ["intact", "good"]);
  badges.push([`${facts.width} × ${facts.height}`, ""]);
  $("carries").replaceChildren(...badges.map(([text, kind]) => Object.assign(document.createElement("span"), { className: "badge " + kind, textContent: text })));
  const rows = [["File", state.file.name], ["Size", bytesText(facts.bytes)], ["Picture", `${facts.width} × ${facts.height}`], ...facts.about];
  if (facts.hasRaw) rows.push(["Mosaic", `${facts.mosaic.join(" × ")}, ${facts.cfa}`], ["Levels", `black ${facts.black[0]}, white ${facts.white}`]);
  if (facts.kind === "carrier") rows.push(["RAW", words({ kind: "jpeg", mark: { raw: "intact", bytes: facts.grown, bpp: facts.bpp, lossless: facts.lossless } })],
    ["Layers", String(facts.layers)]);
  $("about").replaceChildren(...rows.flatMap(([name, text]) => line(name, text)));
  $("warnings").replaceChildren(...facts.warnings.map((text) => Object.assign(document.createElement("p"), { className: "warning", textContent: text })));
  $("sliders").disabled = !facts.hasRaw;
  $("no-raw").hidden = facts.hasRaw;
  $("no-raw").textContent = facts.refused ? `${cap(facts.refused)} yet; it can be written as a DNG.` : facts.damage ? `Its RAW can't be decoded: ${facts.damage}.` : "It carries no RAW: there is nothing to develop.";
  if (facts.damage) trouble(`Its RAW can't be decoded: ${facts.damage}. The JPEG is shown.`);
  for (const option of $("left-side").options)
    option.disabled = option.hidden = (option.value === "original" && !facts.originals?.length) || (option.value === "before" && !facts.hasRaw);
  if (!facts.hasRaw) showSides("jpeg", "raw", "left");
  else if (facts.kind === "raw") showSides("jpeg", "raw", "right");
  deeds.open(state.file, facts);
  rates.open(state.file, facts);
}

/** What the recipe says of the RAW, shown until the RAW is there; it says so. */
async function firstLook(file) {
  const name = file.name, query = { name, first: 1 };
  const [numbers, blocks, found] = await Promise.all([get("look", query), bytes("blocks", query),
    part({ name, side: "raw", x: 0, y: 0, w: 1, h: 1, step: 2, first: 1 })]);
  if (state.file !== file || state.missing.size < 2) return;
  looking(true);
  take(numbers, blocks);
  stage.put("raw", "overview", found);
  edit();
}

/** Whether it is the first look that is shown. */
function looking(on) {
  state.first = on;
  $("stage").classList.toggle("first", on);
}

function take(numbers, blocks) {
  state.developer = new Developer(numbers, new Float32Array(blocks));
  sliders.ranges = numbers.constants.ranges;
  sliders.shot(numbers.kelvin, numbers.tint);
}

function came(what) {
  state.missing.delete(what);
  if (state.first && !state.missing.size) looking(false);
}

/** The developer's numbers for the look that is chosen; waits until the mosaic is whole. */
async function develop() {
  const { file } = state, { look } = sliders;
  busy(true);
  const watch = setInterval(async () => {
    const { done, compiling } = await get("progress", { name: file.name }).catch(() => ({ done: 1 }));
    if (compiling) say("Compiling for this processor: the first run only, about a minute");
    if (done < 1) $("busy").title = `${Math.round(100 * done)} % decoded`;
  }, 700);
  try {
    const [numbers, blocks] = await Promise.all([get("look", { name: file.name, look }), bytes("blocks", { name: file.name })]);
    if (state.file !== file || sliders.look !== look) return;
    take(numbers, blocks);
    came("look");
    edit();
    relight();
  } finally {
    clearInterval(watch);
    busy(false);
  }
}

/** The settings have changed: new numbers for what is painted, nothing is fetched. */
function edit() {
  const { developer } = state;
  if (!developer) return;
  const { settings } = sliders, served = stage.extra.raw ?? {};
  const light = { ...NEUTRAL, temperature: served.temperature ?? null, tint: served.tint ?? null };
  for (const name of ["raw", "original", "trimmed", "trial"]) stage.numbers[name] = developer.numbers(settings, light);
  stage.numbers.before = developer.numbers(NEUTRAL, light);
  stage.draw();
  later("histogram", 90, histogram);
}

/** Planes are divided by the light that was chosen once it rests, as the export does it; until then by the last one. */
function relight() {
  later("light", 250, async () => {
    const { temperature, tint } = sliders.settings, now = stage.extra.raw ?? {};
    if ((now.temperature ?? null) === temperature && (now.tint ?? null) === tint) return;
    const light = {};
    if (temperature !== null) light.temperature = temperature;
    if (tint !== null) light.tint = tint;
    for (const source of ["original", "trimmed", "trial"]) stage.renew(source, { ...stage.extra[source], temperature: light.temperature, tint: light.tint }, false);
    stage.renew("raw", light, false);
    edit();
  });
}

const timers = {};
function later(name, wait, work) {
  clearTimeout(timers[name]);
  timers[name] = setTimeout(work, wait);
}

function histogram() {
  if (!state.developer) return;
  const name = ["trial", "error"].includes(stage.sides[1]) ? "raw" : stage.sides[1];
  drawHistogram($("histogram"), $("clipped"), stage.small(name));
}

let doing = 0;
function busy(on) {
  doing += on ? 1 : -1;
  $("busy").hidden = doing <= 0;
}

// What is shown.

function showSides(left, right, mode) {
  stage.sides = [left, right];
  if (["jpeg", "before", "original"].includes(left)) $("left-side").value = left;
  show(mode);
}

function show(mode) {
  stage.mode = mode;
  for (const button of $("modes").children) button.setAttribute("aria-pressed", button.dataset.mode === mode);
  const [left, right] = stage.sides;
  $("modes").children[0].textContent = cap(SIDES[left]);
  $("modes").children[2].textContent = cap(SIDES[right]);
  $("divider").hidden = mode !== "split";
  $("left-name").textContent = SIDES[left];
  $("right-name").textContent = mode === "difference" ? "difference" : SIDES[right];
  $("left-name").hidden = mode === "right" || mode === "difference";
  $("right-name").hidden = mode === "left";
  $("gain-label").hidden = mode !== "difference";
  $("before").setAttribute("aria-pressed", right === "before");
  stage.update();
  later("histogram", 150, histogram);
}

const cap = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function before(on) {
  if (!state.developer) return;
  const [left, right] = stage.sides;
  if (on === (right === "before")) return;
  showSides(left, on ? "before" : "raw", stage.mode);
}

function zoomWords() {
  $("zoom").textContent = `${(100 * stage.scale / 1).toFixed(stage.scale < 0.1 ? 1 : 0)} %`;
  for (const button of document.querySelectorAll("[data-zoom]"))
    button.setAttribute("aria-pressed", button.dataset.zoom === "fit" ? stage.fitted : !stage.fitted && Math.abs(stage.scale - button.dataset.zoom) < 0.01);
}

function zoom(to) {
  if (to === "fit") stage.fit();
  else stage.zoomTo(+to);
}

async function pointed(at) {
  if (!at || !state.facts?.hasRaw || !state.developer) return;
  const x = Math.floor(stage.view.x + at.x * stage.ratio / stage.view.zoom), y = Math.floor(stage.view.y + at.y * stage.ratio / stage.view.zoom);
  if (x < 0 || y < 0 || x >= state.facts.width || y >= state.facts.height) {
    $("pointer").textContent = "\u00a0";
    return;
  }
  const { file } = state, { value } = await get("value", { name: file.name, x, y }).catch(() => ({}));
  if (value && state.file === file) $("pointer").textContent = `${value[0]}, ${value[1]}: ${value[3]} ${value[2]} DN${value[2] >= state.facts.white ? ", saturated" : ""}`;
}

// Wiring.

stage.addEventListener("moved", zoomWords);
stage.addEventListener("part", (event) => {
  trouble(state.facts?.damage ? $("trouble").textContent : "");
  const { source, headers } = event.detail;
  if (source === "raw") came("planes");
  if (source === "trimmed" && headers.get("X-Bytes")) rates.trimWords(+headers.get("X-Bytes"), headers.get("X-Lossless") === "1");
  later("histogram", 90, histogram);
});
stage.addEventListener("trouble", (event) => trouble(event.detail.message));
stage.addEventListener("loading", (event) => busy(event.detail > 0));
stage.addEventListener("lost", () => trouble("The graphics card was taken away: load the page anew."));
sliders.addEventListener("changed", (event) => {
  if (event.detail.look && state.facts?.hasRaw) develop().catch((error) => trouble(error.message));
  else edit();
  relight();
});
sliders.addEventListener("said", (event) => say(event.detail));
sliders.addEventListener("ask", async (event) => (await ask(event.detail.text)) && event.detail.yes());
deeds.addEventListener("written", () => list().catch((error) => say(error.message)));
pointing(stage, $("stage"), $("divider"));
setSplit(stage, $("divider"), 0.5);
$("stage").addEventListener("pointed", (event) => later("pointed", 30, () => pointed(event.detail)));
for (const button of $("modes").children) button.onclick = () => show(button.dataset.mode);
for (const button of document.querySelectorAll("[data-zoom]")) button.onclick = () => zoom(button.dataset.zoom);
$("left-side").onchange = () => showSides($("left-side").value, "raw", stage.mode === "right" ? "split" : stage.mode);
$("gain").onchange = () => { stage.gain = +$("gain").value; stage.draw(); };
$("marks").onclick = () => { stage.marks = !stage.marks; $("marks").setAttribute("aria-pressed", stage.marks); stage.draw(); };
$("before").onclick = () => before(stage.sides[1] !== "before");
$("to-grid").onclick = () => folder(!document.body.classList.contains("folder"));
$("previous").onclick = () => step(-1);
$("next").onclick = () => step(1);
$("help-button").onclick = () => $("help").showModal();
for (const id of ["filter", "sort"]) $(id).onchange = arrange;
$("find").oninput = () => later("find", 120, arrange);

function step(by) {
  const at = state.shown.indexOf(state.file) + by;
  if (at >= 0 && at < state.shown.length) open(state.shown[at]);
}

const tabs = [...document.querySelectorAll("[role=tab]")];
function tab(chosen, focus = true) {
  for (const one of tabs) {
    const on = one === chosen;
    one.setAttribute("aria-selected", on);
    one.tabIndex = on ? 0 : -1;
    $(one.getAttribute("aria-controls")).hidden = !on;
  }
  if (focus) chosen.focus();
}
tabs.forEach((one, n) => {
  one.onclick = () => tab(one);
  one.onkeydown = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by) {
      event.preventDefault();
      event.stopPropagation();
      tab(tabs[(n + by + tabs.length) % tabs.length]);
    }
  };
});

const PLAIN = {
  j: () => show("left"), s: () => show("split"), r: () => show("right"), d: () => show("difference"), x: () => $("marks").click(),
  b: () => before(stage.sides[1] !== "before"), c: () => sliders.copy(), v: () => sliders.paste(), g: () => $("to-grid").click(),
  e: () => { tab($("tab-export")); $("act").focus(); }, "?": () => $("help").showModal(), 0: () => zoom("fit"), 1: () => zoom(1), 2: () => zoom(2),
  "+": () => stage.zoomTo(stage.scale * 1.25), "=": () => stage.zoomTo(stage.scale * 1.25), "-": () => stage.zoomTo(stage.scale / 1.25),
  "[": () => setSplit(stage, $("divider"), stage.split - 0.02), "]": () => setSplit(stage, $("divider"), stage.split + 0.02),
  Backspace: () => sliders.reset(), Escape: () => folder(true), " ": () => before(true),
};
const PAN = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };

document.addEventListener("keydown", (event) => {
  const on = event.target, writes = on.matches("input:not([type=range]), select, textarea");
  if (document.querySelector("dialog[open]") || event.altKey) return;
  if (event.ctrlKey || event.metaKey) {
    if (event.key === "s" && !$("keep").disabled) { event.preventDefault(); sliders.keep(); }
    else if (event.key === "s") event.preventDefault();
    if (event.key === "z" && !writes) { event.preventDefault(); sliders.back(); }
    return;
  }
  if (writes || (document.body.classList.contains("folder") && !["g", "?"].includes(event.key))) return;
  if (PAN[event.key]) {
    if (on.matches("input")) return;
    event.preventDefault();
    if (!stage.fitted) stage.pan(...PAN[event.key]);
    else if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    return;
  }
  if (event.key === " " && on.matches("button, summary")) return;
  const work = PLAIN[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!work || (event.key === " " && event.repeat)) return;
  event.preventDefault();
  work();
});
document.addEventListener("keyup", (event) => {
  if (event.key === " " && !event.target.matches("button, select, input")) before(false);
});

list().then((found) => {
  const wanted = decodeURIComponent(location.hash.slice(1)) || found.first;
  const file = state.files.find((one) => one.name === wanted);
  if (file) open(file);
  else if (state.files.length === 1 && !phone.matches) open(state.files[0]);
  else folder(true);
  if (!state.files.length) say("There are no photographs in this folder");
}).catch((error) => trouble(error.message));
zoomWords();
