// A line chart over the steps of the attack, as SVG: it prints, scales, and follows the page's colours.
function svg(name, attributes = {}, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  return e;
}

// Round numbers that divide [low, high] into about n parts.
function ticksOf(low, high, n) {
  const raw = (high - low) / n, power = 10 ** Math.floor(Math.log10(raw)), unit = [1, 2, 5, 10].find(u => u * power >= raw) * power, ticks = [];
  for (let i = Math.ceil(low / unit); i * unit <= high + 1e-9 * unit; ++i) ticks.push(Number((i * unit).toPrecision(12)));
  return ticks;
}

const box = {width: 400, height: 210, left: 52, right: 10, top: 10, bottom: 36};

// series: [{title, css, values}], one value a step; null where there is none. zero: the name of the line at 0. onStep(step): a click or drag.
// Returns {element, mark(step)}.
function lineChart({name, axis, series, zero, onStep}) {
  const chart = svg("svg", {viewBox: `0 0 ${box.width} ${box.height}`, role: "img", "aria-label": name, class: "chart-svg"});
  const present = series.flatMap(s => s.values).filter(v => v !== null), last = series[0].values.length - 1;
  if (zero || !present.length) present.push(0);
  let low = Math.min(...present), high = Math.max(...present);
  if (!(high > low)) [low, high] = [low - 1, high + 1];
  [low, high] = [low - 0.06 * (high - low), high + 0.06 * (high - low)];
  const right = box.width - box.right, bottom = box.height - box.bottom;
  const x = step => box.left + (right - box.left) * (last > 0 ? step / last : 0.5), y = v => bottom - (bottom - box.top) * (v - low) / (high - low);

  for (const v of ticksOf(low, high, 4)) {
    chart.append(svg("line", {x1: box.left, x2: right, y1: y(v), y2: y(v), class: "grid"}),
      svg("text", {x: box.left - 5, y: y(v) + 4, "text-anchor": "end"}, short(v)));
  }
  for (const v of ticksOf(0, Math.max(last, 1), 5))
    if (Number.isInteger(v)) chart.append(svg("text", {x: x(v), y: bottom + 15, "text-anchor": "middle"}, String(v)));
  chart.append(svg("text", {x: (box.left + right) / 2, y: box.height - 4, "text-anchor": "middle"}, "step"),
    svg("text", {x: 12, y: (box.top + bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${(box.top + bottom) / 2})`}, axis));
  if (zero) {
    const above = y(0) - 4 > box.top + 12;
    chart.append(svg("line", {x1: box.left, x2: right, y1: y(0), y2: y(0), class: "zero"}),
      svg("text", {x: box.left + 4, y: above ? y(0) - 4 : y(0) + 13, class: "soft"}, zero));
  }
  const cursor = chart.appendChild(svg("line", {y1: box.top, y2: bottom, class: "cursor"}));
  const dots = series.map(s => {
    const points = s.values.flatMap((v, k) => v === null ? [] : [`${x(k).toFixed(1)},${y(v).toFixed(1)}`]);
    chart.append(svg("polyline", {points: points.join(" "), class: `line ${s.css}`}));
    return chart.appendChild(svg("circle", {r: 4.5, class: `dot ${s.css}`}));
  });

  const stepAt = event => {
    const place = chart.getBoundingClientRect(), at = (event.clientX - place.left) / place.width * box.width;
    return Math.max(0, Math.min(last, Math.round((at - box.left) / (right - box.left) * last)));
  };
  if (onStep) {
    chart.addEventListener("pointerdown", e => onStep(stepAt(e)));
    chart.addEventListener("pointermove", e => { if (e.buttons) onStep(stepAt(e)); });
  }
  const mark = step => {
    cursor.setAttribute("x1", x(step));
    cursor.setAttribute("x2", x(step));
    series.forEach((s, i) => {
      const v = s.values[step];
      dots[i].setAttribute("visibility", v === null ? "hidden" : "visible");
      if (v !== null) [dots[i].cx.baseVal.value, dots[i].cy.baseVal.value] = [x(step), y(v)];
    });
  };
  return {element: chart, mark};
}

// The key to the two losses' lines.
function lossKey() {
  const key = element("p", undefined, "key");
  for (const loss of losses) {
    const sample = svg("svg", {viewBox: "0 0 34 12", width: 34, height: 12, "aria-hidden": "true"});
    sample.append(svg("line", {x1: 0, x2: 34, y1: 6, y2: 6, class: `line ${loss.name}`}), svg("circle", {cx: 17, cy: 6, r: 4.5, class: `dot ${loss.name}`}));
    key.append(sample, element("span", loss.title));
  }
  return key;
}
