"use strict";
// The figure of τ: logits one can drag, and what softmax cross-entropy and the log-odds loss make of them, in the kernels' float32 arithmetic.
// Needs formulas.js, figure_parts.js and figures.css on the page.
//
//   const figure = tauFigure(host, {names, logits, label, tau, range, tauRange, onChange});
//     host      an element; its content is replaced
//     names     names of the classes, [C] strings       logits  [C] numbers       label  index of the true class
//     tau       the temperature at first, default 1     tauRange  [lo, hi] of its slider, default [0.05, 100]
//     range     [lo, hi] of the logits' sliders; default: the logits and as much again on each side
//     onChange  called with values() after every change by the reader
//   figure.set({logits, label, tau})   shows other values (each optional; the number of classes stays)
//   figure.values()   {logits, label, tau, p, shares, stepSize, gradient, logOddsGradient, crossEntropy, logOdds, margin, state}
//
// tauFigureHtml(options) is the same as a still picture: it needs no DOM and serves pages without JavaScript.
if (typeof module !== "undefined") Object.assign(globalThis, require("./formulas.js"), require("./figure_parts.js"));

function tauValues({logits, label, tau}) {
  return {logits, label, tau, p: formulas.softmax(logits, tau), shares: formulas.shares(logits, label, tau),
    stepSize: formulas.stepSize(logits, label, tau), gradient: formulas.crossEntropyGradient(logits, label, tau),
    logOddsGradient: formulas.logOddsGradient(logits, label, tau), crossEntropy: formulas.crossEntropy(logits, label, tau),
    logOdds: formulas.logOdds(logits, label, tau), margin: formulas.margin(logits, label), state: formulas.state(logits, label, tau)};
}

// The columns of bars after the logits: {key of the values, heading, scale}.
const tauColumns = [
  {key: "p", head: "p", title: "probability", lo: 0, hi: 1},
  {key: "shares", head: "α", title: "share of the push", lo: 0, hi: 1},
  {key: "gradient", head: "∂CE/∂z", title: "gradient of cross-entropy", lo: -1, hi: 1},
  {key: "logOddsGradient", head: "∂LO/∂z", title: "gradient of log-odds", lo: -1, hi: 1},
];
const tauCellHtml = (v, column, j) => {
  const x = v[column.key][j], isOwnShare = column.key === "shares" && j === v.label;
  return isOwnShare ? `<span class="none">label</span>` : barHtml(x, column.lo, column.hi, classColor(j)) + `<span>${numberText(x)}</span>`;
};

// The axis of margin/τ with the regions in which float32 loses the gradient of cross-entropy.
function gapAxisHtml(v) {
  const end = 130, at = x => 100 * Math.min(end, Math.max(0, x)) / end, gap = v.margin / v.tau;
  const band = (a, b, className) => `<rect x="${at(a)}" width="${at(b) - at(a)}" height="10" class="${className}"/>`;
  const mark = (x, text) => `<span class="axis-mark" style="left:${at(x)}%">${text}</span>`;
  const name = `Margin over τ is ${numberText(gap)}. Float32 rounds p of the label to 1 from 17, has only denormal numbers from 87, and exact zeros from 104.`;
  return `<div class="axis" role="img" aria-label="${name}">` +
    `<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">${band(0, thresholds.rounded, "band-healthy")}` +
    band(thresholds.rounded, thresholds.denormal, "band-rounded") + band(thresholds.denormal, thresholds.zero, "band-denormal") +
    `${band(thresholds.zero, end, "band-dead")}</svg><span class="axis-point" style="left:${at(gap)}%">▲</span>` +
    `${mark(0, "0")}${mark(thresholds.rounded, "17")}${mark(thresholds.denormal, "87")}${mark(thresholds.zero, "104")}</div>`;
}
const tauReadoutHtml = v => `<dl class="readout">` + [
  ["margin / τ", v.margin / v.tau, "margin"], ["factor (1 − p<sub>y</sub>)/τ", v.stepSize, "step-size"],
  ["cross-entropy", v.crossEntropy, "cross-entropy"], ["log-odds loss", v.logOdds, "log-odds"],
].map(([name, x, key]) => `<div><dt>${name}</dt><dd data-value="${key}">${numberText(x)}</dd></div>`).join("") + "</dl>";
const tauStateHtml = v => `<span class="state-${v.state.name}">${v.state.text}</span>`;

