"use strict";
// What the sections share: the runs, from the JSON in #data – {runs: [{name, config, metrics: [...], results: {name: object}}]} –
// colours, number formats, tables and charts. Each sections/NAME.js then calls section("NAME", draw).
const runs = JSON.parse(document.getElementById("data").textContent).runs;
for (const r of runs) {
  r.train = r.results.train || {};
  const flag = name => (new RegExp(`^${name} *= *"?([^"\n]*)`, "m").exec(r.config) || [])[1];
  r.model = r.train.model || flag("model");
  r.data = r.train.data || flag("data");
  r.clean = (r.results.evaluate || r.train).accuracy;
  // A result made with other settings than the usual has them in its name ("audit-n500"); the one of most images serves where there
  // is no usual one.
  for (const [name, v] of Object.entries(r.results).sort((a, b) => (a[1].n || 0) - (b[1].n || 0))) {
    if (!v.variant || v.logit_scale || v.checkpoint || name.startsWith("attack-") || (r.data && v.data !== r.data)) continue;
    const usual = name.slice(0, -v.variant.length - 1);
    if (!r.results[usual] || r.results[usual].isStandIn) r.results[usual] = {...v, isStandIn: true};
  }
  r.clean ??= (r.results.evaluate || {}).accuracy;
  r.tau = r.train.tau ?? Object.values(r.results).map(v => v.train_tau).find(t => t !== undefined) ?? Number(flag("tau") ?? NaN);
  r.attacks = Object.entries(r.results).filter(([k]) => k.startsWith("attack-")).map(([, v]) => v);
  // `kelvin attack` names its results by loss and attack τ; the quickstart and the sweep by what they are for.
  for (const a of r.attacks) {
    if (a.label === "pgd-log-odds-tau1") a.label = "pgd-log-odds";
    if (a.label === `pgd-ce-tau${r.tau}` && r.tau !== 1) a.label = "pgd-ce-tau-train";
  }
}
runs.sort((a, b) => a.tau - b.tau);
// One run a temperature is the usual case; several get their folder's name.
const taus = runs.map(r => r.tau);
const isTauKnown = r => !Number.isNaN(r.tau);
for (const r of runs)
  r.label = !isTauKnown(r) ? r.name : taus.filter(t => t === r.tau).length > 1 ? `τ = ${r.tau} (${r.name})` : `τ = ${r.tau}`;

// Okabe and Ito's palette: told apart by colour-blind readers; dashes and point shapes repeat the distinction. A temperature has the
// same colour in every figure; further runs at it are dashed.
const colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#999999"];
const shapes = ["circle", "rect", "triangle", "rectRot", "star", "cross", "crossRot", "line"];
const distinct = [...new Set(taus)];
const hasOneRunATau = distinct.length === runs.length;  // else points of different models must not be joined
runs.forEach((r, i) => {
  r.slot = distinct.length > 1 ? distinct.findIndex(t => Object.is(t, r.tau)) : i;
  r.dash = distinct.length > 1 ? [[], [6, 4], [2, 3], [8, 3, 2, 3]][runs.slice(0, i).filter(o => o.tau === r.tau).length % 4] : [];
});
const style = getComputedStyle(document.documentElement);
const ink = style.getPropertyValue("--ink").trim(), grid = style.getPropertyValue("--line").trim();
Chart.defaults.color = ink;
Chart.defaults.borderColor = grid;
Chart.defaults.font.size = 12;
Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;
Chart.defaults.plugins.legend.labels.usePointStyle = true;
Chart.defaults.plugins.legend.labels.boxHeight = 7;
Chart.defaults.plugins.legend.labels.padding = 8;

const isNumber = v => typeof v === "number" && isFinite(v);
const percent = v => isNumber(v) ? (100 * v).toFixed(1) : "–";
const short = v => !isNumber(v) ? "–" : v !== 0 && (Math.abs(v) < 0.01 || Math.abs(v) >= 1e4) ? v.toExponential(2) : Number(v.toPrecision(3)).toString();
const attack = (r, label) => r.attacks.find(a => a.label === label);
// What must be the same for two attacks to differ by their loss alone; a setting that one of them does not record is not held against it.
const pixels = v => Math.abs(255 * v - Math.round(255 * v)) < 1e-4 ? `${Math.round(255 * v)}/255` : short(v);
const compared = {norm: "norm", eps: "ε", step: "step", steps: "steps", restarts: "restarts", n: "images", seed: "seed", data: "data",
  precision: "precision"};
const differences = (a, b) => Object.keys(compared).filter(k => a[k] !== undefined && b[k] !== undefined && a[k] !== b[k]);
const asText = (k, v) => k === "eps" || k === "step" ? pixels(v) : String(v);

