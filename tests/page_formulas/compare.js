// node compare.js NUMBERS.json: the formulas of Kelvin's pages against its CPU kernels (kernel_numbers.cpp).
//   - With the C library's expf and logf, which the kernels call, every number agrees to the last bit, signs of zeros included.
//   - With the page's own exp and log (rounded once from double; expf and logf may be one unit off), losses and gradients agree to a few units,
//     and a gradient of the cross-entropy is exactly 0 in the page where it is in the kernel.
"use strict";
const fs = require("fs"), path = require("path");
const {formulas, formulasWith, thresholds} = require(path.join(__dirname, "../../apps/report/formulas.js"));
const {cases, exp, log} = JSON.parse(fs.readFileSync(process.argv[2]));

const word = new DataView(new ArrayBuffer(4));
const fromBits = b => { word.setUint32(0, b); return word.getFloat32(0); };
const toBits = x => { word.setFloat32(0, x); return word.getUint32(0); };
const asList = v => typeof v === "number" ? [v] : Array.from(v);
let failures = 0;
function fail(text) {
  if (++failures <= 20) console.log(text);
}
function recorded(name, pairs) {
  const map = new Map(pairs);
  return x => {
    if (!map.has(toBits(x))) throw new Error(`${name}(${x}) is not what the kernels ask of the C library`);
    return fromBits(map.get(toBits(x)));
  };
}
const exact = formulasWith(recorded("expf", exp), recorded("logf", log));
let numbers = 0, equal = 0;

for (const [k, c] of cases.entries()) {
  const z = c.z.map(fromBits), tau = fromBits(c.tau), where = `case ${k}, ${z.length} classes, τ = ${tau}, margin ${formulas.margin(z, c.label)}`;
  const both = [
    ["crossEntropy", [c.ce]], ["logOdds", [c.logOdds]], ["crossEntropyGradient", c.ceGradient], ["logOddsGradient", c.logOddsGradient]];
  for (const [name, expected] of both) {
    const same = [exact[name](z, c.label, tau)].flatMap(asList), own = [formulas[name](z, c.label, tau)].flatMap(asList);
    expected.forEach((b, j) => {
      const want = fromBits(b);
      if (toBits(same[j]) !== b) fail(`${where}: ${name}[${j}] is ${same[j]}, the kernel's ${want}`);
      // log p is a difference of numbers as large as the scaled logits: one unit there is a relative error of exp(log p).
      const unit = 2 ** -23, units = 4 + 2 * Math.max(...z.map(v => Math.abs(v / tau))), isOwn = name === "crossEntropyGradient" && j === c.label;
      const share = Math.abs(want) * tau - (isOwn ? -1 : 0);  // p_j or α_j; at most 1 more for the label
      const tolerance = expected.length === 1 ? unit * units : unit * units * share / tau + unit * Math.abs(want) + 2 ** -149;
      if (!(Math.abs(own[j] - want) <= tolerance)) fail(`${where}: the page's ${name}[${j}] is ${own[j]}, the kernel's ${want}`);
      numbers += 1;
      equal += toBits(own[j]) === b;
    });
  }
  const isDead = c.ceGradient.every(b => fromBits(b) === 0);
  if ((formulas.state(z, c.label, tau).name === "dead") !== isDead) fail(`${where}: the page says ${formulas.state(z, c.label, tau).name}`);
  if (isDead && formulas.margin(z, c.label) / tau < thresholds.zero - 0.5) fail(`${where}: dead before the shaded region`);
}
if (cases.length < 700) fail(`only ${cases.length} cases`);
if (equal / numbers < 0.9) fail(`only ${equal} of ${numbers} numbers of the page's own exp and log are equal`);
console.log(`${cases.length} cases, ${numbers} numbers: ${failures} failures; ` +
  `with the page's own exp and log ${(100 * equal / numbers).toFixed(2)} % equal to the last bit`);
process.exit(failures > 0 ? 1 : 0);
