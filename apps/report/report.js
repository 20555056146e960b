"use strict";
// Draws the page from the JSON in #data: {runs: [{name, config, metrics: [...], results: {name: object}}]}.
const runs = JSON.parse(document.getElementById("data").textContent).runs;
for (const r of runs) {
  r.train = r.results.train || {};
  r.tau = r.train.tau ?? (r.results.evaluate || {}).train_tau ?? NaN;
  r.attacks = Object.entries(r.results).filter(([k]) => k.startsWith("attack-")).map(([, v]) => v);
}
runs.sort((a, b) => a.tau - b.tau);
// One run a temperature is the usual case; several get their folder's name.
const taus = runs.map(r => r.tau);
for (const r of runs) r.label = taus.filter(t => t === r.tau).length > 1 ? `τ = ${r.tau} (${r.name})` : `τ = ${r.tau}`;

// Okabe and Ito's palette: told apart by colour-blind readers; dashes and point shapes repeat the distinction.
const colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#999999"];
const shapes = ["circle", "rect", "triangle", "rectRot", "star", "cross", "crossRot", "line"];
const style = getComputedStyle(document.documentElement);
const ink = style.getPropertyValue("--ink").trim(), grid = style.getPropertyValue("--line").trim();
Chart.defaults.color = ink;
Chart.defaults.borderColor = grid;
Chart.defaults.font.size = 12;
Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;
Chart.defaults.plugins.legend.labels.usePointStyle = true;

const isNumber = v => typeof v === "number" && isFinite(v);
const percent = v => isNumber(v) ? (100 * v).toFixed(1) : "–";
const short = v => !isNumber(v) ? "–" : v !== 0 && (Math.abs(v) < 0.01 || Math.abs(v) >= 1e4) ? v.toExponential(2) : Number(v.toPrecision(3)).toString();
const attack = (r, label) => r.attacks.find(a => a.label === label);
const robust = (r, label) => (attack(r, label) || {}).robust_accuracy;
const gap = r => robust(r, "pgd-ce-tau1") - robust(r, "pgd-log-odds");
const element = (name, text, className) => {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
};

function fillTable(id, header, rows) {
  const table = document.getElementById(id);
  for (const [cells, tag] of [[header, "th"], ...rows.map(r => [r, "td"])]) {
    const line = table.appendChild(element("tr"));
    for (const cell of cells) line.appendChild(element(tag, cell));
  }
}

// A chart, or a line saying that its numbers are missing.
function draw(id, type, datasets, options) {
  const canvas = document.getElementById(id);
  if (!datasets.some(d => d.data.some(p => isNumber(typeof p === "object" && p !== null ? p.y : p)))) {
    canvas.parentElement.style.height = "auto";
    canvas.replaceWith(element("p", "Not measured in these runs.", "missing"));
    return;
  }
  new Chart(canvas, {type, data: {labels: options.labels, datasets}, options: {
    scales: options.scales, plugins: options.plugins, interaction: {mode: "nearest", intersect: false},
  }});
}
const axis = (text, more = {}) => ({title: {display: true, text}, ...more});
const percentAxis = text => axis(text, {min: 0, max: 100});
const tauTicks = [...new Set(taus.filter(isNumber))];
const tauAxis = axis("training temperature τ (log scale)", {type: "logarithmic",
  min: Math.min(...tauTicks) / 1.3, max: Math.max(...tauTicks) * 1.3,
  afterBuildTicks: a => { a.ticks = tauTicks.map(value => ({value})); }, ticks: {callback: v => String(v), autoSkip: false}});
const line = (label, data, i, more = {}) => ({label, data, borderColor: colors[i % 8], backgroundColor: colors[i % 8],
  pointStyle: shapes[i % 8], borderWidth: 2, pointRadius: 4, ...more});

