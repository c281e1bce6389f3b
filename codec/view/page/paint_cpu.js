// Painting without WebGL: the same arithmetic pixel by pixel. While something moves every other pixel will do.

const LIGHT = new Float32Array(65536);  // light by a half float's bits, which is its signed root
for (let n = 0; n < 65536; n++) {
  const power = n >> 10 & 31, share = n & 1023;
  const root = (n >> 15 ? -1 : 1) * (power ? 2 ** (power - 15) * (1 + share / 1024) : share * 2 ** -24);
  LIGHT[n] = power === 31 ? 0 : root * Math.abs(root);
}

export class CpuPainter {
  constructor(canvas) {
    this.name = "processor";
    this.coarse = true;  // while something moves
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  }

  take(part) {
    if (!part.image) return part;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [part.width, part.height];
    const context = canvas.getContext("2d");
    context.drawImage(part.image, 0, 0);
    const rgba = context.getImageData(0, 0, part.width, part.height).data, data = new Uint8Array(3 * part.width * part.height);
    for (let n = 0, m = 0; n < rgba.length; n += 4) for (let c = 0; c < 3; c++) data[m++] = rgba[n + c];
    return { ...part, image: null, data };
  }

  free() {}

  draw(asked) {
    const { width, height, mode } = asked, step = asked.moving ? 2 : 1;
    const w = Math.ceil(width / step), h = Math.ceil(height / step), image = this.context.createImageData(w, h);
    const edge = mode === "left" ? w : mode === "right" ? 0 : Math.round(asked.split * w);
    if (mode === "difference") {
      const [a, b] = asked.sides.map((side) => this.pixels({ ...asked, marks: false }, side, w, h, step, 0, w));
      for (let n = 0; n < a.length; n++) image.data[n] = n % 4 === 3 ? 255 : Math.abs(a[n] - b[n]) * asked.gain;
    } else {
      if (edge > 0) this.pixels(asked, asked.sides[0], w, h, step, 0, edge, image.data);
      if (edge < w) this.pixels(asked, asked.sides[1], w, h, step, edge, w, image.data);
    }
    if (step === 1) this.context.putImageData(image, 0, 0);
    else {
      this.small ??= document.createElement("canvas");
      [this.small.width, this.small.height] = [w, h];
      this.small.getContext("2d").putImageData(image, 0, 0);
      this.context.imageSmoothingEnabled = true;
      this.context.drawImage(this.small, 0, 0, w * step, h * step);
    }
  }

  pixels(asked, side, w, h, step, from, to, into) {
    const out = into ?? new Uint8ClampedArray(4 * w * h), { view } = asked;
    const ground = new Uint8ClampedArray([...asked.ground.map((v) => v * 255), 255]);
    const whole = new Uint32Array(out.buffer, out.byteOffset, w * h), [word] = new Uint32Array(ground.buffer);
    for (let i = 0; i < h; i++) whole.fill(word, i * w + from, i * w + to);
    for (const part of side?.parts ?? []) {
      if (part.kind === "half" && !side.numbers) continue;
      const b = part.box, edges = [Math.max(b.x, 0), Math.max(b.y, 0), Math.min(b.x + b.w, view.width), Math.min(b.y + b.h, view.height)];
      const [x0, y0, x1, y1] = edges.map((v, n) => ((v - (n % 2 ? view.y : view.x)) * view.zoom) / step);
      const left = Math.max(from, Math.ceil(x0 - 0.5)), right = Math.min(to, Math.ceil(x1 - 0.5));
      const top = Math.max(0, Math.ceil(y0 - 0.5)), bottom = Math.min(h, Math.ceil(y1 - 0.5));
      const place = new Int32Array(Math.max(right - left, 0));
      for (let j = left; j < right; j++)
        place[j - left] = 3 * within((((j + 0.5) * step) / view.zoom + view.x - b.x) * part.width / b.w, part.width);
      for (let i = top; i < bottom; i++) {
        const y = within((((i + 0.5) * step) / view.zoom + view.y - b.y) * part.height / b.h, part.height);
        const row = { at: 3 * part.width * y, place, out: 4 * (i * w + left), y: ((i + 0.5) * step) / view.zoom + view.y };
        if (part.kind === "half") develop(part.data, row, side.numbers, asked, left, step, out);
        else for (let j = 0; j < place.length; j++)
          for (let c = 0; c < 3; c++) out[row.out + 4 * j + c] = part.data[row.at + place[j] + c];
      }
      if (asked.marks) mark(out, w, top, bottom, left, right);
    }
    return out;
  }

