// Clean and adversarial images.
section("examples", () => {
  function picture(png, caption, isRight) {
    const figure = element("div", undefined, "picture");
    const image = figure.appendChild(element("img"));
    image.src = "data:image/png;base64," + png;
    image.alt = isRight === undefined ? `image of class ${caption}` : `attacked image, predicted ${caption}`;
    figure.appendChild(element("div", (isRight === undefined ? "" : isRight ? "✓ " : "✗ ") + caption,
      isRight === undefined ? "" : isRight ? "ok" : "bad"));
    return figure;
  }

  function strips() {
    const host = document.getElementById("strips");
    const strip = (name, figures) => {
      const scroll = host.appendChild(element("div", undefined, "scroll"));
      const row = scroll.appendChild(element("div", undefined, "strip"));
      row.appendChild(element("div", name, "name"));
      figures.forEach(f => row.appendChild(f));
    };
    const shown = runs.flatMap(r => r.attacks.filter(a => (a.examples || []).length && (a === r.ce || a === r.logOdds || r.attacks.length === 1))
      .map(a => ({r, a})));
    if (!shown.length) return void host.appendChild(element("p", "No attack was run on these models.", "missing"));
    const first = shown[0].a, name = (a, c) => (a.class_names || [])[c] ?? String(c);
    strip("clean, label", first.examples.map(e => picture(e.clean_png, name(first, e.label))));
    for (const {r, a} of shown)
      strip(`${r.label}: ${a.loss}`, a.examples.map(e => picture(e.adversarial_png, name(a, e.adversarial_prediction), e.adversarial_prediction === e.label)));
  }

  strips();
});
