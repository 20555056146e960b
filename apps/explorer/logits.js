// The logits of the image with the τ slider (tau_figure.js). Of many classes those of the highest logits, the label among them.
const mostClasses = 20;

function tauOptions(seen, label, tau) {
  const order = seen.logits.map((z, c) => c).sort((a, b) => (b === label) - (a === label) || seen.logits[b] - seen.logits[a]);
  const shown = new Set(order.slice(0, mostClasses)), classes = seen.logits.map((z, c) => c).filter(c => shown.has(c));
  return {names: classes.map(className), logits: classes.map(c => seen.logits[c]), label: classes.indexOf(label), tau, tauRange: [0.05, 200]};
}

// The figure's numbers, for paper.
function logitTable(options, model) {
  const now = tauValues(options), rows = options.names.map((name, j) => [j === options.label ? `${name} (label)` : name,
    ...["logits", "p", "gradient", "logOddsGradient"].map(key => exactly(now[key][j]))]);
  return table(`Logits of ${model.title}, and the losses at τ = ${short(options.tau)}: cross-entropy ${exactly(now.crossEntropy)}, log-odds ${short(now.logOdds)}`,
    ["class", "logit z", "p", "∂CE/∂z", "∂LO/∂z"], rows);
}

function drawLogits(host, v) {
  const label = images[v.image].label;
  forModels(host, v, (column, seen, model) => {
    const place = element("div"), options = tauOptions(seen, label, v.isStill ? attack.attack_tau : model.shownTau ?? attack.attack_tau);
    if (seen.logits.length > mostClasses)
      column.appendChild(element("p", `The ${mostClasses} highest of ${seen.logits.length} logits; the others are left out of the sums, too.`));
    if (v.isStill) return void column.appendChild(logitTable(options, model));
    const buttons = column.appendChild(element("p", undefined, "buttons"));
    column.appendChild(place);
    const figure = tauFigure(place, {...options, onChange: now => { model.shownTau = now.tau; }});
    const addButton = (text, change) => buttons.appendChild(element("button", text)).addEventListener("click", () => {
      figure.set(change);
      model.shownTau = figure.values().tau;
    });
    addButton(`τ = ${short(attack.attack_tau)} (attack)`, {tau: attack.attack_tau});
    if (model.tau !== attack.attack_tau) addButton(`τ = ${short(model.tau)} (training)`, {tau: model.tau});
    addButton("reset the logits", {logits: options.logits, label: options.label});
  });
}
