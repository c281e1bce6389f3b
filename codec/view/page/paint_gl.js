// Painting by WebGL 2: planes of half floats to the display in one pass, as codec/isp/render_kernels.py does it.

const CORNERS = `#version 300 es
uniform vec4 box;      // left, top, width, height of what is drawn, device pixels
uniform vec4 part;     // the same within the texture, 0..1
uniform vec2 screen;
out vec2 at;           // within the texture
out vec2 pixel;        // device pixels
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  pixel = box.xy + corner * box.zw;
  at = part.xy + corner * part.zw;
  gl_Position = vec4(pixel / screen * 2.0 - 1.0, 0, 1);
  gl_Position.y = -gl_Position.y;
}`;

const MARKS = `
vec3 marked(vec3 c, vec2 pixel, bool marks) {
  if (!marks) return c;
  bool stripe = mod(floor((pixel.x + pixel.y) / 4.0), 2.0) < 1.0;
  if (max(c.r, max(c.g, c.b)) > 254.5 / 255.0) return stripe ? vec3(1, 0.1, 0.15) : c * 0.75;
  if (max(c.r, max(c.g, c.b)) < 0.5 / 255.0) return stripe ? vec3(0.1, 0.45, 1) : c;
  return c;
}`;

const DEVELOP = `#version 300 es
precision highp float;
precision highp sampler2D;
in vec2 at;
in vec2 pixel;
out vec4 shown;
uniform sampler2D planes, curve, gains, pairs;
uniform vec3 ratio;
uniform mat3 matrix;
uniform float top, saturation, darkest, brightest, leastLight, logTop;
uniform bool areas, marks;
uniform vec4 view;     // picture = pixel * view.z + view.xy
uniform mat3 stored;   // picture to shares of the mosaic's columns and rows
${MARKS}
float table(float light) {
  int last = textureSize(curve, 0).x - 1;
  float place = min(sqrt(max(light, 0.0)) * (float(last) / sqrt(top)), float(last));
  int low = min(int(place), last - 1);
  float a = texelFetch(curve, ivec2(low, 0), 0).r, b = texelFetch(curve, ivec2(low + 1, 0), 0).r;
  return a + (b - a) * (place - float(low));
}
float gained(vec3 rgb) {
  vec2 share = (stored * vec3(pixel * view.z + view.xy, 1)).xy;
  ivec2 size = textureSize(pairs, 0);
  vec2 place = clamp(share * vec2(size) - 0.5, vec2(0), vec2(size - 1));
  ivec2 low = min(ivec2(place), max(size - 2, 0)), high = min(low + 1, size - 1);
  vec2 f = place - vec2(low);
  vec2 pair = mix(mix(texelFetch(pairs, low, 0).rg, texelFetch(pairs, ivec2(high.x, low.y), 0).rg, f.x),
                  mix(texelFetch(pairs, ivec2(low.x, high.y), 0).rg, texelFetch(pairs, high, 0).rg, f.x), f.y);
  float light = clamp(dot(rgb, vec3(0.2126729, 0.7151522, 0.0721750)), leastLight, logTop);
  float base = pair.x * log2(light) + pair.y;
  int entries = textureSize(gains, 0).x - 1;
  float where = clamp((base - darkest) * float(entries) / (brightest - darkest), 0.0, float(entries));
  int n = min(int(where), entries - 1);
  return mix(texelFetch(gains, ivec2(n, 0), 0).r, texelFetch(gains, ivec2(n + 1, 0), 0).r, where - float(n));
}
void main() {
  vec3 root = texture(planes, at).rgb;
  vec3 rgb = matrix * min(root * abs(root) * ratio, vec3(1));
  if (areas) rgb *= gained(rgb);
  rgb = vec3(table(rgb.r), table(rgb.g), table(rgb.b));
  float grey = dot(rgb, vec3(0.2126, 0.7152, 0.0722));
  shown = vec4(marked(clamp(grey + saturation * (rgb - grey), 0.0, 1.0), pixel, marks), 1);
}`;

