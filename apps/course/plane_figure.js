"use strict";
// The paper's first figure (arXiv 2502.20604), alive: a feature f and prototypes w_j in the plane, z_j = w_j·f, at a low and a high τ.
//   −∂L/∂f = (1 − p_y)/τ · (w_y − Σ_{j≠y} α_j w_j)      length and direction of the update, shown apart
// planeFigureHtml(state) is the still picture; planeFigure(host, state) moves. state: {f, w, label, taus: [low, high]}.
if (typeof module !== "undefined") Object.assign(globalThis, require("./drawing.js"));

const planeHalf = 1.5, planeNames = ["w₁", "w₂", "w₃"];
const planePresets = [
  {name: "near a wrong prototype", f: [-0.55, 0.62], w: [[-1.0, 0.45], [0.75, 0.85], [0.1, -1.1]]},
  {name: "equidistant", f: [0, -0.45], w: [[-0.9, 0.6], [0.9, 0.6], [0.1, -1.1]]},
  {name: "classified right", f: [0.05, -0.95], w: [[-1.0, 0.45], [0.75, 0.85], [0.1, -1.1]]},
];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1];

// What a step of gradient descent in f does at temperature tau: the shares, the factor, the direction of unit length, the update itself.
function planeUpdate({f, w, label}, tau) {
  const z = w.map(v => dot(v, f)), shares = formulas.shares(z, label, tau), stepSize = formulas.stepSize(z, label, tau);
  const direction = [0, 1].map(d => w[label][d] - w.reduce((sum, v, j) => sum + shares[j] * v[d], 0));
  const length = Math.hypot(...direction) || 1;
  return {z, p: formulas.softmax(z, tau), shares, stepSize, direction: direction.map(v => v / length),
    update: formulas.featureGradient(formulas.crossEntropyGradient(z, label, tau), w).map(v => -v)};
}
function planeAngle(state) {
  const [a, b] = state.taus.map(tau => planeUpdate(state, tau).direction);
  return Math.acos(Math.min(1, Math.max(-1, dot(a, b)))) * 180 / Math.PI;
}

// Arrows and lines of one side; pull and pushes have the lengths 1 and α_j, so that they show the direction alone.
function planeDrawingHtml(state, tau) {
  const {f, w, label} = state, u = planeUpdate(state, tau), at = p => toPlane(p, planeHalf), from = at(f), origin = at([0, 0]), reach = 0.8;
  const arrow = (v, size, color, more) => arrowHtml(from, at([f[0] + reach * size * v[0], f[1] + reach * size * v[1]]), color, more);
  const spokes = w.map(v => `<path d="M${origin.map(fixed).join(" ")}L${at(v).map(fixed).join(" ")}" class="chart-grid"/>`);
  const arrows = w.map((v, j) => j === label ? arrow(v, 1, classColor(j)) : arrow(v.map(c => -c), u.shares[j], classColor(j), {dash: "5 4"}));
  return spokes.join("") + arrows.join("") + arrow(u.direction, 1, "var(--ink)", {width: 2});
}
const planeMarks = ({f, w, label}) => [
  ...w.map((p, j) => ({p, name: planeNames[j], text: `prototype ${planeNames[j]}${j === label ? " of the label" : ""}`, color: classColor(j)})),
  {p: f, name: "f", text: "feature f", color: "var(--ink)"}];
function planeSideHtml(state, tau) {
  const {stepSize} = planeUpdate(state, tau), width = Math.max(0, 100 * (Math.log10(Math.max(1e-8, stepSize)) + 8) / 9), step = numberText(stepSize);
  return `<p><b>τ = ${numberText(tau)}</b> · step size (1 − p<sub>y</sub>)/τ = <span data-value="step">${step}</span></p>` +
    `<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="step size ${step} on a logarithmic scale from 1e-8 to 10">` +
    `<rect width="100" height="10" class="bar-ground"/><rect width="${fixed(width)}" height="10" fill="var(--ink)"/></svg>` +
    `<p class="legend">length: logarithmic, 10⁻⁸ to 10</p>`;
}
function planeTableHtml(state) {
  const [low, high] = state.taus.map(tau => planeUpdate(state, tau)), both = name => state.taus.map(t => `${name}, τ = ${numberText(t)}`);
  return tableHtml("Logits and shares of the push", ["class", "z = w·f", ...both("p"), ...both("α")], state.w.map((_, j) => [
    planeNames[j] + (j === state.label ? " (label)" : ""), numberText(low.z[j]), numberText(low.p[j]), numberText(high.p[j]),
    ...[low, high].map(u => j === state.label ? "–" : numberText(u.shares[j]))]));
}
const planeAngleHtml = state => `The two directions differ by <b data-value="angle">${planeAngle(state).toFixed(1)}°</b>.`;
function planeName(state, tau) {
  const {shares} = planeUpdate(state, tau), pushes = planeNames.map((name, j) => `${name} pushes with share ${numberText(shares[j])}`);
  return `Feature f and three prototypes at τ = ${numberText(tau)}. The label’s prototype pulls f; ${pushes.filter((_, j) => j !== state.label).join(", ")}.`;
}

