// The CE − log-odds gap beside what causes it.
section("masking", () => {
  const done = runs.filter(r => r.ce);
  const bar = (label, value, i, unit) => ({label, unit, data: done.map(value), backgroundColor: colors[i], yAxisID: "y", pointStyle: "rect"});
  draw("masking", "bar", [
    bar("CE − log-odds gap", r => 100 * gap(r), 1, "points"), bar("zero gradient", r => 100 * r.ce.zero_gradient_fraction, 0, "% of images"),
    {...line("median margin (right axis)", done.map(r => r.ce.median_margin), 2), type: "line", yAxisID: "margin"},
    {...line("margin 104: no gradient left", done.map(() => 104), 7), type: "line", yAxisID: "margin", borderDash: [4, 4], pointRadius: 0},
  ], {labels: done.map(r => r.label), scales: {y: axis("points, %"), x: axis("run"),
    margin: axis("median margin", {position: "right", beginAtZero: true, grid: {drawOnChartArea: false}})}});
});
