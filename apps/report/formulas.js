"use strict";
// The losses of kernels/losses in the page: the same float32 operations in the same order as the CPU loops, no DOM.
//   z: logits, y: index of the label, tau: temperature τ > 0. Arrays in, Float32Array out; numbers are float32 values.
//   softmax(z, tau)                  p_j = exp(log p_j),  log p_j = (z_j/τ − max) − log Σ_k exp(z_k/τ − max)
//   crossEntropy(z, y, tau)          −log p_y
//   crossEntropyGradient(z, y, tau)  ∂CE/∂z_j = (p_j − 1[j = y]) / τ       exactly 0 where float32 has it: gaps of 17 to 20 τ and 104 τ
//   logOdds(z, y, tau)               log Σ_{j≠y} exp(z_j/τ) − z_y/τ = log((1 − p_y)/p_y)
//   logOddsGradient(z, y, tau)       α_j/τ for j ≠ y, −1/τ for y           never 0 as a whole
//   shares(z, y, tau)                α_j = p_j/(1 − p_y), softmax over the wrong classes; 0 for y
//   stepSize(z, y, tau)              (1 − p_y)/τ as float32 computes it
//   margin(z, y)                     z_y − max_{j≠y} z_j
//   featureGradient(dz, w)           ∂L/∂f = Σ_j dz_j w_j,  w: [C][d]
//   prototypeGradient(dz, f)         ∂L/∂w_j = dz_j f,  [C] arrays
//   state(z, y, tau)                 what float32 leaves of ∂CE/∂z: see `states`
// exp and log are the engine's, in double and rounded once. The kernels call the C library's expf and logf, which may differ by one unit in
// the last place; formulasWith(exp, log) gives the same functions with other ones. Source: arXiv 2502.20604, kernels/losses/*.h.
function formulasWith(exp, log) {
  const f = Math.fround, over = (z, tau) => new Float32Array(z).map(v => v / tau);

  // {maximum, logSum} of the scaled logits s, the class `except` left out.
  function logSumExp(s, except = -1) {
    let maximum = -Infinity, sum = 0;
    s.forEach((v, j) => { if (j !== except && v > maximum) maximum = v; });
    s.forEach((v, j) => { if (j !== except) sum = f(sum + exp(f(v - maximum))); });
    return {maximum, logSum: log(sum)};
  }
  function logSoftmax(z, tau) {
    const s = over(z, f(tau)), {maximum, logSum} = logSumExp(s);
    return s.map(v => f(f(v - maximum) - logSum));
  }
  const softmax = (z, tau) => logSoftmax(z, tau).map(exp);
  const crossEntropy = (z, y, tau) => -logSoftmax(z, tau)[y];
  function crossEntropyGradient(z, y, tau) {
    const factor = f(1 / f(tau));
    return softmax(z, tau).map((p, j) => f(factor * f(p - (j === y ? 1 : 0))));
  }
  function logSumOfOthers(s, y) {
    const {maximum, logSum} = logSumExp(s, y);
    return f(maximum + logSum);
  }
  function logOdds(z, y, tau) {
    const s = over(z, f(tau));
    return f(logSumOfOthers(s, y) - s[y]);
  }
  function shares(z, y, tau) {
    const s = over(z, f(tau)), logSum = logSumOfOthers(s, y);
    return s.map((v, j) => j === y ? 0 : exp(f(v - logSum)));
  }
  function logOddsGradient(z, y, tau) {
    const factor = f(1 / f(tau));
    return shares(z, y, tau).map((a, j) => j === y ? -factor : f(factor * a));
  }
  const stepSize = (z, y, tau) => Math.abs(crossEntropyGradient(z, y, tau)[y]);
  const margin = (z, y) => f(f(z[y]) - Math.max(...new Float32Array(z).filter((_, j) => j !== y)));
  const featureGradient = (dz, w) => w[0].map((_, d) => w.reduce((sum, row, j) => sum + dz[j] * row[d], 0));
  const prototypeGradient = (dz, feature) => Array.from(dz, g => feature.map(v => g * v));

  function state(z, y, tau) {
    const g = crossEntropyGradient(z, y, tau);
    if (g.every(v => v === 0)) return states[3];
    if (margin(z, y) / tau > thresholds.denormal) return states[2];
    return g[y] === 0 ? states[1] : states[0];
  }
  return {softmax, logSoftmax, crossEntropy, crossEntropyGradient, logOdds, logOddsGradient, shares, stepSize, margin, featureGradient,
    prototypeGradient, state};
}

// Where float32 stops, as margin/τ: 1 − p_y rounds to 0 from 25 log 2 on (half a step below 1), p_j is a denormal from 126 log 2 on and exactly 0
// from 150 log 2 on (half of the smallest denormal).
const thresholds = {rounded: 25 * Math.LN2, denormal: 126 * Math.LN2, zero: 150 * Math.LN2};
// In the order of a growing gap. `name` is for programs, `text` for readers.
const states = [
  {name: "healthy", text: "every class has its gradient"},
  {name: "label-lost", text: "the label’s p has rounded to 1: its own gradient is exactly 0"},
  {name: "denormal", text: "what is left is below the normal numbers of float32"},
  {name: "dead", text: "the whole gradient is exactly 0: an attack stands still"},
];
const formulas = formulasWith(x => Math.fround(Math.exp(x)), x => Math.fround(Math.log(x)));

if (typeof module !== "undefined") module.exports = {formulas, formulasWith, thresholds, states};
