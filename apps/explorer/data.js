// What the page shows: the JSON in #data (apps/explorer/README.md), numbers as text, and the pictures that are packed in it (packed.h).
const explorer = JSON.parse(document.getElementById("data").textContent);
const {height, width, channels, attack, models, images} = explorer;
const losses = [{name: "ce", title: "cross-entropy"}, {name: "log-odds", title: "log-odds"}];
const className = c => explorer.class_names[c] ?? String(c);

// A model is named by its temperature, and by its folder too where that does not tell all of them apart.
const folderName = run => run.replace(/\/+$/, "").split("/").pop();
const isUnique = (name, m) => models.filter(o => name(o) === name(m)).length === 1;
for (const m of models) {
  m.title = `τ = ${short(m.tau)}`;
  if (!isUnique(o => o.tau, m)) m.title += ` (${isUnique(o => folderName(o.run), m) ? folderName(m.run) : m.run})`;
}

function short(v) {
  if (typeof v !== "number" || !isFinite(v)) return "–";
  return v !== 0 && (Math.abs(v) < 0.01 || Math.abs(v) >= 1e4) ? v.toExponential(2) : String(Number(v.toPrecision(4)));
}
const exactly = v => v === 0 ? "exactly 0" : short(v);
const percent = v => v > 0 && v < 0.001 ? "< 0.1 %" : `${(100 * v).toFixed(1)} %`;
const inPixels = v => Math.abs(255 * v - Math.round(255 * v)) < 1e-4 ? `${Math.round(255 * v)}/255` : short(v);

function element(name, text, css) {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (css) e.className = css;
  return e;
}

// A table with a caption. The first cell of each row names the row; columns of words begin at the left, numbers end at the right.
const isWords = text => !/^(-?\d|exactly 0|< |–)/.test(text);
function table(caption, header, rows) {
  const css = header.map((_, i) => i && rows.some(cells => isWords(cells[i])) ? "words" : "");
  const host = element("div", undefined, "scroll"), t = host.appendChild(element("table"));
  host.tabIndex = 0;
  host.setAttribute("role", "region");
  host.setAttribute("aria-label", caption);
  t.appendChild(element("caption", caption));
  const head = t.appendChild(element("thead")).appendChild(element("tr"));
  header.forEach((cell, i) => { head.appendChild(element("th", cell, css[i])).scope = "col"; });
  const body = t.appendChild(element("tbody"));
  for (const cells of rows) {
    const line = body.appendChild(element("tr"));
    cells.forEach((cell, i) => {
      const place = line.appendChild(element(i ? "td" : "th", cell, css[i]));
      if (!i) place.scope = "row";
    });
  }
  return host;
}

const bytesOf = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
const pixelsOf = image => Float32Array.from(bytesOf(image.pixels), b => b / 255);         // [H, W, C] in [0, 1]
const signedOf = (text, scale) => Float32Array.from(bytesOf(text), b => scale * (b - 127) / 127);

const powersOfThree = [1, 3, 9, 27, 81];
const signAt = (packed, i) => Math.floor(packed[Math.floor(i / 5)] / powersOfThree[i % 5]) % 3 - 1;

// The change x_k − x at each point k of a path [steps + 1], and whether step k moves (its gradient is not exactly zero) [steps]. The steps of
// the attack are taken again: along the stored sign, then back into the ε-ball and into [0, 1].
const walks = new WeakMap();
function walkOf(image, path) {
  if (walks.has(path)) return walks.get(path);
  const x = pixelsOf(image), packed = bytesOf(path.signs), size = x.length;
  const walk = {changes: [signedOf(image.start, attack.eps)], moves: []};
  for (let k = 0; k < attack.steps; ++k) {
    let isMoving = false;
    walk.changes.push(walk.changes[k].map((change, p) => {
      const sign = signAt(packed, k * size + p);
      isMoving ||= sign !== 0;
      const inBall = Math.max(-attack.eps, Math.min(attack.eps, change + attack.step * sign));
      return Math.max(-x[p], Math.min(1 - x[p], inBall));
    }));
    walk.moves.push(isMoving);
  }
  walks.set(path, walk);
  return walk;
}
