"use strict";
// Drawings in SVG text that the course's figures share: the plane with decision regions, points and paths, arrows, and line charts. No DOM.
if (typeof module !== "undefined") Object.assign(globalThis, require("../report/figure_parts.js"), require("./mlp.js"));

// The square [-half, half]² as user units 0..300, y upwards.
const planeSize = 300;
const planeScale = half => planeSize / (2 * half);
const toPlane = ([x, y], half) => [(x + half) * planeScale(half), (half - y) * planeScale(half)];
const fixed = v => v.toFixed(1);
const planeSvg = (name, content, className = "") =>
  `<svg class="plane ${className}" viewBox="0 0 ${planeSize} ${planeSize}" role="img" aria-label="${escapeHtml(name)}">` +
  `<rect width="${planeSize}" height="${planeSize}" class="bar-ground"/>${content}</svg>`;

// The predicted class on an n x n grid, one path a class.
function regionsHtml(layers, half, n = 60) {
  const cell = planeSize / n, paths = {};
  for (let r = 0; r < n; ++r) {
    let begin = 0, current = -1;
    for (let c = 0; c <= n; ++c) {
      const x = [((c + 0.5) / n * 2 - 1) * half, (1 - (r + 0.5) / n * 2) * half], j = c < n ? predicted(mlpLogits(layers, x)) : -1;
      if (j === current) continue;
      if (current >= 0) paths[current] = (paths[current] || "") + `M${fixed(begin * cell)} ${fixed(r * cell)}h${fixed((c - begin) * cell)}v${fixed(cell)}H${fixed(begin * cell)}z`;
      [begin, current] = [c, j];
    }
  }
  return Object.entries(paths).map(([j, d]) => `<path d="${d}" fill="${classColor(Number(j))}" fill-opacity="0.22"/>`).join("");
}

// Points of the classes; shapes repeat what colours say.
const pointsHtml = (data, half) => data.map(({x, y}) => {
  const [a, b] = toPlane(x, half), color = `fill="${classColor(y)}"`;
  return y === 0 ? `<circle cx="${fixed(a)}" cy="${fixed(b)}" r="3" ${color}/>`
    : y === 1 ? `<rect x="${fixed(a - 2.6)}" y="${fixed(b - 2.6)}" width="5.2" height="5.2" ${color}/>`
      : `<path d="M${fixed(a)} ${fixed(b - 3.6)}l3.4 6h-6.8z" ${color}/>`;
}).join("");

function arrowHtml(from, to, color, {width = 3, dash = ""} = {}) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]], length = Math.hypot(dx, dy);
  if (length < 1) return "";
  const [ux, uy] = [dx / length, dy / length], head = Math.min(length, 4 * width), back = [to[0] - head * ux, to[1] - head * uy];
  return `<path d="M${fixed(from[0])} ${fixed(from[1])}L${fixed(back[0])} ${fixed(back[1])}" stroke="${color}" stroke-width="${width}"${dash && ` stroke-dasharray="${dash}"`} fill="none"/>` +
    `<path d="M${fixed(to[0])} ${fixed(to[1])}L${fixed(back[0] - uy * head / 2)} ${fixed(back[1] + ux * head / 2)}L${fixed(back[0] + uy * head / 2)} ${fixed(back[1] - ux * head / 2)}z" fill="${color}"/>`;
}

// Multiples of 1, 2 or 5 times a power of ten in [lo, hi], at most six.
function roundSteps(lo, hi) {
  const unit = 10 ** Math.floor(Math.log10((hi - lo) / 5)), step = [1, 2, 5, 10].map(k => k * unit).find(s => (hi - lo) / s <= 5);
  const first = Math.ceil(lo / step - 1e-9);
  return Array.from({length: Math.floor(hi / step + 1e-9) - first + 1}, (_, k) => Number(((first + k) * step).toPrecision(6)));
}