// r.ce, r.trained and r.logOdds: PGD on cross-entropy at attack τ = 1 and at the training τ, and on log-odds. Of several attacks those
// that agree in everything else, the usual ones before others; where none agree, r.noGap says in what they differ.
for (const r of runs) {
  const pgd = (loss, tau, label) => r.attacks.filter(a => a.attack === "pgd" && a.loss === loss && a.attack_tau === tau && a.targeted === "none" &&
    !a.logit_scale && !a.checkpoint).sort((a, b) => (b.label === label) - (a.label === label));
  const ces = pgd("ce", 1, "pgd-ce-tau1"), logOdds = pgd("log-odds", 1, "pgd-log-odds");
  const pair = ces.flatMap(a => logOdds.map(b => [a, b])).find(([a, b]) => !differences(a, b).length);
  [r.ce, r.logOdds] = pair || [ces[0], logOdds[0]];
  const trained = pgd("ce", r.tau, "pgd-ce-tau-train");
  r.trained = trained.find(a => r.ce && !differences(a, r.ce).length) || trained[0];
  if (!pair && r.ce && r.logOdds)
    r.noGap = differences(r.ce, r.logOdds).map(k => `${compared[k]} (${asText(k, r.ce[k])} and ${asText(k, r.logOdds[k])})`).join(", ");
}
const gap = r => r.ce && r.logOdds && !r.noGap ? r.ce.robust_accuracy - r.logOdds.robust_accuracy : NaN;
const element = (name, text, className) => {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
};

function fillTable(id, header, rows) {
  const table = document.getElementById(id);
  if (!rows.length) return void table.replaceWith(element("p", "Not measured in these runs.", "missing"));
  for (const [cells, tag] of [[header, "th"], ...rows.map(r => [r, "td"])]) {
    const line = table.appendChild(element("tr"));
    for (const cell of cells) line.appendChild(cell instanceof Node ? cell : element(tag, cell));
  }
}

// A chart, or a line saying that its numbers are missing.
function draw(id, type, datasets, options) {
  const canvas = document.getElementById(id);
  if (!canvas) return;
  const old = Chart.getChart(canvas);
  if (old) old.destroy();
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
const runLine = (r, data, more = {}) => line(r.label, data, r.slot, {borderDash: r.dash, ...more});
const isPowerOfTen = v => Math.abs(Math.log10(v) - Math.round(Math.log10(v))) < 1e-6;
// Without those that would touch the one before on a narrow screen.
const spaced = ticks => {
  const room = (window.innerWidth < 700 ? 0.07 : 0.02) * Math.log(ticks[ticks.length - 1] / ticks[0]);
  const kept = [];
  for (const t of ticks) if (!kept.length || Math.log(t / kept[kept.length - 1]) >= room) kept.push(t);
  return kept;
};
const logAxis = (text, ticks) => axis(text, {type: "logarithmic", ...(ticks && {min: ticks[0] / 1.15, max: ticks[ticks.length - 1] * 1.15,
  afterBuildTicks: a => { a.ticks = spaced(ticks).map(value => ({value})); }}),
  ticks: {callback: v => ticks || isPowerOfTen(v) ? (v >= 1e-4 && v < 1e6 ? String(Number(v.toPrecision(3))) : v.toExponential(0)) : "", autoSkip: !ticks, maxRotation: 0}});

// A menu in #id that redraws for the run it names; without a choice to make it only draws.
function chooseRun(id, choices, first, redraw) {
  const host = document.getElementById(id);
  if (choices.length > 1) {
    host.appendChild(element("span", "Model: "));
    const menu = host.appendChild(element("select"));
    for (const r of choices) menu.appendChild(element("option", `trained at ${r.label}`));
    menu.selectedIndex = choices.indexOf(first);
    menu.setAttribute("aria-label", "model shown");
    menu.addEventListener("change", () => redraw(choices[menu.selectedIndex]));
  } else if (first) {
    host.appendChild(element("span", `Model: trained at ${first.label}`));
  }
  redraw(first);
}

// Draws one section; if its data are of a form it does not know, it says so and the others still draw. A section of which nothing was
// measured is put away, and a line at the end of the page says which command measures it.
function section(name, draw) {
  const host = document.getElementById("section-" + name);
  try {
    draw();
  } catch (error) {
    host.appendChild(element("p", `This section could not be drawn: ${error.message}`, "missing"));
    return;
  }
  if (!host.dataset.command || !host.querySelector(".missing") || host.querySelector("canvas, tr, img")) return;
  host.hidden = true;
  const leftOut = document.getElementById("left-out"), item = leftOut.querySelector("ul").appendChild(element("li", host.querySelector("h2").textContent + ": "));
  item.appendChild(element("code", host.dataset.command));
  leftOut.hidden = false;
}