function summary() {
  const measured = runs.filter(r => isNumber(gap(r)));
  const diverged = runs.filter(r => r.train.diverged);
  let text = `${runs.length} run${runs.length === 1 ? "" : "s"} of ${runs[0].train.model || "a model"} on ${runs[0].train.data || "its data"}. `;
  if (measured.length) {
    const w = measured.reduce((a, b) => gap(b) > gap(a) ? b : a), a = attack(w, "pgd-ce-tau1");
    if (gap(w) > 0.02) {
      text += `At τ = ${w.tau}, ${percent(a.robust_accuracy)} % of the images survive PGD on cross-entropy at attack τ = 1, but only ` +
        `${percent(robust(w, "pgd-log-odds"))} % survive the same attack on a loss that does not saturate: a masking gap of ` +
        `${(100 * gap(w)).toFixed(1)} points. On ${percent(a.zero_gradient_fraction)} % of the correctly classified images the first ` +
        `attack had no gradient at all. That robustness is hidden gradients, not moved boundaries.`;
    } else {
      text += "At no temperature do the losses disagree by more than two points: no sign of hidden gradients in these runs.";
    }
  } else {
    text += "No pair of attacks to compare was found in these runs.";
  }
  if (diverged.length) text += ` Diverged: ${diverged.map(r => r.label).join(", ")}.`;
  document.getElementById("summary").textContent = text;
}

function results() {
  const rows = runs.map(r => r.train.diverged
    ? [r.label, "diverged", ..."–".repeat(8)]
    : [r.label, short(r.train.train_loss), percent((r.results.evaluate || {}).accuracy ?? r.train.accuracy),
      percent((r.results.corrupt || {}).mean_accuracy), percent(robust(r, "pgd-ce-tau1")), percent(robust(r, "pgd-ce-tau-train")),
      percent(robust(r, "pgd-log-odds")), percent(gap(r)), percent((attack(r, "pgd-ce-tau1") || {}).zero_gradient_fraction),
      short((attack(r, "pgd-ce-tau1") || r.attacks[0] || {}).median_margin)]);
  fillTable("results", ["run", "train loss", "clean %", "corrupted %", "PGD, CE, τ = 1 %", "PGD, CE, training τ %", "PGD, log-odds %",
    "masking gap", "zero gradient %", "median margin"], rows);
}

function lossCurves() {
  draw("loss", "line", runs.map((r, i) => line(r.label,
    r.metrics.filter(m => m.kind === "step" && isNumber(m.loss)).map(m => ({x: m.step, y: m.loss})), i, {pointRadius: 0})),
    {scales: {x: axis("step", {type: "linear"}), y: axis("training loss", {beginAtZero: true})}});
}

function accuracyCurves() {
  const done = runs.filter(r => !r.train.diverged && isNumber(r.tau));
  const series = [["clean", r => (r.results.evaluate || {}).accuracy ?? r.train.accuracy], ["corrupted", r => (r.results.corrupt || {}).mean_accuracy]];
  const names = {"pgd-ce-tau1": "PGD, cross-entropy, attack τ = 1", "pgd-ce-tau-train": "PGD, cross-entropy, attack τ = training τ",
    "pgd-log-odds": "PGD, log-odds"};
  for (const label of new Set(done.flatMap(r => r.attacks.map(a => a.label)))) {
    const any = done.flatMap(r => r.attacks).find(a => a.label === label);
    series.push([names[label] || any.title || label, r => robust(r, label)]);
  }
  draw("accuracy", "line", series.map(([label, value], i) => line(label,
    done.filter(r => isNumber(value(r))).map(r => ({x: r.tau, y: 100 * value(r)})), i, {borderDash: i < 2 ? [6, 4] : []})),
    {scales: {x: tauAxis, y: percentAxis("accuracy, %")}});
}

function maskingChart() {
  const done = runs.filter(r => attack(r, "pgd-ce-tau1"));
  const bar = (label, value, i) => ({label, data: done.map(value), backgroundColor: colors[i], yAxisID: "y", pointStyle: "rect"});
  const margins = done.map(r => attack(r, "pgd-ce-tau1").median_margin);
  draw("masking", "bar", [
    bar("masking gap, points", r => 100 * gap(r), 1), bar("zero gradient, % of images", r => 100 * attack(r, "pgd-ce-tau1").zero_gradient_fraction, 0),
    {...line("median margin (right axis)", margins, 2), type: "line", yAxisID: "margin"},
    {...line("margin 104: no gradient left", done.map(() => 104), 7), type: "line", yAxisID: "margin", borderDash: [4, 4], pointRadius: 0},
  ], {labels: done.map(r => r.label), scales: {y: axis("points, %"), x: axis("run"),
    margin: axis("median margin", {position: "right", beginAtZero: true, grid: {drawOnChartArea: false}})}});
}