function tauFigureHtml({names, logits, label, tau = 1, range, tauRange = [0.05, 100], id = "tau"}, isLive = false) {
  const v = tauValues({logits, label, tau}), [lo, hi] = range || defaultRange(logits);
  const step = Number(((hi - lo) / 200).toPrecision(1));
  const row = (name, j) => {
    const text = escapeHtml(name);
    const own = isLive ? `<label><input type="radio" name="${id}-label" value="${j}"${j === label ? " checked" : ""} aria-label="${text} is the label"> ${text}</label>`
      : text + (j === label ? " (label)" : "");
    const z = isLive ? `<input type="range" class="logit" min="${lo}" max="${hi}" step="${step}" value="${logits[j]}" aria-label="logit of ${text}">`
      : barHtml(logits[j], Math.min(0, lo), hi, classColor(j));
    return `<tr class="${j === label ? "own" : ""}"><th scope="row">${own}</th><td data-head="logit z">${z}<span class="z">${numberText(logits[j])}</span></td>` +
      tauColumns.map(c => `<td data-head="${c.head}" data-key="${c.key}">${tauCellHtml(v, c, j)}</td>`).join("") + "</tr>";
  };
  return `<div class="tau-figure" data-state="${v.state.name}">` +
    (isLive ? ratioSliderHtml("τ", "temperature τ", tau, ...tauRange) : `<p class="slider">τ = ${numberText(tau)}</p>`) +
    `<table><caption>Softmax of z/τ. α: how the wrong classes share the push. CE: cross-entropy, LO: log-odds loss; their bars end at ±1.</caption>` +
    `<thead><tr><th scope="col">class</th><th scope="col">logit z</th>${tauColumns.map(c => `<th scope="col" title="${c.title}">${c.head}</th>`).join("")}</tr></thead>` +
    `<tbody>${names.map(row).join("")}</tbody></table>` +
    `<div data-part="readout">${tauReadoutHtml(v)}</div><div data-part="axis">${gapAxisHtml(v)}</div>` +
    `<p class="state"${isLive ? ` aria-live="polite"` : ""} data-part="state">${tauStateHtml(v)}</p></div>`;
}
function defaultRange(logits) {
  const lo = Math.min(...logits), hi = Math.max(...logits), room = Math.max(1, hi - lo), unit = 10 ** Math.floor(Math.log10(room));
  return [Math.floor((lo - room) / unit) * unit, Math.ceil((hi + room) / unit) * unit];
}

let tauFigures = 0;
function tauFigure(host, options) {
  const now = {logits: [...options.logits], label: options.label, tau: options.tau || 1};
  host.innerHTML = tauFigureHtml({...options, id: `tau-${++tauFigures}`}, true);
  const part = name => host.querySelector(`[data-part="${name}"]`), rows = [...host.querySelectorAll("tbody tr")];
  const sliders = rows.map(r => r.querySelector(".logit"));
  function draw() {
    const v = tauValues(now);
    host.firstChild.dataset.state = v.state.name;
    rows.forEach((r, j) => {
      r.className = j === now.label ? "own" : "";
      r.querySelector(".z").textContent = numberText(now.logits[j]);
      for (const c of tauColumns) r.querySelector(`[data-key="${c.key}"]`).innerHTML = tauCellHtml(v, c, j);
    });
    part("readout").innerHTML = tauReadoutHtml(v);
    part("axis").innerHTML = gapAxisHtml(v);
    if (part("state").textContent !== v.state.text) part("state").innerHTML = tauStateHtml(v);  // read aloud when it changes
    return v;
  }
  const changed = () => { const v = draw(); if (options.onChange) options.onChange(v); };
  const setTau = connectRatioSlider(host.querySelector(".slider"), tau => { now.tau = tau; changed(); });
  sliders.forEach((s, j) => s.addEventListener("input", () => { now.logits[j] = Number(s.value); changed(); }));
  rows.forEach((r, j) => r.querySelector("[type=radio]").addEventListener("change", () => { now.label = j; changed(); }));
  return {
    values: () => tauValues(now),
    set(change) {
      Object.assign(now, change, change.logits && {logits: [...change.logits]});
      now.logits.forEach((z, j) => {
        sliders[j].min = Math.min(sliders[j].min, z);
        sliders[j].max = Math.max(sliders[j].max, z);
        sliders[j].value = z;
      });
      rows[now.label].querySelector("[type=radio]").checked = true;
      setTau(now.tau);
      draw();
    },
  };
}

if (typeof module !== "undefined") module.exports = {tauFigureHtml, tauValues};
