"use strict";
// A small multilayer perceptron on points of the plane, trained by SGD with momentum: [2, 16, 16, C], ReLU. No DOM. The losses are those of
// formulas.js in float32; the layers compute in double. Everything follows from the seeds.
if (typeof module !== "undefined") Object.assign(globalThis, require("../report/formulas.js"));

// Uniform numbers in [0, 1) from a seed (mulberry32).
function randomFrom(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
// Nearly normal numbers: twelve uniform ones less 6. Additions alone, so that every browser draws the same data.
const normalFrom = random => () => {
  let sum = -6;
  for (let k = 0; k < 12; ++k) sum += random();
  return sum;
};

// Gaussian classes around `means`: [{x: [2], y}], the classes in turn.
function gaussianClasses(means, perClass, spread, seed) {
  const normal = normalFrom(randomFrom(seed)), points = [];
  for (let i = 0; i < perClass; ++i) means.forEach((m, y) => points.push({x: m.map(v => v + spread * normal()), y}));
  return points;
}

// layers: [{w: [out][in], b: [out]}]; He's initialisation, the last layer times headScale.
function makeMlp(sizes, seed, headScale = 1) {
  const normal = normalFrom(randomFrom(seed));
  return sizes.slice(1).map((out, l) => {
    const scale = Math.sqrt(2 / sizes[l]) * (l === sizes.length - 2 ? headScale : 1);
    return {w: Array.from({length: out}, () => Float64Array.from({length: sizes[l]}, () => scale * normal())), b: new Float64Array(out)};
  });
}

// The inputs of every layer and, last, the logits.
function mlpForward(layers, x) {
  const inputs = [x];
  layers.forEach(({w, b}, l) => {
    const h = inputs[l], isLast = l === layers.length - 1, out = new Float64Array(b.length);
    for (let j = 0; j < out.length; ++j) {
      let sum = b[j];
      for (let i = 0; i < h.length; ++i) sum += w[j][i] * h[i];
      out[j] = isLast || sum > 0 ? sum : 0;
    }
    inputs.push(out);
  });
  return inputs;
}
const mlpLogits = (layers, x) => mlpForward(layers, x)[layers.length];
const predicted = z => z.reduce((best, v, j) => v > z[best] ? j : best, 0);

// ∂L/∂x from ∂L/∂z; adds ∂L/∂w and ∂L/∂b to `gradients` (of the layers' form) where given.
function mlpBackward(layers, inputs, dz, gradients) {
  let d = dz;
  for (let l = layers.length - 1; l >= 0; --l) {
    const {w} = layers[l], h = inputs[l], dh = new Float64Array(h.length);
    for (let j = 0; j < w.length; ++j) {
      if (d[j] === 0) continue;
      for (let i = 0; i < h.length; ++i) dh[i] += w[j][i] * d[j];
      if (!gradients) continue;
      for (let i = 0; i < h.length; ++i) gradients[l].w[j][i] += d[j] * h[i];
      gradients[l].b[j] += d[j];
    }
    if (l > 0) for (let i = 0; i < h.length; ++i) if (h[i] <= 0) dh[i] = 0;
    d = dh;
  }
  return d;
}
const zerosLike = layers => layers.map(({w, b}) => ({w: w.map(r => new Float64Array(r.length)), b: new Float64Array(b.length)}));

// PGD in the ball of L∞ around x: `steps` steps along the sign of the gradient, from x itself. loss: "ce" or "log-odds", at attack
// temperature tau. Returns [{x, logits, loss, margin}], the start first.
function pgdPath(layers, x, y, {loss, eps, step = eps / 4, steps = 20, tau = 1}) {
  const value = loss === "ce" ? formulas.crossEntropy : formulas.logOdds;
  const slope = loss === "ce" ? formulas.crossEntropyGradient : formulas.logOddsGradient, path = [];
  let at = Float64Array.from(x);
  for (let k = 0; ; ++k) {
    const inputs = mlpForward(layers, at), logits = inputs[layers.length];
    path.push({x: at, logits, loss: value(logits, y, tau), margin: formulas.margin(logits, y)});
    if (k === steps) return path;
    const dx = mlpBackward(layers, inputs, slope(logits, y, tau));
    at = at.map((v, i) => Math.min(x[i] + eps, Math.max(x[i] - eps, v + step * Math.sign(dx[i]))));
  }
}

// Training, one full batch a step. options: {data, tau, lr, seed, headScale, headRate (multiplies the last layer's learning rate), eps (adversarial training
// with five steps of PGD on log-odds, 0: none)}.
function makeTraining({data, classes, tau, lr, seed = 1, headScale = 1, headRate = 1, eps = 0}) {
  const layers = makeMlp([2, 16, 16, classes], seed, headScale), velocity = zerosLike(layers), momentum = 0.9;
  const training = {layers, tau, lr, step: 0, history: [], hasDiverged: false};
  const measure = () => {
    const rows = data.map(({x, y}) => ({z: mlpLogits(layers, x), y})), margins = rows.map(({z, y}) => formulas.margin(z, y)).sort((a, b) => a - b);
    training.history.push({step: training.step, loss: rows.reduce((s, {z, y}) => s + formulas.crossEntropy(z, y, tau), 0) / rows.length,
      accuracy: rows.filter(({z, y}) => predicted(z) === y).length / rows.length, margin: margins[margins.length >> 1]});
  };
  training.run = steps => {
    for (let k = 0; k < steps && !training.hasDiverged; ++k) {
      const gradients = zerosLike(layers);
      for (const {x, y} of data) {
        const input = eps > 0 ? pgdPath(layers, x, y, {loss: "log-odds", eps, step: eps / 2, steps: 5}).pop().x : x;
        const inputs = mlpForward(layers, input), z = inputs[layers.length];
        mlpBackward(layers, inputs, formulas.crossEntropyGradient(z, y, tau).map(g => g / data.length), gradients);
      }
      layers.forEach((layer, l) => {
        const rate = lr * (l === layers.length - 1 ? headRate : 1);
        const move = (values, v, g) => values.forEach((_, i) => { v[i] = momentum * v[i] + g[i]; values[i] -= rate * v[i]; });
        layer.w.forEach((row, j) => move(row, velocity[l].w[j], gradients[l].w[j]));
        move(layer.b, velocity[l].b, gradients[l].b);
      });
      training.step += 1;
      if (training.step % 10 === 0) measure();
      training.hasDiverged = !Number.isFinite(layers[0].w[0][0]) || !Number.isFinite(layers[2].w[0][0]);
    }
    return training;
  };
  measure();
  return training;
}

if (typeof module !== "undefined")
  module.exports = {randomFrom, normalFrom, gaussianClasses, makeMlp, mlpForward, mlpLogits, mlpBackward, predicted, pgdPath, makeTraining};
