// node course_numbers.js: the course's still pictures are what its figures draw, and its text and exercises say what its figures compute.
"use strict";
const {execFileSync} = require("child_process"), fs = require("fs"), path = require("path");
const course = path.join(__dirname, "../../apps/course");
for (const file of ["plane_figure", "training_figure", "attack_figure", "real_figure", "figures", "exercises"])
  Object.assign(globalThis, require(path.join(course, `${file}.js`)));

let failures = 0;
function check(what, ok) {
  if (!ok) console.log(`not so: ${what}`), ++failures;
}
const near = (a, b, tolerance) => Math.abs(a - b) <= tolerance;
const lesson = name => fs.readFileSync(path.join(course, "lessons", `${name}.html`), "utf8");
const says = (name, text) => check(`${name} says "${text}"`, lesson(name).includes(text));

// 1: the factor falls to about a third from τ = 1 to 10.
const cat = [4, 2.5, 0];
check("factor at τ = 1", near(formulas.stepSize(cat, 0, 1), 0.194, 5e-4));
check("factor at τ = 10", near(formulas.stepSize(cat, 0, 10), 0.0605, 5e-5));
says("1_tau", "falls from 0.194 to 0.0605");
check("τ = 0.05 has lost the label’s gradient", formulas.crossEntropyGradient(cat, 0, 0.05)[0] === 0 && formulas.logOddsGradient(cat, 0, 0.05)[0] === -20);

// 2: τ = 50 lags at an unchanged rate; with lr·τ it catches up; τ = 0.1 stops converging between 0.1 and 0.13.
const end = run => lastOf(startRun(run).run(300));
const [one, slow, scaled] = [{tau: 1, lr: 0.1}, {tau: 50, lr: 0.1}, {tau: 50, lr: 5}].map(end);
check("the loss at τ = 50 lags", slow.loss > 2 * one.loss);
check("lr·τ catches up", scaled.loss < 0.6 * slow.loss);
check("the margin grows about fifty times as large", scaled.margin / one.margin > 25 && scaled.margin / one.margin < 100);
const boundary = exercises.boundary.answer();
check("τ = 0.1 converges below the boundary", end({tau: 0.1, lr: boundary / 1.2}).loss < 0.2);
for (const factor of [1.1, 1.5, 2, 4]) check(`τ = 0.1 fails at ${factor} times the boundary`, end({tau: 0.1, lr: boundary * factor}).loss > Math.log(3));

// 3: shares, and a direction that does not depend on τ.
const near1 = {...planePresets[0], label: 2}, equidistant = {...planePresets[1], label: 2, taus: [0.1, 10]};
check("shares at τ = 0.1", near(planeUpdate(near1, 0.1).shares[0], 0.999, 5e-4));
check("shares at τ = 10", near(planeUpdate(near1, 10).shares[0], 0.52, 5e-3) && near(planeUpdate(near1, 10).shares[1], 0.48, 5e-3));
check("equidistant: one direction", planeAngle(equidistant) < 0.01);
for (const tau of [0.1, 10]) {
  const u = planeUpdate(near1, tau), length = Math.hypot(...u.update);
  check("the update is the factor times the direction", u.update.every((v, d) => near(v / length, u.direction[d], 1e-5)));
}

// 4: both notations are one training.
const twins = twinTraining.runs({tau: 10, lr: 0.3});
check("the twins’ logits agree", logitDifference(twins, twins.map(r => startRun(r).run(300))) < 1e-5);

// 6: rates under both losses.
const [plain, masked] = attackRates(attackStart());
check("τ = 1: 43 % on both losses", near(plain[1], 0.43, 0.01) && plain[1] === plain[2]);
check("τ = 50: 93 and 40 %", near(masked[1], 0.93, 0.01) && near(masked[2], 0.4, 0.005));
says("6_attack", "leaves 43 % standing at τ = 1 and 93 % at τ = 50");

// 8: what is real.
const [a, b, c] = realRates(realStart());
check("33, 100 and 89 %", near(a.ce, 0.33, 0.01) && b.ce === 1 && near(c.ce, 0.89, 0.01));
check("others agree but for the masked one", a.isReal && !b.isReal && c.isReal && b.logOdds === a.ce && b.targeted === a.targeted);
says("8_real", "leaves 33, 100 and 89 % standing");

// Exercises: worked out by hand.
const answers = {"step-size": 0.21194, "shares": 0.8808, "head": 2.5e-4, "threshold": 5198.6, "attack-tau": 2.8854, "variation": 0.27217, "missed": 42};
for (const [name, value] of Object.entries(answers)) check(`exercise ${name}`, near(exercises[name].answer(), value, 1e-4 * value));
check("wrong answers are wrong", !isRight(0.5, exercises["step-size"]) && !isRight(NaN, exercises["step-size"]) && isRight(numberOf("21/99"), exercises["step-size"]));
for (const [text, value] of [["0,25", 0.25], [" 1/4 ", 0.25], ["2.5e-4", 2.5e-4], ["a", NaN], ["", NaN]])
  check(`"${text}" is ${value}`, Object.is(numberOf(text), value));

try {
  execFileSync(process.execPath, [path.join(course, "stills.js"), "--check"], {stdio: "inherit"});
} catch {
  ++failures;
}
console.log(failures ? `${failures} failures` : "as it says");
process.exit(failures > 0 ? 1 : 0);
