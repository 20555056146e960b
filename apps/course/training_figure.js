"use strict";
// Two small networks trained in the page side by side: decision regions, loss, margin.
//   trainingFigure(host, config), trainingFigureHtml(config, trainings) for the still picture
//   config: {
//     controls: [{key, symbol, name, value, lo, hi}]   sliders; after a change both trainings start again
//     switches: [{key, text, value}]                   check boxes, likewise
//     runs(values) -> [run, run]                       {label, tau, lr, headScale, headRate, logitScale}: see makeTraining
//     steps                                            steps of one press of the button
//     note(runs, trainings) -> html                    a line below the figure
//   }
if (typeof module !== "undefined") Object.assign(globalThis, require("./drawing.js"));

const classMeans = [[-0.55, -0.35], [0.55, -0.3], [0, 0.6]], trainingHalf = 1.4;
const trainingData = gaussianClasses(classMeans, 40, 0.3, 7);
const runColors = ["#0072b2", "#d55e00"];
const startRun = run => makeTraining({data: trainingData, classes: 3, seed: 3, ...run});
const defaultValues = config => Object.fromEntries([...(config.controls || []), ...(config.switches || [])].map(c => [c.key, c.value]));

const lastOf = training => training.history[training.history.length - 1];
const percentText = v => `${(100 * v).toFixed(1)} %`;

function trainingPaneHtml(run, training) {
  const m = lastOf(training), name = `${run.label}: decision regions after ${training.step} steps, accuracy ${percentText(m.accuracy)}`;
  return `<div><p><b>${run.label}</b></p>${planeSvg(name, regionsHtml(training.layers, trainingHalf) + pointsHtml(trainingData, trainingHalf))}</div>`;
}
function trainingNumbersHtml(runs, trainings) {
  const series = (key, scale = () => 1) => trainings.map((t, k) => ({name: runs[k].label, color: runColors[k], dash: k ? "6 4" : "",
    points: t.history.map(h => [h.step, h[key] * scale(runs[k])])}));
  const logitScale = run => run.logitScale || 1;
  return `<div class="pair">${chartHtml(series("loss"), {title: "training loss at the run’s own τ", x: "step", isLog: true})}` +
    `${chartHtml(series("margin", logitScale), {title: "median margin of the logits", x: "step"})}</div>` +
    tableHtml("Both runs", ["run", "step", "loss", "accuracy", "median margin", "margin / τ"], trainings.map((t, k) => {
      const m = lastOf(t), margin = m.margin * logitScale(runs[k]), loss = t.hasDiverged ? "not finite" : numberText(m.loss);
      return [runs[k].label, t.step, loss, percentText(m.accuracy), numberText(margin), numberText(m.margin / t.tau)];
    }));
}
const trainingPartHtml = (config, runs, trainings) => `<div class="pair">${trainings.map((t, k) => trainingPaneHtml(runs[k], t)).join("")}</div>` +
  `${trainingNumbersHtml(runs, trainings)}<p data-value="note">${config.note ? config.note(runs, trainings) : ""}</p>`;

// The largest difference between the logits of two trainings on the training points, relative to the largest logit.
function logitDifference(runs, trainings) {
  const all = trainings.map((t, k) => trainingData.flatMap(({x}) => Array.from(mlpLogits(t.layers, x), v => v * (runs[k].logitScale || 1))));
  return Math.max(...all[0].map((v, i) => Math.abs(v - all[1][i]))) / Math.max(...all[0].map(Math.abs));
}

function trainingFigureHtml(config, trainings, values = defaultValues(config)) {
  const runs = config.runs(values);
  return trainingPartHtml(config, runs, trainings || runs.map(r => startRun(r).run(config.steps)));
}

