// The sentence at the top, and one line a run.
section("results", () => {
  const audited = runs.filter(r => r.results.audit);
  const list = values => [...new Set(values.filter(v => v))].join(", ");

  function ofThePair(measured) {
    const w = measured.reduce((a, b) => gap(b) > gap(a) ? b : a);
    if (gap(w) <= 0.02) return "In no run do the losses disagree by more than two points: no sign of hidden gradients in these runs.";
    const share = w.ce.zero_gradient_fraction;
    return `${isTauKnown(w) ? `At ${w.label}` : w.label}, ${percent(w.ce.robust_accuracy)} % of the images survive PGD on cross-entropy at attack τ = 1, but only ` +
      `${percent(w.logOdds.robust_accuracy)} % survive the same attack on a loss that does not saturate: a CE − log-odds gap of ` +
      `${(100 * gap(w)).toFixed(1)} points. ` + (share > 0
      ? `On ${percent(share)} % of the correctly classified images the first attack had no gradient at all: the difference is hidden gradients, not moved boundaries.`
      : "The first attack had a gradient on every image: the difference is one attack stronger than the other, not a hidden gradient.");
  }

  function ofTheAudit() {
    const w = audited.reduce((a, b) => b.results.audit.masking_gap > a.results.audit.masking_gap ? b : a);
    return `${audited.length > 1 ? "Widest attack gap of the audits, " : "Audit, "}${w.label}: ${w.results.audit.sentence}`;
  }

  function summary() {
    const measured = runs.filter(r => isNumber(gap(r))), diverged = runs.filter(r => r.train.diverged);
    let text = `${runs.length} run${runs.length === 1 ? "" : "s"} of ${list(runs.map(r => r.model)) || "a model"} on ${list(runs.map(r => r.data)) || "its data"}. `;
    if (measured.length) text += ofThePair(measured);
    else if (audited.length) text += ofTheAudit();
    else if (runs.some(r => r.noGap)) text += "The attacks on cross-entropy and on log-odds were made with different settings: there is no gap to tell.";
    else text += "No pair of attacks to compare was found in these runs.";
    if (diverged.length) text += ` Diverged: ${diverged.map(r => r.label).join(", ")}.`;
    const stuck = runs.filter(r => r.train.not_converged);
    if (stuck.length) text += ` Warning: ${stuck.map(r => r.label).join(", ")} ${stuck.length > 1 ? "have" : "has"} not converged; see below the table.`;
    document.getElementById("summary").textContent = text;
  }

  function notes() {
    const reasons = runs.filter(r => r.noGap).map(r => `${r.label}: no gap, the two attacks differ in ${r.noGap}.`);
    const note = document.getElementById("no-gap");
    note.textContent = reasons.join(" ");
    note.hidden = !reasons.length;
    const severities = runs.filter(r => r.results.corrupt).map(r => [...new Set(r.results.corrupt.rows.map(row => row.severity))].sort().join(", "));
    const texts = [...new Set(severities)].map(s => (s.includes(",") ? "severities " : "severity ") + s);
    document.getElementById("severities").textContent = texts.length ? " at " + texts.join(" or ") : "";
  }

  // Trainings that did not converge, with what the last quarter of their steps shows.
  function warnings() {
    const host = document.getElementById("not-converged");
    for (const r of runs.filter(run => run.train.not_converged)) {
      const w = r.train.not_converged;
      const parts = [["loss", short(w.loss)], ["loss of a uniform guess", short(w.uniform_loss)], ["accuracy", `${percent(w.accuracy)} %`],
        ["chance", `${percent(w.chance)} %`], ["learning rate", short(w.lr)], ["learning rate / τ", short(w.lr_over_tau)]];
      host.appendChild(element("p", `${r.label} has not converged (${w.reason}). The last quarter of its steps: ` +
        parts.filter(([, value]) => !value.startsWith("–")).map(([name, value]) => `${name} ${value}`).join(", ") +
        `. The largest learning rate that converges: kelvin sweep --preset lr-boundary --grid tau=${r.tau}`, "warning"));
    }
  }

  const robust = a => percent((a || {}).robust_accuracy);
  fillTable("results", ["run", "train loss", "clean %", "corrupted %", "PGD CE, attack τ = 1 %", "PGD CE, attack τ = training τ %", "PGD, log-odds %",
    "CE − log-odds gap", "zero gradient %", "median margin"], runs.map(r => r.train.diverged
    ? [r.label, "diverged", ..."–".repeat(8)]
    : [r.label, short(r.train.train_loss) + (r.train.not_converged ? ", not converged" : ""), percent(r.clean), percent((r.results.corrupt || {}).mean_accuracy), robust(r.ce), robust(r.trained),
      robust(r.logOdds), percent(gap(r)), percent((r.ce || {}).zero_gradient_fraction),
      short((r.ce || r.attacks[0] || r.results.audit || {}).median_margin)]));
  summary();
  notes();
  warnings();
});