function corruptionChart() {
  const done = runs.filter(r => r.results.corrupt);
  const names = [...new Set(done.flatMap(r => r.results.corrupt.rows.map(row => row.corruption)))];
  const accuracy = (r, name) => {
    const rows = r.results.corrupt.rows.filter(row => row.corruption === name);
    return 100 * rows.reduce((sum, row) => sum + row.accuracy, 0) / rows.length;
  };
  draw("corruptions", "bar", done.map((r, i) => ({label: r.label, data: names.map(n => accuracy(r, n)), backgroundColor: colors[i % 8],
    pointStyle: "rect"})), {labels: names.map(n => n.replaceAll("_", " ")), scales: {x: axis("corruption"), y: percentAxis("accuracy, %")}});
}

function distanceChart() {
  const done = runs.filter(r => r.results.geometry && r.results.geometry.histogram);
  draw("distances", "line", done.map((r, i) => {
    const g = r.results.geometry, total = g.histogram.counts.reduce((a, b) => a + b, 0), edges = g.histogram.edges;
    return line(r.label, g.histogram.counts.map((c, k) => ({x: (edges[k] + edges[k + 1]) / 2 / g.mean_distance,
      y: c / total / ((edges[k + 1] - edges[k]) / g.mean_distance)})), runs.indexOf(r), {pointRadius: 0});
  }), {scales: {x: axis("distance / mean distance of the run", {type: "linear"}), y: axis("density", {beginAtZero: true})}});
  fillTable("geometry", ["run", "mean", "variance", "coefficient of variation", "the same, unit vectors"], done.map(r => {
    const g = r.results.geometry;
    return [r.label, short(g.mean_distance), short(g.mean_distance_variance), short(g.coefficient_of_variation), short(g.cosine_coefficient_of_variation)];
  }));
}

function picture(png, caption, isRight) {
  const figure = element("figure");
  const image = figure.appendChild(element("img"));
  image.src = "data:image/png;base64," + png;
  image.alt = caption;
  figure.appendChild(element("figcaption", (isRight === undefined ? "" : isRight ? "✓ " : "✗ ") + caption,
    isRight === undefined ? "" : isRight ? "ok" : "bad"));
  return figure;
}

function strips() {
  const host = document.getElementById("strips");
  const strip = (name, figures) => {
    const scroll = host.appendChild(element("div", undefined, "scroll"));
    const row = scroll.appendChild(element("div", undefined, "strip"));
    row.appendChild(element("div", name, "name"));
    figures.forEach(f => row.appendChild(f));
  };
  const shown = runs.flatMap(r => r.attacks.filter(a => (a.examples || []).length && (a.label === "pgd-ce-tau1" || a.label === "pgd-log-odds" || r.attacks.length === 1))
    .map(a => ({r, a})));
  if (!shown.length) return void host.appendChild(element("p", "No attack was run on these models.", "missing"));
  const first = shown[0].a, name = (a, c) => (a.class_names || [])[c] ?? String(c);
  strip("clean, label", first.examples.map(e => picture(e.clean_png, name(first, e.label))));
  for (const {r, a} of shown)
    strip(`${r.label}: ${a.loss}`, a.examples.map(e => picture(e.adversarial_png, name(a, e.adversarial_prediction), e.adversarial_prediction === e.label)));
}

function configs() {
  const host = document.getElementById("configs");
  for (const r of runs) {
    const details = host.appendChild(element("details"));
    details.appendChild(element("summary", `${r.label} – ${r.name}`));
    details.appendChild(element("pre", r.config || "no config.toml"));
  }
}

[summary, results, lossCurves, accuracyCurves, maskingChart, corruptionChart, distanceChart, strips, configs].forEach(f => f());
