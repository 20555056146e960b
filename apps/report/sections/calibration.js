// Reliability at T = 1, the training temperature and the fitted one.
section("calibration", () => {
  const done = runs.filter(r => r.results.evaluate && r.results.evaluate.calibration), of = r => r.results.evaluate.calibration;
  const hasFit = done.some(r => of(r).some(c => c.role === "fitted"));
  for (const e of document.querySelectorAll("#section-calibration .with-fit, #section-calibration .without-fit"))
    e.hidden = e.classList.contains("with-fit") !== hasFit;
  const name = c => c.role === "fitted" ? `T* = ${short(c.tau)}` : `T = ${short(c.tau)}` + (c.role === "training" ? " (training τ)" : "");
  chooseRun("calibration-choice", done, done[done.length - 1], r => draw("reliability", "line", !r ? [] : [
    ...of(r).map((c, i) => line(name(c), c.bins.filter(b => b.count > 0).map(b => ({x: b.confidence, y: b.accuracy})), [1, 0, 2, 3][i % 4],
      {borderDash: [[], [6, 4], [2, 3], [8, 3, 2, 3]][i % 4]})),
    line("calibrated", [{x: 0, y: 0}, {x: 1, y: 1}], 7, {borderDash: [2, 3], pointRadius: 0}),
  ], {scales: {x: axis("mean confidence of the bin", {type: "linear", min: 0, max: 1}), y: axis("share that is right", {min: 0, max: 1})}}));
  fillTable("calibration", ["run", "T", "NLL", "ECE %", "adaptive ECE %", "MCE %", "Brier", ...(hasFit ? ["T*/τ"] : [])], done.flatMap(r => of(r).map(c =>
    [r.label, name(c), short(c.nll), percent(c.ece), percent(c.adaptive_ece), percent(c.mce), short(c.brier),
      ...(hasFit ? [c.role === "fitted" ? short(c.tau / r.tau) : ""] : [])])));
});
