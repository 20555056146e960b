// The sentence at the top, and one line a run.
section("results", () => {
  function summary() {
    const measured = runs.filter(r => isNumber(gap(r)));
    const diverged = runs.filter(r => r.train.diverged);
    let text = `${runs.length} run${runs.length === 1 ? "" : "s"} of ${runs[0].train.model || "a model"} on ${runs[0].train.data || "its data"}. `;
    if (measured.length) {
      const w = measured.reduce((a, b) => gap(b) > gap(a) ? b : a), a = attack(w, "pgd-ce-tau1");
      if (gap(w) > 0.02) {
        text += `At τ = ${w.tau}, ${percent(a.robust_accuracy)} % of the images survive PGD on cross-entropy at attack τ = 1, but only ` +
          `${percent(robust(w, "pgd-log-odds"))} % survive the same attack on a loss that does not saturate: a masking gap of ` +
          `${(100 * gap(w)).toFixed(1)} points. On ${percent(a.zero_gradient_fraction)} % of the correctly classified images the first ` +
          `attack had no gradient at all. That robustness is hidden gradients, not moved boundaries.`;
      } else {
        text += "At no temperature do the losses disagree by more than two points: no sign of hidden gradients in these runs.";
      }
    } else {
      text += "No pair of attacks to compare was found in these runs.";
    }
    if (diverged.length) text += ` Diverged: ${diverged.map(r => r.label).join(", ")}.`;
    document.getElementById("summary").textContent = text;
  }

  function results() {
    const rows = runs.map(r => r.train.diverged
      ? [r.label, "diverged", ..."–".repeat(8)]
      : [r.label, short(r.train.train_loss), percent((r.results.evaluate || {}).accuracy ?? r.train.accuracy),
        percent((r.results.corrupt || {}).mean_accuracy), percent(robust(r, "pgd-ce-tau1")), percent(robust(r, "pgd-ce-tau-train")),
        percent(robust(r, "pgd-log-odds")), percent(gap(r)), percent((attack(r, "pgd-ce-tau1") || {}).zero_gradient_fraction),
        short((attack(r, "pgd-ce-tau1") || r.attacks[0] || {}).median_margin)]);
    fillTable("results", ["run", "train loss", "clean %", "corrupted %", "PGD, CE, τ = 1 %", "PGD, CE, training τ %", "PGD, log-odds %",
      "masking gap", "zero gradient %", "median margin"], rows);
  }

  summary();
  results();
});
