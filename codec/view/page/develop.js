// The developer's numbers: what codec/isp computes once for a picture under given settings, so that each pixel is a
// matrix, a look-up and a curve. The names and formulas are those of codec/isp (light.py, colour.py, local.py, tone.py);
// tests hold both to the same numbers.

export const NEUTRAL = {
  exposure: 0, temperature: null, tint: null, contrast: 0, highlights: 0, shadows: 0, saturation: 0,
};

export const same = (a, b) => Object.keys(NEUTRAL).every((key) => (a[key] ?? null) === (b[key] ?? null));

const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);

const product = (a, b) => {
  const out = new Array(9).fill(0);
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++) for (let k = 0; k < 3; k++) out[3 * i + j] += a[3 * i + k] * b[3 * k + j];
  return out;
};

const times = (m, v) => [0, 1, 2].map((i) => m[3 * i] * v[0] + m[3 * i + 1] * v[1] + m[3 * i + 2] * v[2]);

function inverse(m) {
  const [a, b, c, d, e, f, g, h, i] = m;
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  if (Math.abs(det) < 1e-12) return null;
  return [e * i - f * h, c * h - b * i, b * f - c * e, f * g - d * i, a * i - c * g, c * d - a * f, d * h - e * g,
    b * g - a * h, a * e - b * d].map((v) => v / det);
}

// Krystek's locus (1985), and which light a temperature and tint stand for.
function locus(t) {
  return [
    (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t * t) / (1 + 8.42420235e-4 * t + 7.08145163e-7 * t * t),
    (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t * t) / (1 - 2.89741816e-5 * t + 1.61456053e-7 * t * t),
  ];
}

function along(kelvin) {
  const mired = 1e6 / kelvin;
  const [u0, v0] = locus(1e6 / (mired - 0.5)), [u1, v1] = locus(1e6 / (mired + 0.5));
  const length = Math.hypot(u1 - u0, v1 - v0);
  return [(u1 - u0) / length, (v1 - v0) / length];
}

/** Everything of one photograph in one look. numbers(settings) is what a painter wants. */
export class Developer {
  constructor(look, blocks) {
    this.look = look;
    this.c = look.constants;
    this.curve = floats(look.curve);
    this.blocks = blocks;
    this.kept = {};
  }

  xy(kelvin, tint) {
    let [u, v] = locus(kelvin);
    const [du, dv] = along(kelvin), off = tint / this.c.tintUnit;
    u -= off * dv;
    v += off * du;
    return [3 * u / (2 * u - 8 * v + 4), 2 * v / (2 * u - 8 * v + 4)];
  }

  kelvinOf(x, y) {
    const u = 4 * x / (-2 * x + 12 * y + 3), v = 6 * y / (-2 * x + 12 * y + 3);
    let low = 1e6 / this.c.mostKelvin, high = 1e6 / this.c.leastKelvin;
    for (let n = 0; n < 60; n++) {
      const middle = (low + high) / 2, [u0, v0] = locus(1e6 / middle), [du, dv] = along(1e6 / middle);
      if ((u - u0) * du + (v - v0) * dv > 0) low = middle;
      else high = middle;
    }
    return 1e6 / ((low + high) / 2);
  }

  matrixAt(kelvin) {
    const found = this.look.matrices;
    if (!found.length) return null;
    const low = found[0], high = found[found.length - 1];
    if (high.kelvin - low.kelvin < 1) return high.matrix;
    const share = Math.min(Math.max((1 / kelvin - 1 / high.kelvin) / (1 / low.kelvin - 1 / high.kelvin), 0), 1);
    return low.matrix.map((v, n) => share * v + (1 - share) * high.matrix[n]);
  }

  /** The camera's colours of what is to be grey, the largest 1. */
  neutral(s) {
    if (s.temperature === null && s.tint === null) return this.look.neutral;
    const [x, y] = this.xy(s.temperature ?? this.look.kelvin ?? 5500, s.tint ?? this.look.tint ?? 0);
    const matrix = this.matrixAt(this.kelvinOf(x, y));
    if (!matrix) return this.look.neutral;
    const seen = times(matrix, [x / y, 1, (1 - x - y) / y]), most = Math.max(...seen);
    return most > 0 ? seen.map((v) => Math.max(v / most, this.c.leastPart)) : this.look.neutral;
  }

  /** Balanced camera RGB to linear sRGB with the exposure in it, 9 numbers by rows. */
  matrix(s) {
    const kelvin = s.temperature ?? this.look.kelvin;
    let matrix = kelvin === null ? null : this.matrixAt(kelvin);
    if (kelvin === null && this.look.matrices.length)
      matrix = [...this.look.matrices].sort((a, b) => Math.abs(1 / a.kelvin - 1 / 6500) - Math.abs(1 / b.kelvin - 1 / 6500))[0].matrix;
    const gain = 2 ** (this.look.exposure + s.exposure);
    return this.fromBalanced(matrix).map((v) => v * gain);
  }

  fromBalanced(matrix) {
    const one = [1, 0, 0, 0, 1, 0, 0, 0, 1];
    if (!matrix) return one;
    const camera = product(matrix, this.c.xyzFromRgb);
    const white = [0, 1, 2].map((i) => camera[3 * i] + camera[3 * i + 1] + camera[3 * i + 2]);
    if (Math.min(...white.map(Math.abs)) < 1e-3) return one;
    const scaled = camera.map((v, n) => v / white[Math.floor(n / 3)]), back = inverse(scaled);
    const norm = (m) => Math.hypot(...m);
    return !back || norm(scaled) * norm(back) > 3 * this.c.mostCondition ? one : back;
  }

