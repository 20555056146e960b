// Puts the page together: draws the figures of the chosen image again where the choice changes, and for print those of every image.
const figures = {image: drawImage, gradients: drawGradients, logits: drawLogits, path: drawPath, plane: drawPlane};
const byId = id => document.getElementById(id);

function drawFigures(hosts, v) {
  const updates = [];
  for (const [name, draw] of Object.entries(figures)) {
    hosts[name].replaceChildren();
    try {
      const update = draw(hosts[name], v);
      if (update) updates.push(update);
    } catch (error) {
      hosts[name].replaceChildren(element("p", `This figure could not be drawn: ${error.message}`, "missing"));
    }
  }
  return updates;
}

byId("summary").textContent = `${images.length} of ${explorer.chosen_from} test images of ${explorer.data} under ${models.length} ${models.length > 1 ? "models" : "model"}. ` +
  `The attack is PGD-${attack.steps} in L∞: ε\u00a0=\u00a0${inPixels(attack.eps)}, steps of ${inPixels(attack.step)}, ${attack.random_start ? "random start" : "from the image itself"}, ` +
  `loss at τ\u00a0=\u00a0${short(attack.attack_tau)}, seed ${attack.seed}.`;
// The page opens with the image that shows the matter best: right, and of those that log-odds fools and cross-entropy does not, else of all,
// the one with the smallest gradient of cross-entropy, often none.
const interest = images.map((image, i) => Math.max(...models.map(m => {
  const seen = m.images[i], isRight = seen.prediction === image.label, isBlind = seen.ce.path.fooled_after < 0 && seen["log-odds"].path.fooled_after > 0;
  return isRight ? (isBlind ? 2 : 0) + 1 / (1 + seen.ce.largest) : -1;
})));
view.image = interest.indexOf(Math.max(...interest));
addModelMenus(byId("menus"));
addImageChooser(byId("images"));
addStepSlider(byId("step"), byId("previous"), byId("next"), byId("step-text"));

const hosts = Object.fromEntries(Object.keys(figures).map(name => [name, byId("section-" + name).querySelector(".host")]));
let updates = [];
listeners.choice.push(v => {
  updates = drawFigures(hosts, {...v, onStep: setStep});
  byId("now").textContent = `${imageTitle(v.image)}. ` +
    shownModels(v).map(({model, seen}) => `${model.title}: ${className(seen.prediction)}, ${seen.kind}, margin ${short(seen.margin)}`).join(". ");
});
listeners.step.push(step => { for (const update of updates) update(step); });
drawOverview(byId("section-overview").querySelector(".host"));
choose({});
setStep(view.step);

// On paper: every image at the last step, with the models chosen on the screen, in light colours.
window.addEventListener("beforeprint", () => {
  document.documentElement.classList.add("paper");
  const paper = byId("paper");
  paper.replaceChildren();
  images.forEach((image, i) => {
    const part = paper.appendChild(element("article")), places = {};
    part.appendChild(element("h2", imageTitle(i)));
    for (const name of Object.keys(figures)) {
      const block = part.appendChild(element("div", undefined, `paper-${name}`));
      if (name !== "image") block.appendChild(element("h3", byId("section-" + name).querySelector("h2").textContent));
      places[name] = block.appendChild(element("div", undefined, "host"));
    }
    drawFigures(places, {...view, image: i, step: attack.steps, isStill: true});
  });
});
window.addEventListener("afterprint", () => {
  document.documentElement.classList.remove("paper");
  byId("paper").replaceChildren();
});