function planeFigureHtml(state, isLive = false) {
  const marks = planeMarks(state).map(m => markHtml(m, planeHalf, isLive)).join("");
  const side = (tau, k) => `<div data-side="${k}">` +
    planeSvg(planeName(state, tau), `<g data-part="drawing">${planeDrawingHtml(state, tau)}</g>${marks}`, isLive) +
    `<div data-part="side">${planeSideHtml(state, tau)}</div></div>`;
  const presets = planePresets.map((p, k) => `<button type="button" data-preset="${k}">${p.name}</button>`).join("");
  const controls = isLive ? `<div class="buttons" role="group" aria-label="configurations">${presets}</div>` +
    ratioSliderHtml("low τ", "low temperature", state.taus[0], 0.05, 1) + ratioSliderHtml("high τ", "high temperature", state.taus[1], 1, 100) : "";
  return `${controls}<div class="pair">${state.taus.map(side).join("")}</div>` +
    `<p class="legend">Solid colour: pull of the label’s prototype, along w<sub>y</sub>. Dashed: pushes, along −w<sub>j</sub>, ` +
    `as long as α<sub>j</sub>. In the colour of the text: direction of the update.</p>` +
    `<p data-part="angle"${isLive ? ` aria-live="polite"` : ""}>${planeAngleHtml(state)}</p><div data-part="table">${planeTableHtml(state)}</div>`;
}

function planeFigure(host, start) {
  const state = {...start, f: [...start.f], w: start.w.map(v => [...v]), taus: [...start.taus]};
  host.innerHTML = planeFigureHtml(state, true);
  const part = (name, within = host) => within.querySelector(`[data-part="${name}"]`);
  function draw() {
    state.taus.forEach((tau, k) => {
      const side = host.querySelector(`[data-side="${k}"]`);
      part("drawing", side).innerHTML = planeDrawingHtml(state, tau);
      part("side", side).innerHTML = planeSideHtml(state, tau);
      side.querySelector("svg").setAttribute("aria-label", planeName(state, tau));
      side.querySelectorAll(".mark").forEach((m, i) => m.setAttribute("transform", placeOf(planeMarks(state)[i].p, planeHalf)));
    });
    part("angle").innerHTML = planeAngleHtml(state);
    part("table").innerHTML = planeTableHtml(state);
  }
  const limit = v => Math.min(planeHalf - 0.05, Math.max(0.05 - planeHalf, v));
  host.querySelectorAll("[data-side]").forEach(side => side.querySelectorAll(".mark").forEach((m, i) => makeMovable(m, 7.5, (dx, dy) => {
    const p = i < state.w.length ? state.w[i] : state.f;
    p[0] = limit(p[0] + dx / planeScale(planeHalf));
    p[1] = limit(p[1] - dy / planeScale(planeHalf));
    draw();
  })));
  host.querySelectorAll(".slider").forEach((s, k) => connectRatioSlider(s, tau => { state.taus[k] = tau; draw(); }));
  host.querySelectorAll("[data-preset]").forEach(b => b.addEventListener("click", () => {
    const p = planePresets[Number(b.dataset.preset)];
    state.f = [...p.f];
    state.w = p.w.map(v => [...v]);
    draw();
  }));
  return {state: () => state};
}

if (typeof module !== "undefined") module.exports = {planeFigureHtml, planeUpdate, planeAngle, planePresets, planeNames, planeHalf, dot};