  /** The tone curve with the contrast in it. */
  toned(contrast) {
    if (this.kept.contrast === contrast) return this.kept.toned;
    const k = this.c.slope * Math.abs(contrast) / 100, end = Math.tanh(k / 2), out = new Float32Array(this.curve.length);
    const entries = 1023, change = (x) => {
      if (k < 1e-3) return x;
      return contrast > 0 ? (Math.tanh(k * (x - 0.5)) / end + 1) / 2 : Math.atanh((2 * x - 1) * end) / k + 0.5;
    };
    for (let n = 0; n < out.length; n++) {
      const at = this.curve[n] * entries, low = Math.min(Math.floor(at), entries - 1);
      const from = change(low / entries), to = change((low + 1) / entries);
      out[n] = from + (to - from) * (at - low);
    }
    this.kept.contrast = contrast;
    return (this.kept.toned = out);
  }

  /** Factor of the light by base layer; null where nothing changes by areas. */
  gains(s) {
    if (!s.highlights && !s.shadows) return null;
    const { darkest, brightest, entries, shadows, highlights } = this.c, out = new Float32Array(entries);
    const smooth = (x) => { const t = Math.min(Math.max(x, 0), 1); return t * t * (3 - 2 * t); };
    let most = -Infinity;
    for (let n = 0; n < entries; n++) {
      const base = darkest + (brightest - darkest) * n / (entries - 1);
      const dark = smooth((-1.5 - base) / 4.5) * shadows * s.shadows / 100;
      const bright = smooth((base + 3) / 3.5) * highlights * s.highlights / 100;
      most = Math.max(most, base + dark + bright);
      out[n] = 2 ** (most - base);
    }
    return out;
  }

  /** Coefficients of the base layer, as pairs: the guided filter of He and Sun (2015) on log2 of the small picture. */
  base(neutral, matrix) {
    const key = [...neutral, ...matrix].join();
    if (this.kept.base === key) return this.kept.pairs;
    const [h, w] = this.look.blocks, size = h * w, log = new Float32Array(size), { blocks } = this;
    const row = [0, 1, 2].map((c) => [0.2126729, 0.7151522, 0.0721750].reduce((sum, l, i) => sum + l * matrix[3 * i + c], 0));
    for (let n = 0; n < size; n++) {
      let light = 0;
      for (let c = 0; c < 3; c++) light += row[c] * Math.min(blocks[3 * n + c] / neutral[c], 1);
      log[n] = Math.log2(Math.max(light, this.c.floor));
    }
    const reach = Math.max(1, Math.round(this.c.radius * Math.max(h, w)));
    const mean = (v) => boxed(v, h, w, reach), square = log.map((v) => v * v);
    const middle = mean(log), squares = mean(square), slope = new Float32Array(size), rest = new Float32Array(size);
    for (let n = 0; n < size; n++) {
      const variance = Math.max(squares[n] - middle[n] * middle[n], 0);
      slope[n] = (squares[n] - middle[n] * middle[n]) / (variance + this.c.edge);
      rest[n] = middle[n] - slope[n] * middle[n];
    }
    const slopes = mean(slope), rests = mean(rest), pairs = new Float32Array(2 * size);
    for (let n = 0; n < size; n++) { pairs[2 * n] = slopes[n]; pairs[2 * n + 1] = rests[n]; }
    this.kept.base = key;
    return (this.kept.pairs = pairs);
  }

  /** What a painter wants. served: the settings whose neutral the planes were divided by. */
  numbers(s, served = NEUTRAL) {
    const neutral = this.neutral(s), matrix = this.matrix(s), gains = this.blocks ? this.gains(s) : null;
    const before = this.neutral(served);
    return {
      ratio: neutral.map((v, c) => before[c] / v), matrix, curve: this.toned(s.contrast), top: this.look.top,
      saturation: this.look.saturation * (1 + s.saturation / 100), gains, pairs: gains ? this.base(neutral, matrix) : null,
      rows: this.look.blocks[0], cols: this.look.blocks[1], darkest: this.c.darkest, brightest: this.c.brightest,
      floor: this.c.floor, logTop: this.c.logTop,
    };
  }
}

/** Means of squares of 2 reach + 1 a side, the border repeated. */
function boxed(values, h, w, reach) {
  const across = new Float64Array(h * w), out = new Float32Array(h * w), share = 1 / (2 * reach + 1);
  for (let i = 0; i < h; i++) {
    const at = i * w;
    let sum = values[at] * reach;
    for (let j = 0; j <= reach; j++) sum += values[at + Math.min(j, w - 1)];
    for (let j = 0; j < w; j++) {
      across[at + j] = sum * share;
      sum += values[at + Math.min(j + reach + 1, w - 1)] - values[at + Math.max(j - reach, 0)];
    }
  }
  for (let j = 0; j < w; j++) {
    let sum = across[j] * reach;
    for (let i = 0; i <= reach; i++) sum += across[Math.min(i, h - 1) * w + j];
    for (let i = 0; i < h; i++) {
      out[i * w + j] = sum * share;
      sum += across[Math.min(i + reach + 1, h - 1) * w + j] - across[Math.max(i - reach, 0) * w + j];
    }
  }
  return out;
}
