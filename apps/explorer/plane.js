// Features and prototypes in the plane of the three nearest classes (class_plane.h).
const field = {width: 400, height: 330, pad: 34};

// What of a polygon lies where a·x + b·y + c >= 0.
function clipped(polygon, [a, b, c]) {
  const side = p => a * p[0] + b * p[1] + c;
  return polygon.flatMap((p, i) => {
    const q = polygon[(i + 1) % polygon.length], sp = side(p), sq = side(q), part = sp / (sp - sq);
    const crossing = (sp >= 0) !== (sq >= 0) ? [[p[0] + part * (q[0] - p[0]), p[1] + part * (q[1] - p[1])]] : [];
    return sp >= 0 ? [p, ...crossing] : crossing;
  });
}

// Where the classes of the plane win: polygons in the plane's coordinates.
function regionsOf(plane, corners) {
  const at = plane.nearest.map(c => plane.prototypes[c]);
  return at.map((p, i) => at.reduce((polygon, q, j) => i === j ? polygon
    : clipped(polygon, [p[0] - q[0], p[1] - q[1], plane.offsets[i] - plane.offsets[j]]), corners));
}

// From the plane to the picture, one scale for both axes.
function projectionOf(points) {
  const range = axis => [Math.min(...points.map(p => p[axis])), Math.max(...points.map(p => p[axis]))];
  const [[left, right], [low, high]] = [range(0), range(1)], {width: w, height: h, pad} = field;
  const scale = Math.min((w - 2 * pad) / Math.max(right - left, 1e-9), (h - 2 * pad) / Math.max(high - low, 1e-9));
  const to = p => [w / 2 + scale * (p[0] - (left + right) / 2), h / 2 - scale * (p[1] - (low + high) / 2)];
  const back = q => [(q[0] - w / 2) / scale + (left + right) / 2, (low + high) / 2 - (q[1] - h / 2) / scale];
  return {to, corners: [[0, 0], [w, 0], [w, h], [0, h]].map(back)};
}

const text = (p, css, content, anchor = "middle") => svg("text", {x: p[0].toFixed(1), y: p[1].toFixed(1), "text-anchor": anchor, class: css}, content);
const asPoints = list => list.map(p => p.map(x => x.toFixed(1)).join(",")).join(" ");

// An attack may end in a class that has no region here.
function strangersOf(seen) {
  const ends = [...new Set(losses.map(loss => seen[loss.name].path.prediction[attack.steps]))].filter(c => !seen.plane.nearest.includes(c));
  return ends.map(c => ` An attack ends in ${className(c)}, a class outside of this plane.`).join("");
}

// Returns a function that marks another step.
function addPlane(host, image, seen, model) {
  const {plane} = seen, paths = losses.map(loss => seen[loss.name].path.plane), names = plane.nearest.map(className);
  const {to, corners} = projectionOf([...plane.nearest.map(c => plane.prototypes[c]), plane.feature, ...paths.flat()]);
  const ends = losses.map((loss, i) => `${loss.title} ends at ${paths[i][attack.steps].map(short).join(", ")}`).join("; ");
  const figure = svg("svg", {viewBox: `0 0 ${field.width} ${field.height}`, role: "img", class: "plane-svg",
    "aria-label": `Plane of the classes ${names.join(", ")} of ${model.title}: the feature of the clean image at ${plane.feature.map(short).join(", ")}; ${ends}`});
  regionsOf(plane, corners).forEach((polygon, i) => figure.append(svg("polygon", {points: asPoints(polygon.map(to)), class: `region region-${i}`})));
  plane.prototypes.forEach((p, c) => {
    if (!plane.nearest.includes(c)) figure.append(svg("circle", {cx: to(p)[0], cy: to(p)[1], r: 2.5, class: "faint"}));
  });
  losses.forEach((loss, i) => figure.append(svg("polyline", {points: asPoints([plane.feature, ...paths[i]].map(to)), class: `line ${loss.name}`})));
  plane.nearest.forEach((c, i) => {
    const [x, y] = to(plane.prototypes[c]);
    figure.append(svg("rect", {x: x - 5, y: y - 5, width: 10, height: 10, transform: `rotate(45 ${x} ${y})`, class: `prototype region-${i}`}));
    figure.append(text([Math.max(40, Math.min(field.width - 40, x)), y > 30 ? y - 11 : y + 20], c === image.label ? "own" : "", className(c) + (c === image.label ? " (label)" : "")));
  });
  const clean = to(plane.feature);
  figure.append(svg("circle", {cx: clean[0], cy: clean[1], r: 6, class: "clean"}));
  const dots = losses.map(loss => figure.appendChild(svg("circle", {r: 4.5, class: `dot ${loss.name}`})));
  const holder = host.appendChild(element("div", undefined, "line-chart"));
  holder.append(figure, element("span", `Ring: the clean image. Lines: the two attacks’ features, dots at the step chosen above. Squares: prototypes; small dots: those of other classes. ` +
    `The feature lies ${plane.beside > 0 ? `${short(plane.beside)} away from` : "in"} the plane.${strangersOf(seen)}`));
  return step => dots.forEach((dot, i) => { [dot.cx.baseVal.value, dot.cy.baseVal.value] = to(paths[i][step]); });
}

// Returns a function that shows another step.
function drawPlane(host, v) {
  const image = images[v.image], updates = [];
  forModels(host, v, (column, seen, model) => {
    updates.push(addPlane(column, image, seen, model));
    column.appendChild(lossKey());
    column.appendChild(table(`The nearest classes of ${model.title}`, ["class", "logit", "place in the plane", "distance to the feature"],
      seen.plane.nearest.map((c, i) => [className(c), short(seen.logits[c]), seen.plane.prototypes[c].map(short).join(", "), short(seen.plane.distances[i])])));
  });
  const show = step => { for (const update of updates) update(step); };
  show(v.step);
  return show;
}
