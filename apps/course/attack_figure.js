"use strict";
// PGD from a chosen point against two trained networks, on cross-entropy and on log-odds, at attack τ = 1.
//   attackFigureHtml(state) is the still picture; attackFigure(host) moves. state: {x, y, eps, models: [{label, layers}]}
if (typeof module !== "undefined") Object.assign(globalThis, require("./drawing.js"), require("./training_figure.js"));

const attackLosses = [{loss: "ce", name: "cross-entropy", color: "var(--bad)", dash: "4 3"},
  {loss: "log-odds", name: "log-odds", color: "var(--ink)", dash: ""}];
// τ = 1, and τ = 50 with lr·τ: both separate the classes.
const attackModels = () => [{label: "trained at τ = 1", tau: 1, lr: 0.1}, {label: "trained at τ = 50", tau: 50, lr: 5}]
  .map(r => ({label: r.label, layers: startRun(r).run(300).layers}));
const attackStart = () => ({x: [-0.5, -0.1], y: 0, eps: 0.4, models: attackModels()});

const attackPaths = (state, model) => attackLosses.map(a => pgdPath(model.layers, state.x, state.y, {loss: a.loss, eps: state.eps}));
function attackDrawingHtml(state, model) {
  const half = trainingHalf, [cx, cy] = toPlane(state.x, half), r = state.eps * planeScale(half);
  const lines = attackPaths(state, model).map((path, k) => {
    const points = path.map(p => toPlane(p.x, half).map(fixed)), [ex, ey] = points[points.length - 1], {color, dash} = attackLosses[k];
    return `<path d="M${points.map(p => p.join(" ")).join("L")}" fill="none" stroke="${color}" stroke-width="${k ? 2 : 4}"${dashes(dash)}/>` +
      `<circle cx="${ex}" cy="${ey}" r="${k ? 5 : 8}" fill="none" stroke="${color}" stroke-width="2"/>`;
  });
  return `<rect x="${fixed(cx - r)}" y="${fixed(cy - r)}" width="${fixed(2 * r)}" height="${fixed(2 * r)}" class="ball"/>${lines.join("")}`;
}
const attackRow = (state, model, k) => {
  const path = attackPaths(state, model)[k], [a, b] = [path[0], path[path.length - 1]];
  const moved = Math.max(...b.x.map((v, i) => Math.abs(v - state.x[i])));
  return {model, loss: attackLosses[k].name, start: a, end: b, moved, isBroken: b.margin <= 0};
};
const attackTableHtml = state => tableHtml("PGD-20 from the chosen point, step ε/4, attack τ = 1",
  ["model, loss", "margin at the start", "loss at the start", "loss at the end", "margin at the end", "moved (L∞)", "outcome"],
  state.models.flatMap(model => attackLosses.map((_, k) => {
    const r = attackRow(state, model, k);
    const numbers = [r.start.margin, r.start.loss, r.end.loss, r.end.margin, r.moved].map(numberText);
    return [`${model.label}, ${r.loss}`, ...numbers, r.isBroken ? "misclassified" : r.moved === 0 ? "never moved" : "withstood"];
  })));
// Robust accuracy over the training points: the gap that masking makes.
function attackRates(state) {
  return state.models.map(({label, layers}) => [label, ...attackLosses.map(a => trainingData.filter(({x, y}) =>
    pgdPath(layers, x, y, {loss: a.loss, eps: state.eps}).every(p => p.margin > 0)).length / trainingData.length)]);
}
const attackRatesHtml = state => tableHtml("All 120 points: still classified as their label", ["model", "PGD on cross-entropy", "PGD on log-odds", "gap, points"],
  attackRates(state).map(([label, ce, logOdds]) => [label, percentText(ce), percentText(logOdds), (100 * (ce - logOdds)).toFixed(1)]));
function attackName(state, model) {
  const ends = attackLosses.map((a, k) => {
    const r = attackRow(state, model, k);
    return `On ${a.name} it ${r.moved === 0 ? "never moves" : `moves by ${numberText(r.moved)} and is ${r.isBroken ? "misclassified" : "still right"}`}.`;
  });
  return `${model.label}: decision regions, the ball of radius ${numberText(state.eps)} and two paths of PGD. ${ends.join(" ")}`;
}

function attackFigureHtml(state, isLive = false) {
  const mark = markHtml({p: state.x, name: "", text: "start of the attack", color: classColor(state.y)}, trainingHalf, isLive);
  const side = (model, k) => `<div data-side="${k}"><p><b>${model.label}</b></p>` + planeSvg(attackName(state, model),
    `${regionsHtml(model.layers, trainingHalf)}<g opacity=".45">${pointsHtml(trainingData, trainingHalf)}</g>` +
    `<g data-part="drawing">${attackDrawingHtml(state, model)}</g>${mark}`, isLive) + "</div>";
  return (isLive ? ratioSliderHtml("ε", "radius of the ball", state.eps, 0.05, 1.2) : `<p>ε = ${numberText(state.eps)}</p>`) +
    `<div class="pair">${state.models.map(side).join("")}</div>` +
    `<p class="legend">Red dashes: PGD on cross-entropy. Solid line: on log-odds. A circle marks the end; one circle around the start: ` +
    `it never moved. Square: the ball. The label is the first class (circles).</p>` +
    `<div data-part="table">${attackTableHtml(state)}</div><div data-part="rates">${attackRatesHtml(state)}</div>`;
}
function attackFigure(host, state = attackStart()) {
  host.innerHTML = attackFigureHtml(state, true);
  const part = (name, within = host) => within.querySelector(`[data-part="${name}"]`), sides = [...host.querySelectorAll("[data-side]")];
  function draw() {
    sides.forEach((side, k) => {
      part("drawing", side).innerHTML = attackDrawingHtml(state, state.models[k]);
      side.querySelector("svg").setAttribute("aria-label", attackName(state, state.models[k]));
      side.querySelector(".mark").setAttribute("transform", placeOf(state.x, trainingHalf));
    });
    part("table").innerHTML = attackTableHtml(state);
  }
  const limit = v => Math.min(trainingHalf, Math.max(-trainingHalf, v));
  for (const side of sides)
    makeMovable(side.querySelector(".mark"), 7, (dx, dy) => {
      state.x = [limit(state.x[0] + dx / planeScale(trainingHalf)), limit(state.x[1] - dy / planeScale(trainingHalf))];
      draw();
    });
  const slider = host.querySelector(".slider");
  connectRatioSlider(slider, eps => { state.eps = eps; draw(); });
  slider.querySelector("input").addEventListener("change", () => { part("rates").innerHTML = attackRatesHtml(state); });
  return {state: () => state};
}

if (typeof module !== "undefined") module.exports = {attackFigureHtml, attackStart, attackRates, attackModels};
