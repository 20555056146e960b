// The accuracies as a picture: a point and its interval each, on a scale from 0 to 100 %, and published figures as broken lines.
const kNames = {clean: "clean", paper_faithful: "paper-faithful", sound: "sound", autoattack: "AutoAttack", worst_case: "worst case"};

function drawIntervals(host, accuracy, published) {
  const ns = "http://www.w3.org/2000/svg", left = 110, right = 590, step = 26, rows = Object.keys(kNames);
  const height = step * rows.length + 30, x = share => left + (right - left) * share;
  const part = (parent, name, attributes, text) => {
    const e = parent.appendChild(document.createElementNS(ns, name));
    for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
    if (text !== undefined) e.textContent = text;
    return e;
  };
  const svg = part(host, "svg", {viewBox: `0 0 620 ${height}`, class: "intervals", role: "img",
    "aria-label": "Accuracies with their intervals: " + rows.map(r => `${kNames[r]} ${percent(accuracy[r].accuracy)} %`).join(", ")});
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
    part(svg, "line", {x1: x(tick), x2: x(tick), y1: 4, y2: height - 22, class: "grid"});
    part(svg, "text", {x: x(tick), y: height - 6, "text-anchor": "middle"}, `${100 * tick} %`);
  }
  rows.forEach((row, i) => {
    const a = accuracy[row], y = step * (i + 0.5) + 4;
    part(svg, "text", {x: left - 10, y: y + 4, "text-anchor": "end"}, kNames[row]);
    part(svg, "line", {x1: x(a.low), x2: x(a.high), y1: y, y2: y, class: "range"});
    part(svg, "circle", {cx: x(a.accuracy), cy: y, r: 5, class: "share"});
    for (const p of published.filter(p => p.figure === row))
      part(svg, "line", {x1: x(p.published), x2: x(p.published), y1: y - 11, y2: y + 11, class: "published"});
  });
  if (published.length) host.appendChild(element("p", "Broken red lines: the published figures."));
}
