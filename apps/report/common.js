// What the sections share: the runs, from the JSON in #data – {runs: [{name, config, metrics: [...], results: {name: object}}], claims: [...]} –
// and menus; elements.js has numbers and tables, charts.js the charts. Each sections/NAME.js then calls section("NAME", draw).
const given = JSON.parse(document.getElementById("data").textContent), runs = given.runs;
for (const r of runs) {
  r.train = r.results.train || {};
  const flag = name => (new RegExp(`^${name} *= *"?([^"\n]*)`, "m").exec(r.config) || [])[1];
  r.model = r.train.model || flag("model");
  r.data = r.train.data || flag("data");
  r.clean = (r.results.evaluate || r.train).accuracy;
  // A result made with other settings than the usual has them in its name ("audit-n500"); the one of most images serves where there
  // is no usual one.
  for (const [name, v] of Object.entries(r.results).sort((a, b) => (a[1].n || 0) - (b[1].n || 0))) {
    if (!v.variant || v.logit_scale || v.checkpoint || name.startsWith("attack-") || (r.data && v.data !== r.data)) continue;
    const usual = name.slice(0, -v.variant.length - 1);
    if (!r.results[usual] || r.results[usual].isStandIn) r.results[usual] = {...v, isStandIn: true};
  }
  r.clean ??= (r.results.evaluate || {}).accuracy;
  r.tau = r.train.tau ?? Object.values(r.results).map(v => v.train_tau).find(t => t !== undefined) ?? Number(flag("tau") ?? NaN);
  r.attacks = Object.entries(r.results).filter(([k]) => k.startsWith("attack-")).map(([, v]) => v);
  // `kelvin attack` names its results by loss and attack τ; the quickstart and the sweep by what they are for.
  for (const a of r.attacks) {
    if (a.label === "pgd-log-odds-tau1") a.label = "pgd-log-odds";
    if (a.label === `pgd-ce-tau${r.tau}` && r.tau !== 1) a.label = "pgd-ce-tau-train";
  }
}
runs.sort((a, b) => a.tau - b.tau);
// One run a temperature is the usual case; several get their folder's name.
const taus = runs.map(r => r.tau);
const isTauKnown = r => !Number.isNaN(r.tau);
for (const r of runs)
  r.label = !isTauKnown(r) ? r.name : taus.filter(t => t === r.tau).length > 1 ? `τ = ${r.tau} (${r.name})` : `τ = ${r.tau}`;

const distinct = [...new Set(taus)];
const hasOneRunATau = distinct.length === runs.length;  // else points of different models must not be joined
runs.forEach((r, i) => {
  r.slot = distinct.length > 1 ? distinct.findIndex(t => Object.is(t, r.tau)) : i;
  r.dash = distinct.length > 1 ? [[], [6, 4], [2, 3], [8, 3, 2, 3]][runs.slice(0, i).filter(o => o.tau === r.tau).length % 4] : [];
});
// PGD towards random classes or each class in turn, which have a figure of their own.
const isPgdWithTargets = a => a.attack === "pgd" && a.loss === "ce" && a.attack_tau === 1 && ["random", "all"].includes(a.targeted);
const attack = (r, label) => r.attacks.find(a => a.label === label);
// What must be the same for two attacks to differ by their loss alone; a setting that one of them does not record is not held against it.
const compared = {norm: "norm", eps: "ε", step: "step", steps: "steps", restarts: "restarts", n: "images", seed: "seed", data: "data",
  precision: "precision"};
const differences = (a, b) => Object.keys(compared).filter(k => a[k] !== undefined && b[k] !== undefined && a[k] !== b[k]);
const asText = (k, v) => k === "eps" || k === "step" ? pixels(v) : String(v);

// r.ce, r.trained and r.logOdds: PGD on cross-entropy at attack τ = 1 and at the training τ, and on log-odds. Of several attacks those
// that agree in everything else, the usual ones before others; where none agree, r.noGap says in what they differ.
for (const r of runs) {
  const pgd = (loss, tau, label) => r.attacks.filter(a => a.attack === "pgd" && a.loss === loss && a.attack_tau === tau && a.targeted === "none" &&
    !a.logit_scale && !a.checkpoint).sort((a, b) => (b.label === label) - (a.label === label));
  const ces = pgd("ce", 1, "pgd-ce-tau1"), logOdds = pgd("log-odds", 1, "pgd-log-odds");
  const pair = ces.flatMap(a => logOdds.map(b => [a, b])).find(([a, b]) => !differences(a, b).length);
  [r.ce, r.logOdds] = pair || [ces[0], logOdds[0]];
  const trained = pgd("ce", r.tau, "pgd-ce-tau-train");
  r.trained = trained.find(a => r.ce && !differences(a, r.ce).length) || trained[0];
  if (!pair && r.ce && r.logOdds)
    r.noGap = differences(r.ce, r.logOdds).map(k => `${compared[k]} (${asText(k, r.ce[k])} and ${asText(k, r.logOdds[k])})`).join(", ");
}
const gap = r => r.ce && r.logOdds && !r.noGap ? r.ce.robust_accuracy - r.logOdds.robust_accuracy : NaN;
// Fills the table of an id, whose caption stands on the page.
function fillTable(id, header, rows) {
  const table = document.getElementById(id);
  if (!rows.length) return void table.replaceWith(element("p", "Not measured in these runs.", "missing"));
  fillRows(table, header, rows);
}

// A menu in #id that redraws for the run it names; without a choice to make it only draws.
function chooseRun(id, choices, first, redraw) {
  const host = document.getElementById(id);
  if (choices.length > 1) {
    host.appendChild(element("span", "Model: "));
    const menu = host.appendChild(element("select"));
    for (const r of choices) menu.appendChild(element("option", `trained at ${r.label}`));
    menu.selectedIndex = choices.indexOf(first);
    menu.setAttribute("aria-label", "model shown");
    menu.addEventListener("change", () => redraw(choices[menu.selectedIndex]));
  } else if (first) {
    host.appendChild(element("span", `Model: trained at ${first.label}`));
  }
  redraw(first);
}

// Draws one section; if its data are of a form it does not know, it says so and the others still draw. A section of which nothing was
// measured is put away, and a line at the end of the page says which command measures it.
function section(name, draw) {
  const host = document.getElementById("section-" + name);
  try {
    draw();
  } catch (error) {
    host.appendChild(element("p", `This section could not be drawn: ${error.message}`, "missing"));
    return;
  }
  if (!host.dataset.command || !host.querySelector(".missing") || host.querySelector("canvas, tr, img, dl")) return;
  host.hidden = true;
  const leftOut = document.getElementById("left-out"), item = leftOut.querySelector("ul").appendChild(element("li", host.querySelector("h2").textContent + ": "));
  item.appendChild(element("code", host.dataset.command));
  leftOut.hidden = false;
}
