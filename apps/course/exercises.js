"use strict";
// The exercises' answers, computed with the page's own formulas, and how a reader's number is judged. No DOM.
if (typeof module !== "undefined") Object.assign(globalThis, require("../report/formulas.js"), require("./distance_figure.js"));

// Exercises by name: the answer, computed with the page's own formulas, and the relative error that counts as right.
const exercises = {
  "step-size": {answer: () => formulas.stepSize([3, 1, 1], 0, 2), tolerance: 0.02},
  "boundary": {answer: () => 0.12, tolerance: 0.35},  // of makeTraining at τ = 0.1: converges at 0.1, not at 0.13
  "shares": {answer: () => formulas.shares([2, 1, 0], 0, 0.5)[1], tolerance: 0.02},
  "head": {answer: () => 0.1 / 20 ** 2, tolerance: 0.02},
  "threshold": {answer: () => thresholds.zero * 50, tolerance: 0.01},
  "attack-tau": {answer: () => 300 / thresholds.zero, tolerance: 0.02},
  "variation": {answer: () => moments([100, 150, 200]).variation, tolerance: 0.02},
  "missed": {answer: () => 134 - 92, tolerance: 0.001},
};
// "1/3", "2,5" and "3e-4" are numbers, too.
function numberOf(text) {
  const parts = text.replace("−", "-").replace(",", ".").split("/").map(s => s.trim() === "" ? NaN : Number(s));
  return parts.length === 1 ? parts[0] : parts.length === 2 ? parts[0] / parts[1] : NaN;
}
const isRight = (given, {answer, tolerance}) => Math.abs(given - answer()) <= tolerance * Math.abs(answer());

if (typeof module !== "undefined") module.exports = {exercises, numberOf, isRight};
