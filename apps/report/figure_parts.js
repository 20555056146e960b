"use strict";
// What the interactive figures share: number texts, bars, the τ slider and points that mouse, finger and arrow keys move. Functions that end
// in Html return text and need no DOM, so that the still pictures are made by the same code.

// Okabe and Ito's palette, in the order of the classes; the same as in common.js.
const classColors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#999999"];
const classColor = j => classColors[j % classColors.length];

// Three digits; an exact zero is "0" and nothing else is.
const numberText = v => !Number.isFinite(v) ? String(v) : v === 0 ? "0"
  : (Math.abs(v) < 0.001 || Math.abs(v) >= 1e5 ? v.toExponential(1) : String(Number(v.toPrecision(3)))).replace("-", "−");
const escapeHtml = text => String(text).replace(/[&<>"]/g, c => ({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}[c]));

// A horizontal bar from 0 to v on the scale [lo, hi]; what is longer ends in a point. The number stands beside it in text.
function barHtml(v, lo, hi, color) {
  const at = x => 100 * (Math.min(hi, Math.max(lo, x)) - lo) / (hi - lo), a = Math.min(at(0), at(v)), b = Math.max(at(0), at(v));
  const beyond = v > hi ? `<path d="M92 0L100 5L92 10z" fill="var(--ink)"/>` : v < lo ? `<path d="M8 0L0 5L8 10z" fill="var(--ink)"/>` : "";
  return `<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="10" class="bar-ground"/>` +
    `<rect x="${a.toFixed(2)}" width="${(b - a).toFixed(2)}" height="10" fill="${color}"/>` +
    (lo < 0 && hi > 0 ? `<path d="M${at(0)} 0V10" class="bar-zero"/>` : "") + beyond + "</svg>";
}

// A slider over [lo, hi] in equal ratios, as text. Its value is the position in 0..1000; ratioAt and positionOf translate.
const ratioAt = (position, lo, hi) => Number((lo * (hi / lo) ** (position / 1000)).toPrecision(3));
const positionOf = (value, lo, hi) => Math.round(1000 * Math.log(value / lo) / Math.log(hi / lo));
function ratioSliderHtml(symbol, name, value, lo, hi) {
  return `<label class="slider"><span>${symbol} = <output>${numberText(value)}</output></span>` +
    `<input type="range" min="0" max="1000" step="5" value="${positionOf(value, lo, hi)}" aria-label="${name}" ` +
    `aria-valuetext="${symbol} = ${numberText(value)}" data-lo="${lo}" data-hi="${hi}" data-symbol="${symbol}"></label>`;
}
// Connects a slider of ratioSliderHtml: calls change(value). Returns set(value), which moves it without a call.
function connectRatioSlider(label, change) {
  const input = label.querySelector("input"), {symbol} = input.dataset, lo = Number(input.dataset.lo), hi = Number(input.dataset.hi);
  const show = value => {
    label.querySelector("output").textContent = numberText(value);
    input.setAttribute("aria-valuetext", `${symbol} = ${numberText(value)}`);
  };
  input.addEventListener("input", () => { const value = ratioAt(Number(input.value), lo, hi); show(value); change(value); });
  return value => { input.value = positionOf(value, lo, hi); show(value); };
}

// Makes an element of an SVG movable: move(dx, dy) gets user units of the SVG, by dragging and by arrow keys (Shift: a fifth of `step`).
function makeMovable(handle, step, move) {
  const svg = handle.ownerSVGElement;
  handle.setAttribute("tabindex", "0");
  handle.addEventListener("touchstart", e => e.preventDefault(), {passive: false});  // a finger moves the point, not the page
  const userPoint = e => new DOMPoint(e.clientX, e.clientY).matrixTransform(svg.getScreenCTM().inverse());
  let last = null;
  handle.addEventListener("pointerdown", e => {
    last = userPoint(e);
    handle.setPointerCapture(e.pointerId);
    handle.focus();
    e.preventDefault();
  });
  handle.addEventListener("pointermove", e => {
    if (!last) return;
    const p = userPoint(e);
    move(p.x - last.x, p.y - last.y);
    last = p;
  });
  for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => { last = null; });
  handle.addEventListener("keydown", e => {
    const direction = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[e.key];
    if (!direction) return;
    e.preventDefault();
    const length = e.shiftKey ? step / 5 : step;
    move(length * direction[0], length * direction[1]);
  });
}

if (typeof module !== "undefined")
  module.exports = {classColor, numberText, escapeHtml, barHtml, ratioSliderHtml, ratioAt, positionOf};
