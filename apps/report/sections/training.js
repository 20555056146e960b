// Training loss against steps.
section("training", () => {
  draw("loss", "line", runs.map((r, i) => line(r.label,
    r.metrics.filter(m => m.kind === "step" && isNumber(m.loss)).map(m => ({x: m.step, y: m.loss})), i, {pointRadius: 0})),
    {scales: {x: axis("step", {type: "linear"}), y: axis("training loss", {beginAtZero: true})}});
});
