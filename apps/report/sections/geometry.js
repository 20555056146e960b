// Distances to the negative prototypes, raw and scale-free; neural collapse and rank.
section("geometry", () => {
  const done = runs.filter(r => r.results.geometry && r.results.geometry.histogram), of = r => r.results.geometry;
  const shares = (r, h) => {
    const total = h.counts.reduce((a, b) => a + b, 0);
    return runLine(r, h.counts.map((c, k) => ({x: (h.edges[k] + h.edges[k + 1]) / 2, y: 100 * c / total})), {pointRadius: 0});
  };
  draw("distances-raw", "line", done.map(r => shares(r, of(r).histogram)),
    {scales: {x: logAxis("distance (log scale)"), y: axis("distances in a bin, %", {beginAtZero: true})}});
  draw("distances", "line", done.filter(r => of(r).unit_histogram).map(r => shares(r, of(r).unit_histogram)),
    {scales: {x: axis("distance of unit vectors", {type: "linear", min: 0, max: 2}), y: axis("distances in a bin, %", {beginAtZero: true})}});
  fillTable("geometry", ["run", "mean", "variance", "coefficient of variation", "the same, unit vectors", "‖f‖", "‖w‖", "spread of ‖w‖"],
    done.map(r => [r.label, ...["mean_distance", "mean_distance_variance", "coefficient_of_variation", "cosine_coefficient_of_variation", "feature_norm",
      "prototype_norm", "prototype_norm_spread"].map(k => short(of(r)[k]))]));

  const full = done.filter(r => of(r).collapse && isNumber(r.tau)), ticks = [...new Set(full.map(r => r.tau))];
  const against = (label, value, i, more) => line(label, full.map(r => ({x: r.tau, y: value(of(r))})), i, more);
  const tau = ticks.length ? logAxis("training temperature τ", ticks) : {};
  draw("collapse-scatter", "line", [against("NC1 within / between", g => g.collapse.within_between, 0),
    against("NC3 prototypes off class means", g => g.collapse.class_mean_alignment, 1, {borderDash: [6, 4]})],
    {scales: {x: tau, y: axis("scale-free", {beginAtZero: true})}});
  draw("collapse-rank", "line", [against("effective rank", g => g.feature_rank.effective, 2), against("stable rank", g => g.feature_rank.stable, 3, {borderDash: [6, 4]})],
    {scales: {x: tau, y: axis("directions", {beginAtZero: true})}});
  fillTable("collapse", ["run", "NC1 within / between", "NC2 spread of norms", "NC2 cosine deviation", "prototypes: cosine deviation",
    "NC3 off class means", "NC4 nearest centre agrees %", "rank", "above 1 %", "effective", "stable", "of"], full.map(r => {
    const c = of(r).collapse, k = of(r).feature_rank;
    return [r.label, short(c.within_between), short(c.class_mean_norm_spread), short(c.class_mean_cosine_deviation), short(of(r).prototype_cosine_deviation),
      short(c.class_mean_alignment), percent(c.nearest_centre_agreement), String(k.numerical), String(k.one_percent), short(k.effective), short(k.stable), String(k.dimension)];
  }));
});
