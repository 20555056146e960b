// What is shown: an image, two models, a step of the attack. `view` holds the choice; listeners hear of changes.
const view = {image: 0, models: [0, Math.min(1, models.length - 1)], step: attack.steps};
const listeners = {choice: [], step: []};

function setStep(step) {
  view.step = Math.max(0, Math.min(attack.steps, step));
  for (const listener of listeners.step) listener(view.step);
}
function choose(change) {
  Object.assign(view, change);
  for (const listener of listeners.choice) listener(view);
}

// The models of a view without repetition.
const shownModels = v => [...new Set(v.models)].map(i => ({model: models[i], seen: models[i].images[v.image]}));
const imageTitle = i => `Test image ${images[i].index}: ${className(images[i].label)}`;

// A column for each model of the view: draw(host, seen, model).
function forModels(host, v, draw) {
  const columns = host.appendChild(element("div", undefined, "models"));
  for (const {model, seen} of shownModels(v)) {
    const column = columns.appendChild(element("div", undefined, "model"));
    column.appendChild(element("h3", model.title));
    draw(column, seen, model);
  }
}

// Radio buttons, one for each image: arrow keys go from one to the next.
function addImageChooser(host) {
  const kinds = images.map((image, i) => {
    const label = host.appendChild(element("label", undefined, "pick")), button = label.appendChild(element("input"));
    Object.assign(button, {type: "radio", name: "image", checked: i === view.image});
    button.addEventListener("change", () => choose({image: i}));
    const small = label.appendChild(picture());
    paintPhoto(small, "", pixelsOf(image));
    small.setAttribute("aria-hidden", "true");
    label.appendChild(element("span", `${image.index}: ${className(image.label)}`, "pick-name"));
    return label.appendChild(element("span", undefined, "pick-kinds"));
  });
  listeners.choice.push(v => kinds.forEach((place, i) => {
    place.replaceChildren();
    for (const m of [...new Set(v.models)]) {
      const kind = models[m].images[i].kind;
      place.appendChild(element("span", `${models[m].title}: ${kind}`, kind === "wrong" ? "bad" : ""));
    }
  }));
}

function addModelMenus(host) {
  if (models.length < 2) return;
  ["Left model", "Right model"].forEach((title, side) => {
    const label = host.appendChild(element("label", `${title}: `)), menu = label.appendChild(element("select"));
    for (const m of models) menu.appendChild(element("option", m.title));
    menu.selectedIndex = view.models[side];
    menu.addEventListener("change", () => choose({models: view.models.map((m, s) => s === side ? menu.selectedIndex : m)}));
  });
}

// Slider, buttons, and the arrow keys wherever nothing else takes them.
function addStepSlider(slider, previous, next, output) {
  slider.max = attack.steps;
  slider.addEventListener("input", () => setStep(Number(slider.value)));
  previous.addEventListener("click", () => setStep(view.step - 1));
  next.addEventListener("click", () => setStep(view.step + 1));
  document.addEventListener("keydown", event => {
    const move = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, [tabindex], svg")) return;
    event.preventDefault();
    setStep(view.step + move);
  });
  const say = () => {
    const name = view.step === 0 ? attack.random_start ? "random start" : "the image itself" : `step ${view.step}`;
    slider.value = view.step;
    output.textContent = `${name} of ${attack.steps}`.replace(/^(random start|the image itself) of .*/, "$1");
    slider.setAttribute("aria-valuetext", [name, ...shownModels(view).flatMap(({model, seen}) => losses.map(loss =>
      `${model.title}, ${loss.title}: margin ${short(seen[loss.name].path.margin[view.step])}`))].join("; "));
  };
  listeners.step.push(say);
  listeners.choice.push(say);
}
