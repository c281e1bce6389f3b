"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Curves: a codec's box shows or hides its series in every chart.
  const boxes = all("input[data-codec]");
  const apply = () => {
    for (const box of boxes) {
      for (const series of all(`.chart [data-series="${box.dataset.codec}"]`)) {
        series.classList.toggle("off", !box.checked);
      }
    }
  };
  boxes.forEach((box) => box.addEventListener("change", apply));
  all("button[data-boxes]").forEach((button) => button.addEventListener("click", () => {
    boxes.forEach((box) => { box.checked = button.dataset.boxes === "all" || box.dataset.codec === "0"; });
    apply();
  }));
  if (boxes.length) apply(); // a reloaded page keeps its boxes

  // The slider: two pictures on one another, the left one cut at the slider's place.
  const data = document.getElementById("choices");
  if (!data) return;
  const files = JSON.parse(data.textContent);
  const at = (id) => document.getElementById(id);
  const stage = at("stage");
  const sides = ["left", "right"].map((name) => ({
    select: at(`${name}-side`), image: at(`${name}-image`), caption: at(`${name}-caption`),
  }));
  let file = files[0];

  const split = () => {
    stage.style.setProperty("--split", `${at("slider").value / 10}%`);
  };

  const pan = () => {
    const zoom = Number(at("zoom").value);
    const size = file.sides[0];
    const room = [size.width * zoom - stage.clientWidth, size.height * zoom - stage.clientHeight];
    ["x", "y"].forEach((axis, k) => {
      const range = at(`pan-${axis}`);
      range.disabled = room[k] <= 0;
      stage.style.setProperty(`--${axis}`, `${-Math.max(0, room[k]) * range.value / 1000}px`);
    });
    at("pans").hidden = room[0] <= 0 && room[1] <= 0;
  };

  const show = () => {
    const zoom = Number(at("zoom").value);
    const size = file.sides[0];
    stage.style.setProperty("--width", `${size.width}px`);
    stage.style.aspectRatio = `${size.width} / ${size.height}`;
    stage.classList.toggle("enlarged", zoom > 1);
    for (const side of sides) {
      const chosen = file.sides[side.select.value];
      side.image.width = size.width * zoom;
      side.image.height = size.height * zoom;
      if (side.image.getAttribute("src") !== chosen.src) side.image.src = chosen.src;
      side.image.alt = side.caption.textContent = (chosen.group ? `${chosen.group}: ` : "") + chosen.label;
    }
    pan();
  };

  const fill = () => {
    file = files[at("file").value];
    sides.forEach((side, k) => {
      const groups = new Map();
      file.sides.forEach((choice, index) => {
        const option = new Option(choice.label, index);
        if (!choice.group) return groups.set(index, option);
        if (!groups.has(choice.group)) {
          const group = document.createElement("optgroup");
          group.label = choice.group;
          groups.set(choice.group, group);
        }
        groups.get(choice.group).append(option);
      });
      side.select.replaceChildren(...groups.values());
      side.select.value = k ? file.first : 0;
    });
    show();
  };

  at("file").replaceChildren(...files.map((entry, index) => new Option(entry.file, index)));
  at("file").addEventListener("change", fill);
  sides.forEach((side) => side.select.addEventListener("change", show));
  at("zoom").addEventListener("change", show);
  at("slider").addEventListener("input", split);
  ["pan-x", "pan-y"].forEach((id) => at(id).addEventListener("input", pan));
  window.addEventListener("resize", pan);
  fill();
  split();
})();
