// Curves over the kept checkpoints.
section("across", () => {
  const curves = (result, value) => runs.filter(r => r.results[result]).map(r => runLine(r, r.results[result].checkpoints
    .map(c => ({x: c.epoch, y: value(c, r)})).filter(p => isNumber(p.y))));
  const own = (c, r) => c.rows.reduce((a, b) => Math.abs(Math.log(b.tau / r.tau)) < Math.abs(Math.log(a.tau / r.tau)) ? b : a);
  const epochs = axis("epoch", {type: "linear", ticks: {precision: 0}});
  draw("across-hardest", "line", curves("gradients-across-training", (c, r) => 100 * own(c, r).alpha_shares[0]),
    {scales: {x: epochs, y: percentAxis("share of the hardest class, %")}});
  draw("across-step", "line", curves("gradients-across-training", (c, r) => own(c, r).step_size), {scales: {x: epochs, y: logAxis("step size (log scale)")}});
  draw("across-scatter", "line", curves("geometry-across-training", c => c.collapse ? c.collapse.within_between : NaN),
    {scales: {x: epochs, y: axis("NC1 within / between scatter", {beginAtZero: true})}});
  draw("across-spread", "line", curves("geometry-across-training", c => c.cosine_coefficient_of_variation),
    {scales: {x: epochs, y: axis("spread of unit distances", {beginAtZero: true})}});
});
