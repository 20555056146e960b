// Distances to the negative prototypes.
section("geometry", () => {
  const done = runs.filter(r => r.results.geometry && r.results.geometry.histogram);
  draw("distances", "line", done.map((r, i) => {
    const g = r.results.geometry, total = g.histogram.counts.reduce((a, b) => a + b, 0), edges = g.histogram.edges;
    return line(r.label, g.histogram.counts.map((c, k) => ({x: (edges[k] + edges[k + 1]) / 2 / g.mean_distance,
      y: c / total / ((edges[k + 1] - edges[k]) / g.mean_distance)})), runs.indexOf(r), {pointRadius: 0});
  }), {scales: {x: axis("distance / mean distance of the run", {type: "linear"}), y: axis("density", {beginAtZero: true})}});
  fillTable("geometry", ["run", "mean", "variance", "coefficient of variation", "the same, unit vectors"], done.map(r => {
    const g = r.results.geometry;
    return [r.label, short(g.mean_distance), short(g.mean_distance_variance), short(g.coefficient_of_variation), short(g.cosine_coefficient_of_variation)];
  }));
});
