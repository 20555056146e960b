"use strict";
// Drawings in SVG text that the course's figures share: the plane with decision regions, points and paths, arrows, and line charts. No DOM.
if (typeof module !== "undefined") Object.assign(globalThis, require("../report/figure_parts.js"), require("./mlp.js"));

// The square [-half, half]² as user units 0..300, y upwards.
const planeSize = 300;
const planeScale = half => planeSize / (2 * half);
const toPlane = ([x, y], half) => [(x + half) * planeScale(half), (half - y) * planeScale(half)];
const fixed = v => v.toFixed(1);
// A drawing of the plane. A live one holds movable points, so it is a group, no image.
const planeSvg = (name, content, isLive = false) =>
  `<svg class="plane" viewBox="0 0 ${planeSize} ${planeSize}" role="${isLive ? "group" : "img"}" aria-label="${escapeHtml(name)}">` +
  `<rect width="${planeSize}" height="${planeSize}" class="bar-ground"/>${content}</svg>`;
// A point that makeMovable can move, and its place in the drawing.
const placeOf = (p, half) => `translate(${toPlane(p, half).map(fixed).join(" ")})`;
const markHtml = ({p, name, text, color}, half, isLive) =>
  `<g class="mark" transform="${placeOf(p, half)}"` +
  (isLive ? ` role="button" aria-roledescription="movable point" aria-label="${text}, arrow keys move it"` : "") +
  `><circle r="22" fill="transparent"/><circle r="7" fill="${color}" stroke="var(--paper)" stroke-width="2"/>` +
  `<text x="10" y="-8" class="mark-text">${name}</text></g>`;
const dashes = dash => dash ? ` stroke-dasharray="${dash}"` : "";

// The predicted class on an n x n grid, one path a class.
function regionsHtml(layers, half, n = 60) {
  const cell = planeSize / n, paths = {};
  for (let r = 0; r < n; ++r) {
    let begin = 0, current = -1;
    for (let c = 0; c <= n; ++c) {
      const x = [((c + 0.5) / n * 2 - 1) * half, (1 - (r + 0.5) / n * 2) * half], j = c < n ? predicted(mlpLogits(layers, x)) : -1;
      if (j === current) continue;
      const [left, top, width] = [begin, r, c - begin].map(k => fixed(k * cell));
      if (current >= 0) paths[current] = (paths[current] || "") + `M${left} ${top}h${width}v${fixed(cell)}H${left}z`;
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
  const point = (x, y) => `${fixed(x)} ${fixed(y)}`, [sx, sy] = [-uy * head / 2, ux * head / 2];
  return `<path d="M${point(...from)}L${point(...back)}" stroke="${color}" stroke-width="${width}"${dashes(dash)} fill="none"/>` +
    `<path d="M${point(...to)}L${point(back[0] + sx, back[1] + sy)}L${point(back[0] - sx, back[1] - sy)}z" fill="${color}"/>`;
}

// Multiples of 1, 2 or 5 times a power of ten in [lo, hi], at most six.
function roundSteps(lo, hi) {
  const unit = 10 ** Math.floor(Math.log10((hi - lo) / 5)), step = [1, 2, 5, 10].map(k => k * unit).find(s => (hi - lo) / s <= 5);
  const first = Math.ceil(lo / step - 1e-9);
  return Array.from({length: Math.floor(hi / step + 1e-9) - first + 1}, (_, k) => Number(((first + k) * step).toPrecision(6)));
}

// A line chart. series: [{name, color, dash, points: [[x, y], ...]}]; options {title, x, isLog, floor}: the name of the x axis, a logarithmic
// y axis, and what stands for values of 0 and below on it.
function chartHtml(series, {title, x, isLog = false, floor = 1e-8}) {
  const [w, h, left, right, top, bottom] = [340, 200, 46, 8, 10, 34], valueOf = v => isLog ? Math.log10(Math.max(floor, v)) : v;
  const finite = series.map(s => ({...s, points: s.points.filter(p => Number.isFinite(p[1]))})), all = finite.flatMap(s => s.points);
  const xs = all.map(p => p[0]), ys = all.map(p => valueOf(p[1]));
  const [x0, x1] = [Math.min(...xs), Math.max(...xs, Math.min(...xs) + 1e-9)];
  let [y0, y1] = [Math.min(...ys), Math.max(...ys)];
  if (isLog) [y0, y1] = [Math.floor(y0), Math.ceil(y1)];
  if (y1 - y0 < 1e-9) y1 = y0 + 1;
  const px = v => left + (v - x0) / (x1 - x0) * (w - left - right), py = v => h - bottom - (valueOf(v) - y0) / (y1 - y0) * (h - top - bottom);
  const text = (tx, ty, anchor, content) => `<text class="chart-text" x="${fixed(tx)}" y="${fixed(ty)}" text-anchor="${anchor}">${content}</text>`;

  const steps = isLog ? Array.from({length: Math.round(y1 - y0) + 1}, (_, k) => 10 ** (y0 + k)) : roundSteps(y0, y1);
  const every = Math.ceil(steps.length / 6);
  const grid = steps.filter((_, k) => k % every === 0).map(v =>
    `<path d="M${left} ${fixed(py(v))}H${w - right}" class="chart-grid"/>${text(left - 4, py(v) + 4, "end", numberText(v))}`).join("");
  const ends = [x0, (x0 + x1) / 2, x1].map((v, k) => text(px(v), h - bottom + 13, ["start", "middle", "end"][k], numberText(v))).join("");
  const lines = finite.filter(s => s.points.length).map(s => `<path d="M${s.points.map(p => `${fixed(px(p[0]))} ${fixed(py(p[1]))}`).join("L")}" ` +
    `fill="none" stroke="${s.color}" stroke-width="2.5"${dashes(s.dash)}/>`).join("");
  const summary = finite.map(({name, points}) =>
    points.length ? `${name}: from ${numberText(points[0][1])} to ${numberText(points[points.length - 1][1])}` : `${name}: nothing`).join("; ");
  const legend = series.map(s => `<span><svg viewBox="0 0 24 6" width="24" height="6" aria-hidden="true"><path d="M0 3H24" ` +
    `stroke="${s.color}" stroke-width="3"${dashes(s.dash)}/></svg> ${escapeHtml(s.name)}</span>`).join(" ");
  return `<div class="line-chart"><p class="chart-title">${title}</p>` +
    `<svg viewBox="0 0 ${w} ${h}" role="img" aria-label="${escapeHtml(`${title}. ${summary}.`)}">` +
    `${grid}${ends}${lines}${text((w + left) / 2, h - 4, "middle", x)}</svg><p class="legend">${legend}</p></div>`;
}

// A table: head is a list of texts, rows lists of cells, the first of a row its name.
const tableHtml = (caption, head, rows) =>
  `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(caption)}"><table><caption>${caption}</caption>` +
  `<thead><tr>${head.map(c => `<th scope="col">${c}</th>`).join("")}</tr></thead><tbody>` +
  rows.map(([name, ...cells]) => `<tr><th scope="row">${name}</th>${cells.map(c => `<td>${c}</td>`).join("")}</tr>`).join("") +
  "</tbody></table></div>";

if (typeof module !== "undefined")
  module.exports = {toPlane, placeOf, planeScale, planeSvg, planeSize, markHtml, dashes, fixed, regionsHtml, pointsHtml, arrowHtml, chartHtml, tableHtml};
