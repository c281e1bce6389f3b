// The folder's photographs, as a strip or as a grid: only those in sight are in the page, however many there are.

import { thumb } from "./net.js";

const QUICK = 160, REST = 400;
const AHEAD = 2;  // rows or columns beyond what is in sight

export class Strip {
  /** across: one row that scrolls sideways; else as many columns as fit. */
  constructor(element, across, size, chosen) {
    Object.assign(this, { element, across, size, chosen, files: [], current: -1, cells: new Map(), spare: [] });
    this.room = document.createElement("div");
    this.room.className = "room";
    element.append(this.room);
    element.addEventListener("scroll", () => this.draw(), { passive: true });
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("click", (event) => {
      const cell = event.target.closest("[data-at]");
      if (cell) this.chosen(this.files[+cell.dataset.at], true);
    });
    if (across) element.addEventListener("wheel", (event) => {
      if (!event.deltaX && event.deltaY) {
        element.scrollLeft += event.deltaY;
        event.preventDefault();
      }
    }, { passive: false });
    new ResizeObserver(() => this.layout()).observe(element);
  }

  show(files, current) {
    this.files = files;
    this.current = current;
    for (const cell of this.cells.values()) this.put(cell);
    this.cells.clear();
    this.element.setAttribute("aria-rowcount", files.length);
    this.layout();
  }

  layout() {
    const { width, height } = this.size, inside = this.element.clientWidth;
    this.columns = this.across ? this.files.length : Math.max(1, Math.floor(inside / width));
    this.step = this.across ? width : Math.floor(inside / this.columns);
    const rows = this.across ? 1 : Math.ceil(this.files.length / this.columns);
    this.room.style.width = this.across ? this.files.length * width + "px" : "100%";
    this.room.style.height = this.across ? "100%" : rows * height + "px";
    this.draw(true);
  }

  draw(anew = false) {
    if (!this.files.length && !this.cells.size) return;
    const e = this.element, { height, width } = this.size;
    let first, last;
    if (this.across) {
      first = Math.floor(e.scrollLeft / width) - AHEAD;
      last = Math.ceil((e.scrollLeft + e.clientWidth) / width) + AHEAD;
    } else {
      first = (Math.floor(e.scrollTop / height) - AHEAD) * this.columns;
      last = (Math.ceil((e.scrollTop + e.clientHeight) / height) + AHEAD) * this.columns;
    }
    first = Math.max(first, 0);
    last = Math.min(last, this.files.length);
    for (const [n, cell] of this.cells) if (n < first || n >= last) { this.cells.delete(n); this.put(cell); }
    for (let n = first; n < last; n++) {
      const known = this.cells.get(n);
      if (known && !anew) continue;
      const cell = known ?? this.take();
      this.cells.set(n, cell);
      this.fill(cell, n);
    }
  }

  take() {
    const cell = this.spare.pop() ?? Object.assign(document.createElement("button"), { className: "cell", type: "button" });
    if (!cell.firstChild) cell.innerHTML = '<span class="frame"><img alt="" decoding="async"></span><span class="name"></span><span class="mark"></span>';
    this.room.append(cell);
    return cell;
  }

  put(cell) {
    cell.remove();
    cell.querySelector("img").removeAttribute("src");
    delete cell.dataset.shows;
    if (this.spare.length < 50) this.spare.push(cell);
  }

