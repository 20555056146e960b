// Puts the card's JSON into the page.
const card = JSON.parse(document.getElementById("data").textContent);
const put = (id, text) => { document.getElementById(id).textContent = text; };
const redrawAll = () => {};  // of contents.js: nothing here is drawn in fixed colours

// Lines of name and text; what is not known is left out.
function addFacts(id, facts) {
  const list = document.getElementById(id);
  for (const [name, text] of facts) {
    if (text === undefined || text === null || text === "") continue;
    const line = list.appendChild(element("div"));
    line.append(element("dt", name), element("dd", String(text)));
  }
}
function addLines(id, lines) {
  const list = document.getElementById(id);
  for (const line of lines) list.appendChild(element("li", line));
  list.hidden = lines.length === 0;
}
const inText = cell => element("td", cell, "text"), header = text => element("th", text, "text");
const verdictClass = {"passes": "ok", "no sign": "ok", "masked": "bad", "weak attack": "bad", "harness failed": "bad"};
const listed = values => values.map(v => Number(v.toPrecision(5))).join(", ");

{
  const {accuracy, audit, data, model, environment} = card, threat = card.threat_model, published = card.reference ? card.reference.rows : [];
  put("summary", `${model.name} on ${data.which} of ${data.name}: ${percent(accuracy.clean.accuracy)} % clean, ${percent(accuracy.worst_case.accuracy)} % ` +
    `in the worst case (${threat.ball}). Verdict on plain PGD: ${audit.verdict}.`);

  drawIntervals(document.getElementById("intervals"), accuracy, published);
  document.querySelector("#accuracies caption").textContent =
    `Accuracies in percent, with intervals of ${100 * accuracy.level} %: ${accuracy.interval}`;
  fillRows(document.getElementById("accuracies"), ["", "right", "images", "accuracy", "from", "to"],
    Object.entries(kNames).map(([key, name]) => [name, String(accuracy[key].right), String(accuracy.images),
      ...["accuracy", "low", "high"].map(k => percent(accuracy[key][k]))]));
  put("covers", accuracy.covers);

  if (published.length) {
    document.getElementById("section-reference").hidden = false;
    fillRows(document.getElementById("reference"), ["", "published", "ours", "ours − published", "within our interval", header("in words")],
      published.map(p => [p.title, ...[p.published, p.ours, p.difference].map(v => (100 * v).toFixed(2)),
        element("td", p.is_within_interval ? "yes" : "no", p.is_within_interval ? "ok" : "bad"), inText(p.text)]));
    addLines("differs", card.reference.differs);
  }

  const verdict = document.getElementById("verdict");
  verdict.textContent = `Verdict: ${audit.verdict}`;
  verdict.className = verdictClass[audit.verdict] ?? "";
  put("sentence", `${audit.sentence} An honest model gets a verdict with a probability of at most ${short(100 * audit.level)} %. ` +
    `Attack gap: ${percent(audit.attack_gap)} points.`);
  addLines("warnings", audit.warnings);
  fillRows(document.getElementById("checks"), ["check", "verdict", header("figures"), header("fails if")],
    audit.checks.map(c => [c.name, element("td", c.verdict, verdictClass[c.verdict] ?? "open"), inText(c.figures), inText(c.rule || "–")]));

  const scale = model.normalisation;
  addFacts("subject", [["model", model.name], ["known from", model.known_from], ["parameters", model.parameters.toLocaleString("en")], ["classes", model.classes],
    ...model.weights.flatMap(w => [["weights", `${w.file} (${w.bytes.toLocaleString("en")} bytes)`], ["sha256 of it", w.sha256]]),
    ["which weights", model.is_average ? "the averaged ones" : ""],
    ["training τ", short(model.train_tau)],
    ["images are", scale.mean.length ? `normalised by mean ${listed(scale.mean)} and std ${listed(scale.std)}` : "taken as they are, in [0, 1]"],
    ["which is from", scale.from], ["data set", data.name], ["images", data.which], ["sha256 of images and labels", data.sha256]]);
  addLines("notes", card.notes);

  addFacts("setting", [["threat model", threat.ball], ["the attacker", threat.attacker], ["seed", environment.seed], ["batch size", environment.batch_size],
    ["kelvin", environment.version + (environment.commit ? `, commit ${environment.commit}` : "")], ["device", environment.device],
    ["precision", environment.precision + (environment.tf32 ? ", products in TF32" : "")], ["oneDNN", environment.oneDNN]]);

  const settings = s => Object.entries(s).filter(([, v]) => v !== null && v !== false).map(([k, v]) => `${k} ${typeof v === "number" ? short(v) : v}`).join(", ");
  fillRows(document.getElementById("attacks"), ["attack", header("on"), "left", "of", "counts", header("settings")],
    card.attacks.map(a => [a.title, inText(a.on || "the model"), String(a.left), String(a.attacked), a.counts ? "yes" : "no",
      inText(settings({...a.settings, eps: pixels(a.settings.eps), ...(isNumber(a.settings.step) ? {step: pixels(a.settings.step)} : {})}) +
        (a.members ? "; " + a.members.map(m => `${m.name} broke ${m.broken} of ${m.attacked}`).join(", ") : ""))]));

  addImages(card);
  put("written", environment.version);
}
