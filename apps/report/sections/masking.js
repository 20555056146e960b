// The masking gap beside what causes it.
section("masking", () => {
  const done = runs.filter(r => attack(r, "pgd-ce-tau1"));
  const bar = (label, value, i) => ({label, data: done.map(value), backgroundColor: colors[i], yAxisID: "y", pointStyle: "rect"});
  const margins = done.map(r => attack(r, "pgd-ce-tau1").median_margin);
  draw("masking", "bar", [
    bar("masking gap, points", r => 100 * gap(r), 1), bar("zero gradient, % of images", r => 100 * attack(r, "pgd-ce-tau1").zero_gradient_fraction, 0),
    {...line("median margin (right axis)", margins, 2), type: "line", yAxisID: "margin"},
    {...line("margin 104: no gradient left", done.map(() => 104), 7), type: "line", yAxisID: "margin", borderDash: [4, 4], pointRadius: 0},
  ], {labels: done.map(r => r.label), scales: {y: axis("points, %"), x: axis("run"),
    margin: axis("median margin", {position: "right", beginAtZero: true, grid: {drawOnChartArea: false}})}});
});
