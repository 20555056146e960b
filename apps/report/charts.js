// Charts: colours, axes, and `draw`, which also gives each chart its name for a screen reader and its numbers as a table.

// Okabe and Ito's palette: told apart by colour-blind readers; dashes and point shapes repeat the distinction. A temperature has the
// same colour in every figure; further runs at it are dashed.
const colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#999999"];
const shapes = ["circle", "rect", "triangle", "rectRot", "star", "cross", "crossRot", "line"];
Chart.defaults.font.size = 12;
Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;
Chart.defaults.plugins.legend.labels.usePointStyle = true;
Chart.defaults.plugins.legend.labels.boxHeight = 7;
Chart.defaults.plugins.legend.labels.padding = 8;

function useThemeColors() {
  const style = getComputedStyle(document.documentElement);
  Chart.defaults.color = style.getPropertyValue("--ink").trim();
  Chart.defaults.borderColor = style.getPropertyValue("--line").trim();
}

const titleOf = (scales, name) => ((scales[name] || {}).title || {}).text || "";
// "%" of "accuracy, %"; of a dataset that says so itself, its own unit.
const unitOf = (set, scales) => set.unit ?? (/%$/.test(titleOf(scales, set.yAxisID || "y")) ? "%" : "");
const valueOf = point => typeof point === "object" && point !== null ? point.y : point;
const withUnit = (text, unit) => unit ? `${text} ${unit}` : text;

const chartsDrawn = new Map();  // by the canvas's id: what draw was given
function redrawAll() { for (const [id, given] of chartsDrawn) draw(id, ...given); }

// A table of every number of a chart: one line an x, one column a dataset.
function numbersOf(caption, type, datasets, options) {
  const xTitle = titleOf(options.scales, "x") || "run";
  const shownX = x => typeof x === "number" ? short(x) : String(x);
  const rows = new Map();  // x as text -> cells
  datasets.forEach((set, k) => set.data.forEach((point, i) => {
    const x = shownX(options.labels ? options.labels[i] : typeof point === "object" && point !== null ? point.x : i);
    if (!rows.has(x)) rows.set(x, {at: options.labels ? i : point.x, cells: datasets.map(() => "")});
    const deviation = (set.deviations || [])[i];
    rows.get(x).cells[k] = short(valueOf(point)) + (isNumber(deviation) ? " ± " + short(deviation) : "");
  }));
  const table = element("table");
  table.appendChild(element("caption", caption));
  const header = [xTitle, ...datasets.map(set => withUnit(set.label, /[,%]/.test(set.label) ? "" : unitOf(set, options.scales) && "(%)"))];
  fillRows(table, header, [...rows].sort((a, b) => a[1].at - b[1].at).map(([x, {cells}]) => [x, ...cells]));
  return table;
}

// A chart, or a line saying that its numbers are missing. Its name is the section's heading and what is drawn; its numbers follow folded away.
function draw(id, type, datasets, options) {
  const canvas = document.getElementById(id);
  if (!canvas) return;
  chartsDrawn.set(id, [type, datasets, options]);
  const old = Chart.getChart(canvas);
  if (old) old.destroy();
  const box = canvas.parentElement;
  if (!datasets.some(d => d.data.some(p => isNumber(valueOf(p))))) {
    box.style.height = "auto";
    canvas.replaceWith(element("p", "Not measured in these runs.", "missing"));
    return;
  }
  const shown = datasets.filter(d => d.data.length);
  const heading = canvas.closest("section").querySelector("h2"), yTitles = Object.keys(options.scales).filter(k => k !== "x").map(k => titleOf(options.scales, k));
  const name = `${yTitles.join(" and ")} against ${titleOf(options.scales, "x") || "run"}`;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${heading ? heading.textContent + ": " : ""}${type} chart of ${name}. ` +
    `Shown: ${shown.map(d => d.label).join("; ")}. Its numbers are in the table that follows.`);
  useThemeColors();
  // Lines stand above bars.
  for (const set of datasets) if (type === "bar" && set.type === "line") set.order = -1;
  const tooltip = {callbacks: {
    title: items => items.length ? `${titleOf(options.scales, "x") || "run"}: ${options.labels ? items[0].label : short(items[0].parsed.x)}` : "",
    label: item => `${item.dataset.label}: ${withUnit(short(item.parsed.y), unitOf(item.dataset, options.scales))}`,
    ...((options.plugins || {}).tooltip || {}).callbacks,
  }};
  // The legend's height is added to the plot's, which else would have little left on a phone.
  const fit = chart => {
    box.style.height = "";
    if (chart.legend) box.style.height = `${box.clientHeight + Math.max(0, Math.round(chart.legend.height) - 30)}px`;
  };
  box.style.height = "";
  const chart = new Chart(canvas, {type, data: {labels: options.labels, datasets}, options: {
    scales: options.scales, plugins: {...options.plugins, tooltip}, interaction: {mode: "nearest", intersect: false}, onResize: fit,
  }});
  fit(chart);
  let numbers = box.parentElement.querySelector("details.numbers");
  if (!box.parentElement.classList.contains("plot")) {
    const plot = element("div", undefined, "plot");
    box.replaceWith(plot);
    plot.appendChild(box);
    numbers = plot.appendChild(element("details", undefined, "numbers"));
  }
  numbers.replaceChildren(element("summary", `Numbers of this figure: ${yTitles[0] || name}`));
  numbers.appendChild(element("div", undefined, "scroll")).appendChild(numbersOf(name, type, shown, options));
}

const axis = (text, more = {}) => ({title: {display: Boolean(text), text}, ...more});
const percentAxis = text => axis(text, {min: 0, max: 100});
const line = (label, data, i, more = {}) => ({label, data, borderColor: colors[i % 8], backgroundColor: colors[i % 8],
  pointStyle: shapes[i % 8], borderWidth: 2, pointRadius: 4, ...more});
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
const tauTicks = [...new Set(taus.filter(isNumber))];
const tauAxis = axis("training temperature τ (log scale)", {type: "logarithmic",
  min: Math.min(...tauTicks) / 1.3, max: Math.max(...tauTicks) * 1.3,
  afterBuildTicks: a => { a.ticks = tauTicks.map(value => ({value})); }, ticks: {callback: v => String(v), autoSkip: false}});
const runLine = (r, data, more = {}) => line(r.label, data, r.slot, {borderDash: r.dash, ...more});
