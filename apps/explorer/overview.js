// The image as the two models see it, and the table of all images and models.
const kindTexts = {wrong: "wrong", hard: "right, but hard: among the quarter of smallest margins", easy: "easy: among the quarter of largest margins", right: "right"};

function drawImage(host, v) {
  const image = images[v.image], canvas = picture();
  paintPhoto(canvas, imageTitle(v.image), pixelsOf(image));
  const both = host.appendChild(element("div", undefined, "image-and-words"));
  both.appendChild(captioned(canvas, `${className(image.label)}, test image ${image.index}`));
  const list = both.appendChild(element("dl", undefined, "readout"));
  for (const {model, seen} of shownModels(v)) {
    const part = list.appendChild(element("div"));
    part.append(element("dt", model.title), element("dd", className(seen.prediction), seen.prediction === image.label ? "ok" : "bad"),
      element("dd", `${kindTexts[seen.kind]}; margin ${short(seen.margin)}`));
  }
}

const outcome = (seen, loss, label) => {
  const after = seen[loss.name].path.fooled_after;
  return seen.prediction !== label ? "wrong before" : after < 0 ? "stands" : after === 0 ? "at the start" : `step ${after}`;
};

function drawOverview(host) {
  const rows = images.flatMap((image, i) => models.map(m => {
    const seen = m.images[i];
    return [`${image.index}`, className(image.label), m.title, seen.kind, className(seen.prediction), short(seen.margin),
      ...losses.map(l => exactly(seen[l.name].largest)), ...losses.map(l => outcome(seen, l, image.label))];
  }));
  host.appendChild(table("All images under all models", ["image", "label", "model", "kind", "prediction", "margin", "largest gradient, cross-entropy",
    "largest gradient, log-odds", "fooled by cross-entropy", "fooled by log-odds"], rows));
  host.appendChild(table("The models", ["model", "run", "network", `accuracy on ${explorer.chosen_from} test images`],
    models.map(m => [m.title, m.run, m.model, percent(m.accuracy)])));
  for (const m of models) for (const note of m.notes) host.appendChild(element("p", `${m.title}: ${note}`));
}
