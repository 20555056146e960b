"use strict";
// Distances from a feature to the prototypes of the wrong classes: what a common scale changes, and what it does not.
//   D_j = ‖f − w_j‖ over j ≠ y;  population variance, coefficient of variation std/mean, the same of unit vectors (apps/analysis/geometry.h)
// distanceFigureHtml(state) is the still picture; distanceFigure(host, state) moves. state: {f, w, label, scale}: everything times scale.
if (typeof module !== "undefined") Object.assign(globalThis, require("./drawing.js"), require("./plane_figure.js"));

const distanceStart = {f: [0.5, 0.55], w: [[-0.9, 0.5], [-0.6, -0.8], [0.8, -0.75], [0.75, 0.9]], label: 3, scale: 1};
const distanceNames = ["w₁", "w₂", "w₃", "w₄"];

function moments(values) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length;
  return {mean, variance, variation: mean > 0 ? Math.sqrt(variance) / mean : 0};
}
function distanceMeasures({f, w, label, scale}) {
  const unit = v => v.map(c => c / (Math.hypot(...v) || 1));
  const distances = (from, to) => to.filter((_, j) => j !== label).map(v => Math.hypot(v[0] - from[0], v[1] - from[1]));
  const scaled = distances(f, w).map(d => scale * d);
  return {distances: scaled, raw: moments(scaled), unit: moments(distances(unit(f), w.map(unit)))};
}
const distanceTableHtml = state => {
  const m = distanceMeasures(state);
  return tableHtml("Distances to the prototypes of the wrong classes", ["measure", "value", "free of the common scale"], [
    [`distances to ${distanceNames.filter((_, j) => j !== state.label).join(", ")}`, m.distances.map(numberText).join(", "), "no"],
    ["variance", `<span data-value="variance">${numberText(m.raw.variance)}</span>`, "no"],
    ["coefficient of variation", `<span data-value="variation">${numberText(m.raw.variation)}</span>`, "yes"],
    ["coefficient of variation, unit vectors", `<span data-value="unit">${numberText(m.unit.variation)}</span>`, "yes"],
  ]);
};
function distanceLinesHtml({f, w, label}) {
  const at = p => toPlane(p, planeHalf).map(fixed).join(" ");
  return w.map((v, j) => j === label ? "" : `<path d="M${at(f)}L${at(v)}" stroke="${classColor(j)}" stroke-width="2.5"/>`).join("");
}
const distanceMarks = ({f, w, label}) => [
  ...w.map((p, j) => ({p, name: distanceNames[j], text: `prototype ${distanceNames[j]}${j === label ? " of the label" : ""}`, color: classColor(j)})),
  {p: f, name: "f", text: "feature f", color: "var(--ink)"}];
const distanceEnd = state => numberText(planeHalf * state.scale);
const distanceName = state => `A feature and four prototypes, axes to ±${distanceEnd(state)}. ` +
  `Distances to the wrong ones: ${distanceMeasures(state).distances.map(numberText).join(", ")}.`;
const distanceAxes = state => `${distanceNames[state.label]} is the label’s prototype. Axes from −${distanceEnd(state)} to ${distanceEnd(state)}.`;

function distanceFigureHtml(state, isLive = false) {
  const marks = distanceMarks(state).map(m => markHtml(m, planeHalf, isLive)).join("");
  return (isLive ? ratioSliderHtml("scale", "scale of features and prototypes", state.scale, 0.1, 100) : `<p>scale = ${numberText(state.scale)}</p>`) +
    `<div class="pair stacked"><div>${planeSvg(distanceName(state), `<g data-part="drawing">${distanceLinesHtml(state)}</g>${marks}`, isLive)}` +
    `<p class="legend" data-part="axes">${distanceAxes(state)}</p></div><div data-part="table">${distanceTableHtml(state)}</div></div>`;
}
function distanceFigure(host, start = distanceStart) {
  const state = {...start, f: [...start.f], w: start.w.map(v => [...v])};
  host.innerHTML = distanceFigureHtml(state, true);
  const part = name => host.querySelector(`[data-part="${name}"]`), marks = [...host.querySelectorAll(".mark")];
  function draw() {
    part("drawing").innerHTML = distanceLinesHtml(state);
    part("table").innerHTML = distanceTableHtml(state);
    part("axes").textContent = distanceAxes(state);
    host.querySelector("svg.plane").setAttribute("aria-label", distanceName(state));
    marks.forEach((m, i) => m.setAttribute("transform", placeOf(distanceMarks(state)[i].p, planeHalf)));
  }
  const limit = v => Math.min(planeHalf - 0.05, Math.max(0.05 - planeHalf, v));
  marks.forEach((m, i) => makeMovable(m, 7.5, (dx, dy) => {
    const p = i < state.w.length ? state.w[i] : state.f;
    p[0] = limit(p[0] + dx / planeScale(planeHalf));
    p[1] = limit(p[1] - dy / planeScale(planeHalf));
    draw();
  }));
  connectRatioSlider(host.querySelector(".slider"), scale => { state.scale = scale; draw(); });
  return {state: () => state};
}

if (typeof module !== "undefined") module.exports = {distanceFigureHtml, distanceMeasures, distanceStart, moments};
