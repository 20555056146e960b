// What the temperature of the loss does to direction, step size and float32's gradient.
section("gradients", () => {
  const done = runs.filter(r => r.results.gradients), rows = r => r.results.gradients.rows;
  const nearest = (r, tau) => rows(r).reduce((a, b) => Math.abs(Math.log(b.tau / tau)) < Math.abs(Math.log(a.tau / tau)) ? b : a);
  const ticksOf = list => [...new Set(list.flatMap(r => rows(r).map(row => row.tau)))].sort((a, b) => a - b);
  const lossAxis = ticks => ticks.length ? logAxis("temperature of the loss (log scale)", ticks) : {};

  function ofOneRun(r) {
    const list = r ? [...rows(r)].sort((a, b) => a.tau - b.tau) : [], negatives = r ? list[0].alpha_shares.length : 0, ticks = r ? ticksOf([r]) : [];
    const bar = (label, color, value) => ({label, data: list.map(row => 100 * value(row.alpha_shares)), backgroundColor: color, pointStyle: "rect"});
    const sum = (values, from, to) => values.slice(from, to).reduce((a, b) => a + b, 0);
    const bands = [bar("hardest wrong class", colors[1], a => a[0])];
    if (negatives > 1) bands.push(bar("second", colors[4], a => a[1]));
    if (negatives > 2) bands.push(bar("third", colors[5], a => a[2]));
    if (negatives > 3) bands.push(bar(`the other ${negatives - 3}`, colors[7], a => sum(a, 3)));
    draw("gradient-shares", "bar", bands, {labels: list.map(row => String(row.tau)),
      scales: {x: axis("temperature of the loss", {stacked: true}), y: axis("share of the push, %", {stacked: true, min: 0, max: 100})}});
    const curve = (label, key, i, more) => line(label, list.filter(row => isNumber(row[key])).map(row => ({x: row.tau, y: row[key]})), i, more);
    draw("gradient-cosines", "line", [curve("prototypes", "prototype_cosine", 0), curve("feature", "feature_cosine", 1), curve("pixels", "input_cosine", 2),
      curve("prototypes, whole set", "set_prototype_cosine", 3, {borderDash: [6, 4]})],
      {scales: {x: lossAxis(ticks), y: axis("cosine to τ = 1", {suggestedMin: 0, max: 1})}});
    const positive = (label, key, i, more) => line(label, list.filter(row => row[key] > 0).map(row => ({x: row.tau, y: row[key]})), i, more);
    draw("gradient-norms", "line", [positive("step (1 − p)/τ", "step_size", 0), positive("‖∂L/∂w‖ true class", "true_prototype_l2", 1),
      positive("‖∂L/∂w‖ a wrong class", "negative_prototype_l2", 4, {borderDash: [6, 4]}), positive("‖∂L/∂f‖", "feature_l2", 3),
      positive("‖∂L/∂x‖₁", "input_l1", 2)], {scales: {x: lossAxis(ticks), y: logAxis("mean over images")}});
  }
  const first = done.length ? done.reduce((a, b) => Math.abs(Math.log(b.tau)) < Math.abs(Math.log(a.tau)) ? b : a) : undefined;
  chooseRun("gradient-choice", done, first, ofOneRun);
  draw("gradient-zeros", "line", done.map(r => runLine(r, [...rows(r)].sort((a, b) => a.tau - b.tau).map(row => ({x: row.tau, y: 100 * row.zero_images})))),
    {scales: {x: lossAxis(ticksOf(done)), y: percentAxis("images without gradient, %")}});
  fillTable("gradient-distances", ["run", "clean %", "5 %", "25 %", "median", "75 %", "95 %", "participation %", "at loss τ"], done.map(r => {
    const d = r.results.gradients.linearized_distance || {}, row = nearest(r, r.tau || 1);
    return [r.label, percent(r.results.gradients.accuracy), ...["p5", "p25", "p50", "p75", "p95"].map(p => isNumber(d[p]) ? (255 * d[p]).toFixed(2) : "–"),
      percent(row.image_participation), String(row.tau)];
  }));
});
