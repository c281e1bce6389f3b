// The histogram of what the display would show, red, green and blue, and how much of it is clipped.

export function drawHistogram(canvas, note, pixels) {
  const context = canvas.getContext("2d"), { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  if (!pixels) {
    note.textContent = "";
    return;
  }
  const { data } = pixels, bins = [0, 1, 2].map(() => new Float64Array(256)), count = data.length / 4;
  let bright = 0, dark = 0;
  for (let n = 0; n < data.length; n += 4) {
    const [r, g, b] = [data[n], data[n + 1], data[n + 2]];
    bins[0][r]++;
    bins[1][g]++;
    bins[2][b]++;
    if (r === 255 || g === 255 || b === 255) bright++;
    if (r === 0 && g === 0 && b === 0) dark++;
  }
  const inner = bins.flatMap((bin) => [...bin.slice(1, 255)]).sort((a, b) => a - b);
  const most = Math.max(inner[Math.floor(inner.length * 0.995)] * 1.15, 1);
  context.strokeStyle = "#2c2c2f";
  for (let n = 1; n < 4; n++) {
    context.beginPath();
    context.moveTo(width * n / 4, 0);
    context.lineTo(width * n / 4, height);
    context.stroke();
  }
  context.globalCompositeOperation = "lighter";
  ["#b8403c", "#3f9a4c", "#3f62c4"].forEach((colour, c) => {
    context.beginPath();
    context.moveTo(0, height);
    for (let n = 0; n < 256; n++) context.lineTo(n / 255 * width, height - Math.min(Math.sqrt(bins[c][n] / most), 1) * (height - 4));
    context.lineTo(width, height);
    context.fillStyle = colour;
    context.fill();
  });
  context.globalCompositeOperation = "source-over";
  const share = (v) => v && v / count < 0.0005 ? "<0.1" : (100 * v / count).toFixed(1);
  note.textContent = `${share(dark)} % black · ${share(bright)} % clipped`;
  canvas.setAttribute("aria-label", `Histogram: ${share(dark)} % of the picture is black, ${share(bright)} % is clipped`);
}
