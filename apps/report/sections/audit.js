// The audit's three columns, the attack gap against τ, and every check's verdict.
section("audit", () => {
  const done = runs.filter(r => r.results.audit), audit = r => r.results.audit;
  // Older results have the gap under its old name, and one verdict.
  const gapOf = a => a.attack_gap ?? a.masking_gap, verdictOf = a => a.verdict || (a.masked ? "masked" : "no sign");
  fillTable("audit-columns", ["run", "clean %", "paper-faithful %", "sound %", "worst case %", "attack gap", "verdict", "median margin", "attack", "images"],
    done.map(r => { const a = audit(r); return [r.label, percent(a.clean_accuracy), percent(a.paper_faithful), percent(a.sound), percent(a.worst_case),
      percent(gapOf(a)), verdictOf(a), short(a.median_margin),
      `${a.norm === "l2" ? "L2" : "L∞"}, ε = ${pixels(a.eps)}`, String(a.n)]; }));
  const points = value => done.filter(r => isNumber(r.tau)).map(r => ({x: r.tau, y: value(audit(r))}));
  const ticks = [...new Set(done.map(r => r.tau).filter(isNumber))];
  const own = {showLine: new Set(done.map(r => r.tau)).size === done.length};
  draw("audit-gap", "line", [
    line("attack gap", points(a => 100 * gapOf(a)), 1, {yAxisID: "y", unit: "points", ...own}),
    line("worst case", points(a => 100 * a.worst_case), 2, {yAxisID: "y", unit: "%", ...own}),
    line("median margin (right)", points(a => a.median_margin).filter(p => p.y > 0), 0, {yAxisID: "margin", borderDash: [6, 4], ...own}),
    line("margin 17", points(() => 17), 7, {yAxisID: "margin", borderDash: [2, 3], pointRadius: 0}),
    line("margin 104", points(() => 104), 6, {yAxisID: "margin", borderDash: [2, 3], pointRadius: 0}),
  ], {scales: {x: ticks.length ? logAxis("training temperature τ", ticks) : {}, y: axis("points, %", {min: 0, max: 100}),
    margin: {...logAxis("median margin"), position: "right", grid: {drawOnChartArea: false}}}});

  const names = [...new Set(done.flatMap(r => audit(r).checks.map(c => c.name)))];
  const verdict = c => element("td", c ? c.verdict : "–", "verdict " + ({passes: "ok", masked: "bad", "weak attack": "bad", "harness failed": "bad"}[c && c.verdict] || "missing"));
  fillTable("audit-checks", ["check", ...done.map(r => r.label)], names.map(name =>
    [element("th", name, "text"), ...done.map(r => verdict(audit(r).checks.find(c => c.name === name)))]));
  const host = document.getElementById("audit-details");
  for (const r of done) {
    const details = host.appendChild(element("details"));
    details.appendChild(element("summary", `${r.label}: figures and rules`));
    details.appendChild(element("p", audit(r).sentence));
    const scroll = details.appendChild(element("div", undefined, "scroll"));
    const table = scroll.appendChild(element("table"));
    table.id = "audit-of-" + runs.indexOf(r);
    table.appendChild(element("caption", `${r.label}: every check of the audit`));
    fillTable(table.id, ["check", "verdict", "figures", "fails if"].map(h => element("th", h, "text")), audit(r).checks.map(c =>
      [element("th", c.name, "text"), verdict(c), element("td", c.figures, "text"), element("td", c.rule, "text")]));
  }
});
