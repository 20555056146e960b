// The images, a page of them at a time, filtered by menus.
const kRowsOfAPage = 100;

function addImages(card) {
  const {images, attacks} = card, names = card.data.class_names, className = c => names[c] ?? String(c);
  const byId = id => document.getElementById(id), table = byId("images"), caption = table.caption;
  const attackName = i => attacks[i].title + (attacks[i].on ? ` on ${attacks[i].on}` : "");
  const outcome = i => i.robust ? "withstood" : i.correct ? "broken" : "wrong";
  const outcomes = {withstood: "withstood every attack", broken: "broken by an attack", wrong: "wrong without an attack"};
  let first = 0;

  // Each menu: its name, the texts and what an image must be; the first choice takes all.
  const labels = [...new Set(images.map(i => i.label))].sort((a, b) => a - b), breakers = [...new Set(images.map(i => i.broken_by))];
  const menus = [
    ["outcome", Object.entries(outcomes).map(([key, text]) => [text, i => outcome(i) === key])],
    ["label", labels.map(l => [className(l), i => i.label === l])],
    ["first broken by", breakers.filter(b => b !== null).sort((a, b) => a - b).map(b => [attackName(b), i => i.broken_by === b])],
    ["gradient of cross-entropy", [["exactly zero", i => i.zero_gradient], ["not zero", i => !i.zero_gradient]]],
    ["plain PGD", [["leaves it, another attack breaks it", i => i.left_by_plain_pgd && !i.robust], ["breaks it", i => i.correct && !i.left_by_plain_pgd]]]
  ].map(([name, choices]) => {
    const label = byId("filters").appendChild(element("label", `${name}: `)), menu = label.appendChild(element("select"));
    menu.appendChild(element("option", "all"));
    for (const [text, isOf] of choices) menu.appendChild(element("option", `${text} (${images.filter(isOf).length})`));
    menu.addEventListener("change", () => { first = 0; draw(); });
    return i => menu.selectedIndex === 0 || choices[menu.selectedIndex - 1][1](i);
  });

  const buttons = ["previous", "next"].map((name, k) => {
    const button = byId("pages").appendChild(element("button", name));
    button.type = "button";
    button.addEventListener("click", () => { first += (k ? 1 : -1) * kRowsOfAPage; draw(); });
    byId("pages").append(" ");
    return button;
  });

  function draw() {
    const found = images.filter(i => menus.every(m => m(i))), page = found.slice(first, first + kRowsOfAPage);
    table.replaceChildren(caption);
    fillRows(table, ["image", "label", "prediction", "margin", "outcome", element("th", "first broken by", "text"), "attacks that break it", "zero gradient"],
      page.map(i => [String(i.index), className(i.label), className(i.prediction), short(i.margin),
        element("td", outcome(i), i.robust ? "ok" : i.correct ? "bad" : "open"), element("td", i.broken_by === null ? "–" : attackName(i.broken_by), "text"),
        i.correct ? String(i.times_broken) : "–", i.zero_gradient ? "yes" : "no"]));
    byId("shown").textContent = found.length === 0 ? `No image of ${images.length} is of this kind.`
      : `${found.length} of ${images.length} images` + (found.length > page.length ? `; shown are numbers ${first + 1} to ${first + page.length} of these.` : ".");
    buttons[0].disabled = first === 0;
    buttons[1].disabled = first + kRowsOfAPage >= found.length;
    byId("pages").hidden = found.length <= kRowsOfAPage;
  }
  draw();
}
