"use strict";
// A robustness that is real beside one that is not: plain training, the same network with logits × 50, and adversarial training. The data
// have one feature that is wide and mostly right (horizontal) and one that is narrow and always right (vertical).
//   realFigureHtml(state) is the still picture; realFigure(host) moves. state: {eps, models: [{label, layers}]}
if (typeof module !== "undefined") Object.assign(globalThis, require("./drawing.js"), require("./training_figure.js"));

const realHalf = 1.5, realEps = 0.2;
const realData = (() => {
  const normal = normalFrom(randomFrom(11));
  return Array.from({length: 120}, (_, i) => {
    const y = i % 2, sign = 2 * y - 1;
    return {x: [0.6 * sign + 0.4 * normal(), 0.12 * sign + 0.03 * normal()], y};
  });
})();
// The same network with its logits multiplied: the last layer times `factor`.
const withLogitScale = (layers, factor) => layers.map((l, k) => k < layers.length - 1 ? l
  : {w: l.w.map(row => row.map(v => v * factor)), b: l.b.map(v => v * factor)});
function realModels() {
  const train = eps => makeTraining({data: realData, classes: 2, tau: 1, lr: 0.1, seed: 5, eps}).run(eps > 0 ? 120 : 600).layers, plain = train(0);
  return [{label: "plain, τ = 1", layers: plain}, {label: "the same, logits × 50", layers: withLogitScale(plain, 50)},
    {label: `adversarial training, ε = ${realEps}`, layers: train(realEps)}];
}
const realStart = () => ({eps: realEps, models: realModels()});

const standing = (layers, loss, eps) => realData.filter(({x, y}) => pgdPath(layers, x, y, {loss, eps}).every(p => p.margin > 0)).length / realData.length;
// A targeted attack on two classes: cross-entropy towards the other class, descended. It does not saturate.
function standingTargeted(layers, eps) {
  return realData.filter(({x, y}) => {
    let at = [...x];
    for (let k = 0; k < 20; ++k) {
      const inputs = mlpForward(layers, at), z = inputs[layers.length];
      if (formulas.margin(z, y) <= 0) return false;
      const dx = mlpBackward(layers, inputs, formulas.crossEntropyGradient(z, 1 - y, 1));
      at = at.map((v, i) => Math.min(x[i] + eps, Math.max(x[i] - eps, v - eps / 4 * Math.sign(dx[i]))));
    }
    return formulas.margin(mlpLogits(layers, at), y) > 0;
  }).length / realData.length;
}
function realRates({models, eps}) {
  return models.map(({label, layers}) => {
    const ce = standing(layers, "ce", eps), logOdds = standing(layers, "log-odds", eps), targeted = standingTargeted(layers, eps);
    return {label, clean: standing(layers, "ce", 0), ce, logOdds, targeted, isReal: ce - logOdds <= 0.02 && ce - targeted <= 0.02};
  });
}
const realTableHtml = state => tableHtml(`Still right, of 120 points, under PGD-20 with ε = ${numberText(state.eps)}`,
  ["model", "clean", "PGD on cross-entropy", "PGD on log-odds", "targeted PGD", "the figure is"],
  realRates(state).map(r => [r.label, percentText(r.clean), percentText(r.ce), percentText(r.logOdds), percentText(r.targeted), r.isReal ? "consistent" : "masked"]));
const realPanesHtml = state => [state.models[0], state.models[2]].map(m => `<div><p><b>${m.label}</b>${m === state.models[0] ? " (× 50: the same regions)" : ""}</p>` +
  planeSvg(`${m.label}: decision regions`, regionsHtml(m.layers, realHalf) + pointsHtml(realData, realHalf)) + "</div>").join("");

const realFigureHtml = (state, isLive = false) => (isLive ? ratioSliderHtml("ε", "radius of the ball", state.eps, 0.02, 1) : "") +
  `<div class="pair">${realPanesHtml(state)}</div><div data-part="table">${realTableHtml(state)}</div>`;
function realFigure(host, state = realStart()) {
  host.innerHTML = realFigureHtml(state, true);
  let waiting = 0;
  connectRatioSlider(host.querySelector(".slider"), eps => {
    state.eps = eps;
    clearTimeout(waiting);  // a table takes a good part of a second
    waiting = setTimeout(() => { host.querySelector('[data-part="table"]').innerHTML = realTableHtml(state); }, 80);
  });
  return {state: () => state, rates: () => realRates(state)};
}

if (typeof module !== "undefined") module.exports = {realFigureHtml, realStart, realRates, withLogitScale};