// A line chart. series: [{name, color, dash, points: [[x, y], ...]}]; options {title, x, y, isLog, yRange, floor}: names of the axes, a
// logarithmic y axis, its range, and what stands for values of 0 and below on it.
function chartHtml(series, {title, x, y, isLog = false, yRange, floor = 1e-8}) {
  const [w, h, left, right, top, bottom] = [340, 200, 46, 8, 10, 34], text = v => `class="chart-text" ${v}`;
  const valueOf = v => isLog ? Math.log10(Math.max(floor, v)) : v;
  const finite = series.map(s => ({...s, points: s.points.filter(p => Number.isFinite(p[1]))})), all = finite.flatMap(s => s.points);
  const xs = all.map(p => p[0]), ys = all.map(p => valueOf(p[1]));
  const [x0, x1] = [Math.min(...xs), Math.max(...xs, Math.min(...xs) + 1e-9)];
  let [y0, y1] = yRange ? yRange.map(valueOf) : [Math.min(...ys), Math.max(...ys)];
  if (isLog && !yRange) [y0, y1] = [Math.floor(y0), Math.ceil(y1)];
  if (y1 - y0 < 1e-9) y1 = y0 + 1;
  const px = v => left + (v - x0) / (x1 - x0) * (w - left - right), py = v => h - bottom - (valueOf(v) - y0) / (y1 - y0) * (h - top - bottom);
  const steps = isLog ? Array.from({length: Math.round(y1 - y0) + 1}, (_, k) => y0 + k) : roundSteps(y0, y1);
  const every = Math.ceil(steps.length / 6), ticks = steps.filter((_, k) => k % every === 0).map(v => isLog ? 10 ** v : v);
  const grid = ticks.map(v => `<path d="M${left} ${fixed(py(v))}H${w - right}" class="chart-grid"/><text ${text(`x="${left - 4}" y="${fixed(py(v) + 4)}" text-anchor="end"`)}>${numberText(v)}</text>`).join("");
  const ends = [x0, (x0 + x1) / 2, x1].map((v, k) => `<text ${text(`x="${fixed(px(v))}" y="${h - bottom + 13}" text-anchor="${["start", "middle", "end"][k]}"`)}>${numberText(v)}</text>`).join("");
  const lines = finite.map(s => s.points.length ? `<path d="M${s.points.map(p => `${fixed(px(p[0]))} ${fixed(py(p[1]))}`).join("L")}" fill="none" stroke="${s.color}" stroke-width="2.5"${s.dash ? ` stroke-dasharray="${s.dash}"` : ""}/>` : "").join("");
  const summary = finite.map(s => s.points.length ? `${s.name}: from ${numberText(s.points[0][1])} to ${numberText(s.points[s.points.length - 1][1])}` : `${s.name}: nothing`).join("; ");
  const legend = series.map(s => `<span><svg viewBox="0 0 24 6" width="24" height="6" aria-hidden="true"><path d="M0 3H24" stroke="${s.color}" stroke-width="3"${s.dash ? ` stroke-dasharray="${s.dash}"` : ""}/></svg> ${escapeHtml(s.name)}</span>`).join(" ");
  return `<div class="line-chart"><p class="chart-title">${title}</p><svg viewBox="0 0 ${w} ${h}" role="img" aria-label="${escapeHtml(`${title}. ${summary}.`)}">${grid}${ends}${lines}` +
    `<text ${text(`x="${(w + left) / 2}" y="${h - 4}" text-anchor="middle"`)}>${x}</text></svg><p class="legend">${legend}</p>${y ? `<p class="legend">${y}</p>` : ""}</div>`;
}

// A table: head is a list of texts, rows lists of cells, the first of a row its name.
const tableHtml = (caption, head, rows) => `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(caption)}"><table><caption>${caption}</caption><thead><tr>` +
  head.map(c => `<th scope="col">${c}</th>`).join("") + "</tr></thead><tbody>" +
  rows.map(([name, ...cells]) => `<tr><th scope="row">${name}</th>${cells.map(c => `<td>${c}</td>`).join("")}</tr>`).join("") + "</tbody></table></div>";

if (typeof module !== "undefined")
  module.exports = {toPlane, planeScale, planeSvg, planeSize, fixed, regionsHtml, pointsHtml, arrowHtml, chartHtml, tableHtml};