function trainingFigure(host, config) {
  const values = defaultValues(config), {controls = [], switches = [], steps} = config;
  host.innerHTML = controls.map(c => ratioSliderHtml(c.symbol, c.name, c.value, c.lo, c.hi)).join("") +
    switches.map(s => `<label class="check"><input type="checkbox" data-key="${s.key}"${s.value ? " checked" : ""}> ${s.text}</label>`).join("") +
    `<div class="buttons"><button type="button" data-do="train">Train ${steps} steps</button><button type="button" data-do="restart">Start again</button></div>` +
    `<div data-part="training"></div><p class="state" aria-live="polite" data-part="state"></p>`;
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;  // then only the end is drawn
  let runs, trainings, goal = 0, running = 0;
  const draw = () => { host.querySelector('[data-part="training"]').innerHTML = trainingPartHtml(config, runs, trainings); };
  function restart() {
    runs = config.runs(values);
    trainings = runs.map(startRun);
    goal = 0;
    draw();
  }
  function train() {
    goal = trainings[0].step + steps;
    if (!running) running = requestAnimationFrame(frame);
  }
  function frame() {
    const now = trainings[0].hasDiverged ? trainings[1] : trainings[0], left = goal - Math.max(...trainings.map(t => t.step));
    running = 0;
    if (left > 0 && !now.hasDiverged) {
      trainings.forEach(t => t.run(Math.min(20, left)));
      running = requestAnimationFrame(frame);
    }
    if (!running || !isStill) draw();
    if (running) return;
    const ends = trainings.map((t, k) => `${runs[k].label} ${t.hasDiverged ? "diverged" : percentText(lastOf(t).accuracy)}`);
    host.querySelector('[data-part="state"]').textContent = `Trained: ${ends.join(", ")}.`;
  }
  const change = () => { restart(); train(); };
  host.querySelectorAll(".slider").forEach((s, k) => {
    let latest = controls[k].value;
    connectRatioSlider(s, v => { latest = v; });
    s.querySelector("input").addEventListener("change", () => { values[controls[k].key] = latest; change(); });
  });
  host.querySelectorAll("[data-key]").forEach(box => box.addEventListener("change", () => { values[box.dataset.key] = box.checked; change(); }));
  host.querySelector('[data-do="train"]').addEventListener("click", train);
  host.querySelector('[data-do="restart"]').addEventListener("click", restart);
  change();
  return {trainings: () => trainings, runs: () => runs, isRunning: () => running !== 0};
}

// Lesson 2: τ = 1 beside a high τ, with the learning rate as it is or multiplied by τ.
const stepSizeTraining = {
  controls: [{key: "tau", symbol: "τ", name: "temperature of the second run", value: 50, lo: 0.05, hi: 100},
    {key: "lr", symbol: "lr", name: "learning rate", value: 0.1, lo: 0.001, hi: 10}],
  switches: [{key: "isScaled", text: "second run: learning rate × τ", value: false}],
  steps: 300,
  runs: ({tau, lr, isScaled}) => [{label: "τ = 1", tau: 1, lr},
    {label: `τ = ${numberText(tau)}${isScaled ? `, lr·τ = ${numberText(lr * tau)}` : ""}`, tau, lr: isScaled ? lr * tau : lr}],
};
// Lesson 4: τ against a head that starts 1/τ as large and learns 1/τ² as fast.
const twinTraining = {
  controls: [{key: "tau", symbol: "τ", name: "temperature", value: 10, lo: 0.5, hi: 50},
    {key: "lr", symbol: "lr", name: "learning rate", value: 0.3, lo: 0.01, hi: 3}],
  steps: 300,
  runs: ({tau, lr}) => [{label: `τ = ${numberText(tau)}`, tau, lr},
    {label: `τ = 1, head W/τ, its rate lr/τ², logits × τ`, tau: 1, lr, headScale: 1 / tau, headRate: 1 / tau ** 2, logitScale: tau}],
  note: (runs, trainings) => `Largest difference of the logits, relative: <b data-value="difference">${numberText(logitDifference(runs, trainings))}</b> (rounding).`,
};

if (typeof module !== "undefined")
  module.exports = {trainingFigureHtml, trainingFigure, stepSizeTraining, twinTraining, startRun, trainingData, trainingHalf,
    logitDifference, percentText, lastOf};
