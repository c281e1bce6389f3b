// Rates: what trimming would leave, what encoding would leave, and how far the decoded RAW is from the original.

import { get } from "./net.js";
import { bytesText } from "./strip.js";

const $ = (id) => document.getElementById(id);
const LOSSLESS = 101, CALM = 350;
const LEAST_BPP = 0.05, MOST_BPP = 8;  // between which the slider stands for even steps of their logarithm

export class Rates {
  constructor(stage, deeds, show, say) {
    Object.assign(this, { stage, deeds, showSides: show, say });
    $("trim-rate").oninput = () => this.trim();
    $("trim-write").onclick = () => deeds.start({ act: "trim", name: this.file.name, size: this.bytes() });
    $("trial-quality").oninput = () => this.tryIt();
    $("trial-unit").onchange = () => this.unit();
    $("trial-jpeg").onchange = () => this.tryIt();
    $("trial-start").onclick = () => this.tryIt();
    $("trial-encode").onclick = () => deeds.start({ act: "encode", name: this.file.name, jpeg: $("trial-jpeg").value, ...this.rate() });
    $("measure").onclick = () => this.measure();
    $("error-map").onclick = () => {
      const on = this.stage.sides[1] !== "error";
      show(on ? "raw" : "jpeg", on ? "error" : "raw", on ? "right" : "split");
      $("error-map").setAttribute("aria-pressed", on);
    };
  }

  open(file, facts) {
    Object.assign(this, { file, facts });
    clearTimeout(this.waiting);
    this.last = null;
    const raw = facts.kind === "raw", layers = facts.kind === "carrier" && facts.layers > 1 && facts.least < facts.grown;
    $("trial").hidden = !raw;
    $("trim").hidden = !layers;
    $("original").hidden = !facts.originals?.length;
    $("measured").replaceChildren();
    $("error-map").setAttribute("aria-pressed", "false");
    $("no-rate").hidden = raw || layers;
    $("no-rate").textContent = !facts.hasRaw ? "It carries no RAW." :
      `${bytesText(facts.grown ?? 0)}, ${(facts.bpp ?? 0).toFixed(2)} bits per pixel, ${facts.lossless ? "lossless" : "lossy"}. ` +
      "Its RAW has one layer: only what was encoded with --trimmable can be made smaller later.";
    if (facts.originals?.length) $("original-name").textContent = facts.originals[0];
    if (raw) {
      $("trial-jpeg").replaceChildren(...(facts.jpegs ?? []).map((name) => new Option(name.split("/").pop(), name)), new Option("its own preview", ""));
      $("trial-size").textContent = "—";
      $("trial-share").textContent = "";
      this.words();
    }
    if (layers) {
      $("trim-rate").value = 1000;
      this.trimWords(facts.grown, facts.lossless);
    }
  }

  /** Bytes that the trim slider stands for: even steps of their logarithm. */
  bytes() {
    const { least, grown } = this.facts, share = $("trim-rate").value / 1000;
    return share >= 1 ? grown : Math.round(least * (grown / least) ** share);
  }

  trimWords(bytes, lossless) {
    const bpp = 8 * bytes / this.facts.sites;
    $("trim-size").textContent = bytesText(bytes);
    $("trim-text").textContent = `${bpp.toFixed(2)} bits per pixel`;
    $("trim-share").textContent = lossless ? "lossless" : `${Math.round(100 * bytes / this.facts.grown)} % of now`;
    $("trim-rate").setAttribute("aria-valuetext", `${bytesText(bytes)}, ${bpp.toFixed(2)} bits per pixel`);
    $("trim-write").disabled = bytes >= this.facts.grown;
  }

