"use strict";
// Which axis the charts have, and the numbers under the pointer in their legends.

const axes = ["env_steps", "wall_time", "iteration"];

function rest(numbers) {
  const index = axes.indexOf(document.body.dataset.view);
  for (const number of numbers) number.textContent = number.dataset.last.split("|")[index];
}

for (const choice of document.querySelectorAll(".views input")) {
  choice.addEventListener("change", () => {
    document.body.dataset.view = choice.value;
    rest(document.querySelectorAll(".legend b"));
  });
}

const written = (value) => Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });

const pointsOf = new WeakMap();
function points(curve) {
  if (!pointsOf.has(curve)) {
    pointsOf.set(curve, curve.getAttribute("points").split(" ").filter(Boolean).map((p) => p.split(",").map(Number)));
  }
  return pointsOf.get(curve);
}

function nearest(sorted, x) {
  let low = 0, high = sorted.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle][0] < x) low = middle; else high = middle;
  }
  return Math.abs(sorted[low][0] - x) < Math.abs(sorted[high][0] - x) ? sorted[low] : sorted[high];
}

for (const plot of document.querySelectorAll(".plot")) {
  const figure = plot.closest("figure");
  const shown = figure.querySelectorAll(".legend b"), place = figure.querySelector(".at");
  const cursor = plot.querySelector(".cursor"), curves = plot.querySelectorAll(".curve");
  const [left, right, top, bottom] = plot.dataset.frame.split(" ").map(Number);
  const [x0, x1, ...axis] = plot.dataset.x.split(" "), [low, high, ...unit] = plot.dataset.y.split(" ");

  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const x = Math.min(right, Math.max(left, (event.clientX - box.left) / box.width * plot.viewBox.baseVal.width));
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.style.visibility = "visible";
    place.textContent = `${axis.join(" ")} ${written(+x0 + (x - left) / (right - left) * (x1 - x0))}`;
    curves.forEach((curve, index) => {
      const all = points(curve);
      if (!all.length) return;
      const value = +high - (nearest(all, x)[1] - top) / (bottom - top) * (high - low);
      shown[index].textContent = written(value) + ["", ...unit].join(" ").trimEnd();
    });
  });
  plot.addEventListener("pointerleave", () => {
    cursor.style.visibility = "hidden";
    place.textContent = "";
    rest(shown);
  });
}