const SHOW = `#version 300 es
precision highp float;
in vec2 at;
in vec2 pixel;
out vec4 shown;
uniform sampler2D picture;
uniform bool marks;
${MARKS}
void main() { shown = vec4(marked(texture(picture, at).rgb, pixel, marks), 1); }`;

const DIFFER = `#version 300 es
precision highp float;
in vec2 at;
in vec2 pixel;
out vec4 shown;
uniform sampler2D left, right;
uniform float gain;
void main() {
  ivec2 here = ivec2(gl_FragCoord.xy);
  shown = vec4(abs(texelFetch(right, here, 0).rgb - texelFetch(left, here, 0).rgb) * gain, 1);
}`;

/** A painter on a canvas; throws where there is no WebGL 2. */
export class GlPainter {
  constructor(canvas) {
    this.name = "WebGL";
    this.canvas = canvas;
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: false, preserveDrawingBuffer: true });
    if (!gl) throw new Error("no WebGL 2");
    this.gl = gl;
    this.programs = { develop: this.program(DEVELOP), show: this.program(SHOW), differ: this.program(DIFFER) };
    this.tables = { curve: this.single(), gains: this.single(), pairs: this.single() };
    this.frames = [];
    this.last = {};
    gl.bindVertexArray(gl.createVertexArray());
  }

  program(text) {
    const { gl } = this, program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, CORNERS], [gl.FRAGMENT_SHADER, text]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    const places = {};
    for (let n = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); n--;) {
      const { name } = gl.getActiveUniform(program, n);
      places[name] = gl.getUniformLocation(program, name);
    }
    return { program, places };
  }

  single(filter = this.gl.NEAREST) {
    const { gl } = this, texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    for (const way of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, way, filter);
    return texture;
  }

  /** A part as a texture. */
  take(part) {
    const { gl } = this, texture = this.single(gl.LINEAR);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    if (part.image) gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, gl.RGB, gl.UNSIGNED_BYTE, part.image);
    else if (part.kind === "half")
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB16F, part.width, part.height, 0, gl.RGB, gl.HALF_FLOAT, part.data);
    else gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, part.width, part.height, 0, gl.RGB, gl.UNSIGNED_BYTE, part.data);
    return { kind: part.kind, width: part.width, height: part.height, box: part.box, texture };
  }

  free(part) { this.gl.deleteTexture(part.texture); }

  /** A table, uploaded where it is another one than last time. */
  table(name, unit, data, width, height, pairs) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, this.tables[name]);
    if (this.last[name] === data) return;
    this.last[name] = data;
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
    gl.texImage2D(gl.TEXTURE_2D, 0, pairs ? gl.RG32F : gl.R32F, width, height, 0, pairs ? gl.RG : gl.RED, gl.FLOAT, data);
  }

  /** Draw what is asked for: { width, height, view, sides: [left, right], mode, split, gain, marks, stored }. */
  draw(asked) {
    const { gl } = this, { width, height, sides, mode } = asked;
    gl.disable(gl.SCISSOR_TEST);
    if (mode === "difference") {
      sides.forEach((side, n) => this.into(this.frame(n, width, height), { ...asked, marks: false }, side));
      gl.bindFramebuffer(gl.FRAMEBUFFER, null);
      const { program, places } = this.programs.differ;
      gl.viewport(0, 0, width, height);
      gl.useProgram(program);
      const bind = (textures) => textures.forEach((texture, n) => {
        gl.activeTexture(gl.TEXTURE4 + n);
        gl.bindTexture(gl.TEXTURE_2D, texture);
      });
      bind([this.frames[0].texture, this.frames[1].texture]);
      gl.uniform1i(places.left, 4);
      gl.uniform1i(places.right, 5);
      gl.uniform1f(places.gain, asked.gain);
      this.quad(places, [0, 0, width, height], [0, 0, 1, 1], width, height);
      bind([null, null]);  // what is painted into next may not be read from
      return;
    }
    const edge = mode === "left" ? width : mode === "right" ? 0 : Math.round(asked.split * width);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.enable(gl.SCISSOR_TEST);
    [[0, edge], [edge, width]].forEach(([from, to], n) => {
      if (to <= from) return;
      gl.scissor(from, 0, to - from, height);
      this.into(null, asked, sides[n]);
    });
    gl.disable(gl.SCISSOR_TEST);
  }

  frame(n, width, height) {
    const { gl } = this, known = this.frames[n];
    if (known && known.width === width && known.height === height) return known.buffer;
    if (known) { gl.deleteTexture(known.texture); gl.deleteFramebuffer(known.buffer); }
    const texture = this.single(), buffer = gl.createFramebuffer();
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, width, height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, buffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    this.frames[n] = { texture, buffer, width, height };
    return buffer;
  }

  into(buffer, asked, side) {
    const { gl } = this, { width, height, view } = asked;
    gl.bindFramebuffer(gl.FRAMEBUFFER, buffer);
    gl.viewport(0, 0, width, height);
    gl.clearColor(...asked.ground, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    for (const part of side?.parts ?? []) {
      const numbers = part.kind === "half" ? side.numbers : null;
      if (part.kind === "half" && !numbers) continue;
      const { program, places } = this.programs[numbers ? "develop" : "show"];
      gl.useProgram(program);
      gl.activeTexture(gl.TEXTURE0);
      gl.bindTexture(gl.TEXTURE_2D, part.texture);
      const close = view.zoom * part.box.w / part.width > 1.5 ? gl.NEAREST : gl.LINEAR;
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, close);
      gl.uniform1i(places.marks, asked.marks ? 1 : 0);
      gl.uniform1i(numbers ? places.planes : places.picture, 0);
      if (numbers) this.develop(places, numbers, asked);
      const b = part.box, left = Math.max(b.x, 0), top = Math.max(b.y, 0);
      const right = Math.min(b.x + b.w, view.width), bottom = Math.min(b.y + b.h, view.height);
      const on = [(left - view.x) * view.zoom, (top - view.y) * view.zoom, (right - left) * view.zoom, (bottom - top) * view.zoom];
      this.quad(places, on, [(left - b.x) / b.w, (top - b.y) / b.h, (right - left) / b.w, (bottom - top) / b.h], width, height);
    }
  }

  develop(places, n, asked) {
    const { gl } = this, m = n.matrix;
    this.table("curve", 1, n.curve, n.curve.length, 1, false);
    gl.uniform1i(places.curve, 1);
    gl.uniform1i(places.gains, 2);
    gl.uniform1i(places.pairs, 3);
    gl.uniform1i(places.areas, n.gains ? 1 : 0);
    if (n.gains) {
      this.table("gains", 2, n.gains, n.gains.length, 1, false);
      this.table("pairs", 3, n.pairs, n.cols, n.rows, true);
    }
    gl.uniform3fv(places.ratio, n.ratio);
    gl.uniformMatrix3fv(places.matrix, false, [m[0], m[3], m[6], m[1], m[4], m[7], m[2], m[5], m[8]]);
    for (const name of ["top", "saturation", "darkest", "brightest", "logTop"]) gl.uniform1f(places[name], n[name]);
    gl.uniform1f(places.leastLight, n.floor);
    gl.uniform4f(places.view, asked.view.x, asked.view.y, 1 / asked.view.zoom, 0);
    gl.uniformMatrix3fv(places.stored, false, asked.stored);
  }

  quad(places, box, part, width, height) {
    const { gl } = this;
    gl.uniform4fv(places.box, box);
    if (places.part) gl.uniform4fv(places.part, part);
    gl.uniform2f(places.screen, width, height);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  /** RGBA of a side drawn alone, small, rows from below. */
  read(asked, side) {
    const { gl } = this, { width, height } = asked, out = new Uint8Array(4 * width * height);
    this.into(this.frame(2, width, height), asked, side);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, out);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    return out;
  }
}
