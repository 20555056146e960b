"use strict";
// The figures of the course by name (data-figure in the lessons): how each begins, its still picture, and how it is made to move.
if (typeof module !== "undefined")
  Object.assign(globalThis, require("../report/tau_figure.js"), require("./plane_figure.js"), require("./training_figure.js"), require("./attack_figure.js"),
    require("./distance_figure.js"), require("./real_figure.js"));

const threeClasses = {names: ["cat", "dog", "ship"], logits: [4, 2.5, 0], label: 0, range: [-5, 15]};
const gapLogits = gap => [gap, ...Array(9).fill(0)];
const tenClasses = {names: Array.from({length: 10}, (_, j) => `class ${j}`), logits: gapLogits(20), label: 0, range: [-20, 120], tauRange: [0.5, 100]};
const planeStart = {...planePresets[0], label: 2, taus: [0.1, 10]};
const gaps = [5, 14, 17, 20, 40, 88, 104];

const stillPictures = {
  tau: () => tauFigureHtml(threeClasses) + [0.1, 10].map(tau => `<div class="more">${tauFigureHtml({...threeClasses, tau})}</div>`).join(""),
  training: () => trainingFigureHtml(stepSizeTraining),
  plane: () => planeFigureHtml(planeStart),
  twin: () => trainingFigureHtml(twinTraining),
  float32: () => tauFigureHtml(tenClasses),
  attack: () => attackFigureHtml(attackStart()),
  distance: () => distanceFigureHtml(distanceStart),
  real: () => realFigureHtml(realStart()),
};

// Logits with the label `gap` above nine equal ones, by buttons.
function floatFigure(host) {
  const buttons = gaps.map(g => `<button type="button" data-gap="${g}">gap ${g}</button>`);
  host.innerHTML = `<div class="buttons" role="group" aria-label="gaps">${buttons.join("")}</div><div></div>`;
  const figure = tauFigure(host.lastChild, tenClasses);
  host.querySelectorAll("[data-gap]").forEach(b => b.addEventListener("click", () => figure.set({logits: gapLogits(Number(b.dataset.gap)), tau: 1, label: 0})));
  return figure;
}
const makeFigure = {
  tau: host => tauFigure(host, threeClasses),
  training: host => trainingFigure(host, stepSizeTraining),
  plane: host => planeFigure(host, planeStart),
  twin: host => trainingFigure(host, twinTraining),
  float32: floatFigure,
  attack: host => attackFigure(host),
  distance: host => distanceFigure(host),
  real: host => realFigure(host),
};

if (typeof module !== "undefined") module.exports = {stillPictures};