  read(asked, side) {
    return this.pixels(asked, side, asked.width, asked.height, 1, 0, asked.width);
  }
}

const within = (at, size) => Math.min(Math.max(Math.floor(at), 0), size - 1);

function develop(data, row, n, asked, left, step, out) {
  const m = n.matrix, [p, q, s] = n.ratio, last = n.curve.length - 1, perRoot = last / Math.sqrt(n.top), { curve } = n;
  const toned = (light) => {
    const at = Math.min(Math.sqrt(light > 0 ? light : 0) * perRoot, last), low = Math.min(at | 0, last - 1);
    return curve[low] + (curve[low + 1] - curve[low]) * (at - low);
  };
  for (let j = 0; j < row.place.length; j++) {
    const k = row.at + row.place[j];
    const a = Math.min(LIGHT[data[k]] * p, 1), b = Math.min(LIGHT[data[k + 1]] * q, 1), c = Math.min(LIGHT[data[k + 2]] * s, 1);
    let red = m[0] * a + m[1] * b + m[2] * c, green = m[3] * a + m[4] * b + m[5] * c, blue = m[6] * a + m[7] * b + m[8] * c;
    if (n.gains) {
      const gain = gained(n, asked, ((left + j + 0.5) * step) / asked.view.zoom + asked.view.x, row.y,
        0.2126729 * red + 0.7151522 * green + 0.0721750 * blue);
      red *= gain;
      green *= gain;
      blue *= gain;
    }
    red = toned(red);
    green = toned(green);
    blue = toned(blue);
    const grey = 0.2126 * red + 0.7152 * green + 0.0722 * blue, o = row.out + 4 * j;
    out[o] = 255 * (grey + n.saturation * (red - grey));
    out[o + 1] = 255 * (grey + n.saturation * (green - grey));
    out[o + 2] = 255 * (grey + n.saturation * (blue - grey));
  }
}

function gained(n, asked, x, y, light) {
  const t = asked.stored, { rows, cols, pairs, gains } = n;
  const px = Math.min(Math.max((t[0] * x + t[3] * y + t[6]) * cols - 0.5, 0), cols - 1);
  const py = Math.min(Math.max((t[1] * x + t[4] * y + t[7]) * rows - 0.5, 0), rows - 1);
  const x0 = Math.min(px | 0, Math.max(cols - 2, 0)), y0 = Math.min(py | 0, Math.max(rows - 2, 0));
  const x1 = Math.min(x0 + 1, cols - 1), y1 = Math.min(y0 + 1, rows - 1), fx = px - x0, fy = py - y0;
  const mixed = (k) => {
    const a = pairs[2 * (y0 * cols + x0) + k], b = pairs[2 * (y0 * cols + x1) + k];
    const c = pairs[2 * (y1 * cols + x0) + k], d = pairs[2 * (y1 * cols + x1) + k];
    return (a + (b - a) * fx) * (1 - fy) + (c + (d - c) * fx) * fy;
  };
  const base = mixed(0) * Math.log2(Math.min(Math.max(light, n.floor), n.logTop)) + mixed(1), last = gains.length - 1;
  const at = Math.min(Math.max((base - n.darkest) * last / (n.brightest - n.darkest), 0), last), low = Math.min(at | 0, last - 1);
  return gains[low] + (gains[low + 1] - gains[low]) * (at - low);
}

function mark(out, w, top, bottom, left, right) {
  for (let i = top; i < bottom; i++)
    for (let j = left; j < right; j++) {
      const n = 4 * (i * w + j), most = Math.max(out[n], out[n + 1], out[n + 2]), stripe = (i + j >> 2) % 2 === 0;
      if (stripe && most === 255) [out[n], out[n + 1], out[n + 2]] = [255, 26, 38];
      else if (stripe && most === 0) [out[n], out[n + 1], out[n + 2]] = [26, 115, 255];
    }
}
