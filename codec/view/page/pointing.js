// Pointer, wheel and touch on the stage, and the line between the sides.

export function pointing(stage, element, divider) {
  const down = new Map();
  let moved = 0, start = null;
  const place = (event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.target.closest("#divider") || (event.pointerType === "mouse" && event.button !== 0)) return;
    element.setPointerCapture(event.pointerId);
    down.set(event.pointerId, place(event));
    moved = 0;
    start = pinch(down);
    element.classList.add("held");
  });
  element.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId), now = place(event);
    element.dispatchEvent(new CustomEvent("pointed", { detail: now }));
    if (!before) return;
    down.set(event.pointerId, now);
    moved += Math.hypot(now.x - before.x, now.y - before.y);
    if (down.size === 1) stage.pan(now.x - before.x, now.y - before.y);
    else {
      const next = pinch(down);
      if (start && next) {
        stage.zoomTo(stage.view.zoom * next.apart / start.apart, next);
        stage.pan(next.x - start.x, next.y - start.y);
      }
      start = next;
    }
  });
  const up = (event) => {
    down.delete(event.pointerId);
    start = pinch(down);
    if (!down.size) element.classList.remove("held");
  };
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", up);
  element.addEventListener("pointerleave", () => element.dispatchEvent(new CustomEvent("pointed", { detail: null })));
  element.addEventListener("dblclick", (event) => {
    if (event.target.closest("#divider") || moved > 6) return;
    if (stage.fitted) stage.zoomTo(stage.ratio, place(event));
    else stage.fit();
  });
  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? 300 : 1;
    if (event.shiftKey) stage.pan(-event.deltaY * lines, 0);
    else stage.zoomTo(stage.view.zoom * Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)), place(event));
  }, { passive: false });

  divider.addEventListener("pointerdown", (event) => {
    divider.setPointerCapture(event.pointerId);
    event.preventDefault();
    divider.focus();
  });
  divider.addEventListener("pointermove", (event) => {
    if (divider.hasPointerCapture(event.pointerId)) setSplit(stage, divider, place(event).x / element.clientWidth);
  });
  divider.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -0.02, ArrowRight: 0.02, ArrowDown: -0.02, ArrowUp: 0.02, PageUp: 0.1, PageDown: -0.1, Home: -1, End: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    setSplit(stage, divider, stage.split + by);
  });
}

export function setSplit(stage, divider, share) {
  stage.split = Math.min(Math.max(share, 0), 1);
  divider.style.left = 100 * stage.split + "%";
  divider.setAttribute("aria-valuenow", Math.round(100 * stage.split));
  stage.draw();
}

function pinch(down) {
  if (down.size !== 2) return null;
  const [a, b] = [...down.values()];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.max(Math.hypot(a.x - b.x, a.y - b.y), 1) };
}
