"use strict";
// What the sections share: the runs, from the JSON in #data – {runs: [{name, config, metrics: [...], results: {name: object}}]} –
// colours, number formats, tables and charts. Each sections/NAME.js then calls section("NAME", draw).
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

// Draws one section; if its data are of a form it does not know, it says so and the others still draw.
function section(name, draw) {
  try {
    draw();
  } catch (error) {
    document.getElementById("section-" + name).appendChild(element("p", `This section could not be drawn: ${error.message}`, "missing"));
  }
}
