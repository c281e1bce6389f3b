// What is written: exports, trims, encodings, each as a job with progress, a stop, and a way back.

import { get, post } from "./net.js";

const $ = (id) => document.getElementById(id);
const ENDINGS = { jpeg: ".developed.jpg", tiff: ".developed.tif", png: ".developed.png", dng: ".dng", strip: ".stripped.jpg",
  trim: ".trimmed.jpg", encode: ".raw.jpg" };
const POLL = 300;

export class Deeds extends EventTarget {
  constructor(ask, say) {
    super();
    Object.assign(this, { ask, say, rows: new Map(), settled: new Set() });
    $("act").onchange = () => this.act();
    $("export").onsubmit = (event) => {
      event.preventDefault();
      this.write();
    };
  }

  open(file, facts) {
    this.file = file;
    const raw = facts?.hasRaw, some = raw || Boolean(facts?.refused);
    for (const option of $("act").options) {
      const developed = ["jpeg", "tiff", "png"].includes(option.value);
      option.hidden = option.disabled = developed ? !raw : !some || facts.kind === "raw";
    }
    if ($("act").selectedOptions[0]?.disabled) $("act").value = raw ? "jpeg" : "dng";
    for (const one of $("export").elements) if (one.tagName !== "OPTION") one.disabled = !some;
    this.act();
  }

  nameFor(act) {
    const last = this.file.name.split("/").pop();
    return last.replace(/\.[^.]*$/, "") + ENDINGS[act];
  }

  act() {
    const act = $("act").value, picture = ["jpeg", "tiff", "png"].includes(act);
    if (this.file) $("output").value = this.nameFor(act);
    for (const row of document.querySelectorAll(".developed")) row.hidden = !picture;
    $("quality-row").hidden = act !== "jpeg";
    $("bits-row").hidden = act !== "tiff";
  }

  write() {
    const act = $("act").value, order = { act, name: this.file.name, output: $("output").value.trim() };
    if (["jpeg", "tiff", "png"].includes(act)) {
      Object.assign(order, this.development());
      if ($("side").value) order.side = +$("side").value;
      if (act === "jpeg") order.jpeg_quality = +$("jpeg-quality").value;
      if (act === "tiff") order.bits = +$("bits").value;
    }
    return this.start(order);
  }

  /** Begin a job; a file that exists is replaced after a yes alone. */
  async start(order) {
    try {
      const job = await post("do", order);
      this.show(job);
      this.watch();
    } catch (error) {
      if (error.ask) {
        if (await this.ask(error.ask)) await this.start({ ...order, replace: true });
      } else this.say(error.message);
    }
  }

  async watch() {
    if (this.watching) return;
    this.watching = true;
    try {
      for (;;) {
        const { jobs } = await get("jobs");
        jobs.forEach((job) => this.show(job));
        if (!jobs.some((job) => ["waiting", "running"].includes(job.state))) break;
        await new Promise((done) => setTimeout(done, POLL));
      }
    } catch (error) {
      this.say(error.message);
    }
    this.watching = false;
  }

  show(job) {
    let row = this.rows.get(job.number);
    const running = ["waiting", "running"].includes(job.state);
    if (!row) {
      row = document.createElement("div");
      row.innerHTML = "<p></p><progress max=1></progress><button type=button></button>";
      row.querySelector("progress").setAttribute("aria-label", job.what);
      this.rows.set(job.number, row);
      $("jobs").prepend(row);
    }
    const text = row.querySelector("p"), bar = row.querySelector("progress"), button = row.querySelector("button");
    row.className = "job " + job.state;
    text.textContent = running ? `${sentence(job.what)}${job.now ? ": " + job.now : ""}…` : sentence(job.said) + warned(job);
    bar.hidden = !running;
    bar.value = job.share;
    button.hidden = !running && !job.undo;
    button.textContent = running ? "Stop" : "Undo";
    button.onclick = () => (running ? post("stop", { number: job.number }) : this.undo(job));
    if (!running && !this.settled.has(job.number)) {
      this.settled.add(job.number);
      this.say(sentence(job.said));
      if (job.state === "done") this.dispatchEvent(new Event("written"));
    }
  }

  async undo(job) {
    try {
      const told = await post("undo", { number: job.number });
      this.say(sentence(told.said));
      this.show({ ...job, said: told.said, undo: false });
      this.dispatchEvent(new Event("written"));
    } catch (error) {
      this.say(error.message);
    }
  }
}

const sentence = (text) => text && text.charAt(0).toUpperCase() + text.slice(1);
const warned = (job) => (job.result?.warnings?.length ? ". " + job.result.warnings.map(sentence).join(". ") : "");
