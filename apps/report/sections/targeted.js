// Untargeted PGD beside the same attack with targets, against τ.
section("targeted", () => {
  const done = runs.filter(r => !r.train.diverged && isNumber(r.tau) && r.attacks.some(isPgdWithTargets));
  const find = (r, targeted) => targeted === "none" ? r.ce : r.attacks.find(a => isPgdWithTargets(a) && a.targeted === targeted);
  const names = {none: "untargeted", random: "towards one random class", all: "towards each class in turn"};
  draw("targeted", "line", Object.entries(names).map(([targeted, name], i) => {
    const measured = done.filter(r => find(r, targeted)), images = [...new Set(measured.map(r => find(r, targeted).n))].join(" or ");
    return line(`${name}, ${images} images`, measured.map(r => ({x: r.tau, y: 100 * find(r, targeted).robust_accuracy})), i, {showLine: hasOneRunATau});
  }), {scales: {x: tauAxis, y: percentAxis("accuracy, %")}});
});