  fill(cell, n) {
    const file = this.files[n], image = cell.querySelector("img"), { mark } = file;
    const x = (n % this.columns) * this.step, y = Math.floor(n / this.columns) * this.size.height;
    cell.style.transform = `translate(${x}px, ${y}px)`;
    cell.style.width = this.step + "px";
    cell.style.height = this.across ? "100%" : this.size.height + "px";
    cell.dataset.at = n;
    cell.tabIndex = n === Math.max(this.current, 0) ? 0 : -1;
    cell.setAttribute("aria-current", n === this.current ? "true" : "false");
    cell.setAttribute("aria-label", `${file.name}, ${words(file)}`);
    cell.title = file.name + (mark?.said ? "\n" + mark.said : "");
    cell.querySelector(".name").textContent = file.name.split("/").pop();
    const badge = cell.querySelector(".mark");
    badge.textContent = badgeOf(file);
    badge.dataset.kind = file.kind === "raw" ? "file" : mark?.raw ?? "unknown";
    const wanted = thumb(file, this.size.thumb), quick = thumb(file, QUICK);
    if (cell.dataset.shows !== wanted) {
      cell.dataset.shows = wanted;
      image.classList.remove("broken");
      image.onerror = () => image.classList.add("broken");
      image.onload = () => this.sharpen(cell, image, quick, wanted);
      image.src = quick;
    }
  }

  /** A camera's own thumbnail is there at once; a sharper one where a cell stays in sight. */
  sharpen(cell, image, quick, wanted) {
    if (wanted === quick || Math.max(image.naturalWidth, image.naturalHeight) >= this.size.thumb) return;
    setTimeout(() => {
      if (cell.dataset.shows === wanted && cell.isConnected && image.getAttribute("src") === quick) image.src = wanted;
    }, REST);
  }

  /** One photograph's mark has come. */
  marked(file) {
    for (const [n, cell] of this.cells) if (this.files[n] === file) this.fill(cell, n);
  }

  select(n, focus = false) {
    this.current = n;
    this.draw(true);
    this.reveal(n);
    if (focus) this.cells.get(n)?.focus();
  }

  reveal(n) {
    const e = this.element, { height, width } = this.size;
    if (this.across) {
      const x = n * width;
      if (x < e.scrollLeft + width) e.scrollLeft = x - width;
      else if (x + 2 * width > e.scrollLeft + e.clientWidth) e.scrollLeft = x + 2 * width - e.clientWidth;
    } else {
      const y = Math.floor(n / this.columns) * height;
      if (y < e.scrollTop) e.scrollTop = y;
      else if (y + height > e.scrollTop + e.clientHeight) e.scrollTop = y + height - e.clientHeight;
    }
    this.draw();
  }

  key(event) {
    const at = +(event.target.closest("[data-at]")?.dataset.at ?? -1);
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns, Home: -1e9, End: 1e9,
      PageUp: -4 * this.columns, PageDown: 4 * this.columns };
    const by = moves[event.key];
    if (at < 0 || by === undefined || (this.across && event.key.startsWith("Arrow") && Math.abs(by) !== 1)) return;
    event.preventDefault();
    event.stopPropagation();
    const n = Math.min(Math.max(at + by, 0), this.files.length - 1);
    this.select(n, true);
    if (this.across) this.chosen(this.files[n], false);
  }
}

export const bytesText = (count) =>
  count >= 1e6 ? `${(count / 1e6).toFixed(count >= 1e7 ? 0 : 1)} MB` : count >= 1e3 ? `${Math.round(count / 1e3)} kB` : `${count} bytes`;

function badgeOf(file) {
  if (file.kind === "raw") return "RAW file";
  const { mark } = file;
  if (!mark || mark.raw === "none") return "";
  if (mark.raw === "damaged" || mark.raw === "unreadable") return "⚠ " + (mark.raw === "damaged" ? "damaged" : "unreadable");
  return `RAW ${bytesText(mark.bytes)}${mark.lossless ? " ∞" : ""}`;
}

/** What a file carries, in words. */
export function words(file) {
  if (file.kind === "raw") return `a RAW file, ${bytesText(file.size)}`;
  const { mark } = file;
  if (!mark) return "a JPEG";
  if (mark.raw === "none") return `a JPEG without a RAW, ${bytesText(file.size)}`;
  if (mark.raw === "unreadable") return mark.said || "it can't be read";
  if (mark.raw === "damaged") return "its RAW is damaged: " + mark.said;
  return `carries a RAW of ${bytesText(mark.bytes)}, ${mark.bpp.toFixed(2)} bits per pixel, ${mark.lossless ? "lossless" : "lossy"}, intact`;
}
