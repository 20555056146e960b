// Clean, corrupted and attacked accuracy against τ.
section("accuracy", () => {
  const done = runs.filter(r => !r.train.diverged && isNumber(r.tau));
  const series = [["clean", r => r.clean], ["corrupted", r => (r.results.corrupt || {}).mean_accuracy]];
  const names = {"pgd-ce-tau1": "PGD, cross-entropy, attack τ = 1", "pgd-ce-tau-train": "PGD, cross-entropy, attack τ = training τ",
    "pgd-log-odds": "PGD, log-odds"};
  for (const label of new Set(done.flatMap(r => r.attacks.filter(a => !isPgdWithTargets(a)).map(a => a.label)))) {
    const any = done.flatMap(r => r.attacks).find(a => a.label === label);
    const title = (any.title || label) + (any.variant ? ` (${any.variant})` : "");
    series.push([names[label] || title, r => (attack(r, label) || {}).robust_accuracy]);
  }
  draw("accuracy", "line", series.map(([label, value], i) => line(label,
    done.filter(r => isNumber(value(r))).map(r => ({x: r.tau, y: 100 * value(r)})), i,
    {borderDash: i < 2 ? [6, 4] : [], showLine: hasOneRunATau})),
    {scales: {x: tauAxis, y: percentAxis("accuracy, %")}});
});