  trim() {
    const bytes = this.bytes();
    this.trimWords(bytes, bytes >= this.facts.grown && this.facts.lossless);
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.stage.renew("trimmed", { ...this.stage.extra.raw, bytes });
      this.showSides("raw", "trimmed", "split");
    }, CALM / 2);
  }

  /** What the slider stands for, as `encode` takes it. */
  rate() {
    const at = +$("trial-quality").value, unit = $("trial-unit").value;
    if (at === LOSSLESS) return { lossless: true };
    if (unit === "quality") return { quality: at };
    const bpp = LEAST_BPP * (MOST_BPP / LEAST_BPP) ** (at / (LOSSLESS - 1));
    return unit === "bpp" ? { bpp: +bpp.toPrecision(2) } : { size: Math.max(+(bpp * this.facts.sites / 8).toPrecision(2), 1000) };
  }

  words() {
    const rate = this.rate(), [[unit, value]] = Object.entries(rate);
    const text = unit === "lossless" ? unit : unit === "size" ? bytesText(value) : String(value);
    $("trial-quality-text").textContent = text;
    $("trial-quality").setAttribute("aria-valuetext", text);
    $("trial-quality-label").textContent = { quality: "Quality", bpp: "Bits per pixel", size: "Size" }[$("trial-unit").value];
    return rate;
  }

  /** Another unit: the slider goes to what was tried last, where that is known. */
  unit() {
    const { bpp } = this.last ?? {};
    if ($("trial-unit").value !== "quality" && bpp && +$("trial-quality").value !== LOSSLESS)
      $("trial-quality").value = Math.min(Math.max(Math.round((LOSSLESS - 1) * Math.log(bpp / LEAST_BPP) / Math.log(MOST_BPP / LEAST_BPP)), 0), LOSSLESS - 1);
    this.words();
  }

  /** Encode the whole picture in memory at this rate; what is there before is shown until it is done. */
  tryIt() {
    const rate = this.words(), { file } = this, jpeg = $("trial-jpeg").value, turn = (this.turn = (this.turn ?? 0) + 1);
    clearTimeout(this.waiting);
    $("trial-share").textContent = "";
    this.waiting = setTimeout(async () => {
      for (;;) {
        const found = await get("trial", { name: file.name, jpeg, ...rate }).catch((error) => ({ state: "failed", said: error.message }));
        if (turn !== this.turn || this.file !== file) return;
        $("trial-progress").hidden = found.state !== "running";
        if (found.state === "running") {
          $("trial-progress").value = found.share;
          $("trial-share").textContent = found.now + "…";
          await new Promise((done) => setTimeout(done, 250));
        } else if (found.grown === undefined) {
          if (found.state === "failed") this.say(found.said);
          $("trial-share").textContent = "";
          if (found.state === "failed") return;
        } else {
          $("trial-size").textContent = bytesText(found.grown);
          $("trial-share").textContent = `${found.bpp.toFixed(2)} bits per pixel${found.lossless ? ", lossless" : ""}; JPEG ${bytesText(found.jpeg)}`;
          this.last = found;
          this.stage.renew("trial", { ...this.stage.extra.raw, ...rate, jpeg });
          if (this.stage.sides[1] !== "trial") this.showSides("raw", "trial", "split");
          return;
        }
      }
    }, CALM);
  }

  async measure() {
    const { file } = this, rows = [];
    $("measured").replaceChildren(...line("", "measuring…"));
    try {
      const sight = this.stage.sight();
      const less = this.stage.sides[1] === "trimmed" ? this.stage.extra.trimmed?.bytes : undefined;
      const found = await get("measure", { name: file.name, ...sight, bytes: less, similarity: sight.w * sight.h < 3e6 ? 1 : 0 });
      if (this.file !== file) return;
      rows.push(line("Measured", less ? "trimmed" : "as it is"), line("File", found.digest === true ? "the very one it was made of" : found.digest === false ? "another file of that name" : "not known by its digest"));
      rows.push(line("PSNR", found.psnr === null ? "nothing differs" : found.psnr.toFixed(2) + " dB"), line("Largest error", `${found.largest} DN`));
      if (found.ssimulacra2 !== undefined && !found.same) rows.push(line("SSIMULACRA2", found.ssimulacra2 === null ? "not installed" : found.ssimulacra2.toFixed(1)));
      $("measured").replaceChildren(...rows.flat());
    } catch (error) {
      $("measured").replaceChildren();
      this.say(error.message);
    }
  }
}

export function line(name, text) {
  const term = document.createElement("dt"), value = document.createElement("dd");
  term.textContent = name;
  value.textContent = text;
  return [term, value];
}
