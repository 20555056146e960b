// The attack step by step, under both losses.
const predictionText = (c, label) => c === label ? `still ${className(c)}` : `taken for ${className(c)}`;

// What became of one attack, in a sentence.
function storyOf(seen, loss, walk, label) {
  const {path} = seen[loss.name], first = path.margin[0], end = path.margin[attack.steps];
  if (seen.prediction !== label) return "The image is wrong before any attack.";
  if (!walk.moves.some(Boolean) && loss.name === "ce") return "Its gradient is exactly zero at every point, so it never moves. This says nothing of the model.";
  if (!walk.moves.some(Boolean)) return "Its gradient is exactly zero, too: the network itself is flat here, whatever the loss.";
  if (path.fooled_after === 0) return "The random start alone crosses the boundary.";
  if (path.fooled_after > 0)
    return `It crosses the boundary at step ${path.fooled_after}, where the attack would stop: taken for ${className(path.prediction[path.fooled_after])}.`;
  const idle = walk.moves.filter(m => !m).length;
  return `It does not cross the boundary: the margin goes from ${short(first)} to ${short(end)}.${idle ? ` In ${idle} of ${attack.steps} steps its gradient is exactly zero.` : ""}`;
}

// The image at the step, the change, and their line of numbers. Returns a function that shows another step.
function addPathPictures(host, image, seen, loss) {
  const path = seen[loss.name].path, walk = walkOf(image, path), x = pixelsOf(image), photo = picture(), change = picture();
  const part = host.appendChild(element("div", undefined, "path-part"));
  part.appendChild(element("h4", loss.title, loss.name));
  const pair = part.appendChild(element("div", undefined, "pictures"));
  pair.append(captioned(photo, "image"), captioned(change, "change"));
  const line = part.appendChild(element("p", undefined, "numbers"));
  part.appendChild(element("p", storyOf(seen, loss, walk, image.label)));
  return step => {
    const at = walk.changes[step], prediction = path.prediction[step];
    paintPhoto(photo, `image at step ${step} under ${loss.title}: ${predictionText(prediction, image.label)}`, x.map((v, p) => v + at[p]));
    paintSigned(change, `change at step ${step} under ${loss.title}, between ±${inPixels(attack.eps)}`, at.map(v => attack.eps > 0 ? v / attack.eps : 0));
    line.replaceChildren(`loss ${exactly(path.loss[step])}, margin ${short(path.margin[step])}, `,
      element("strong", predictionText(prediction, image.label), prediction === image.label ? "ok" : "bad"));
    line.dataset.step = step;
  };
}

function pathChart(host, seen, model, quantity, options, onStep) {
  const series = losses.map(loss => ({title: loss.title, css: loss.name, values: seen[loss.name].path[quantity]}));
  const ends = series.map(s => `under ${s.title} from ${short(s.values[0])} to ${short(s.values[attack.steps])}`).join(", ");
  const chart = lineChart({name: `${options.title} of ${model.title} over ${attack.steps} steps: ${ends}`, axis: options.axis, series, zero: options.zero, onStep});
  const holder = host.appendChild(element("div", undefined, "line-chart"));
  holder.append(chart.element, element("span", options.caption));
  return chart.mark;
}

// Returns a function that shows another step.
function drawPath(host, v) {
  const image = images[v.image], updates = [];
  forModels(host, v, (column, seen, model) => {
    const parts = column.appendChild(element("div", undefined, "path-parts"));
    for (const loss of losses) updates.push(addPathPictures(parts, image, seen, loss));
    column.appendChild(lossKey());
    updates.push(
      pathChart(column, seen, model, "margin", {title: "Margin", axis: "margin", zero: "decision boundary", caption: "Margin of the label after each step; below 0 the image is misclassified."}, v.onStep),
      pathChart(column, seen, model, "loss", {title: "Loss", axis: "loss", caption: "Each attack’s own loss, which it climbs."}, v.onStep));
    const details = column.appendChild(element("details"));
    details.appendChild(element("summary", "Every step as numbers"));
    details.appendChild(table(`The attack on ${model.title}, step by step`,
      ["step", ...losses.flatMap(l => [`${l.title}: loss`, "margin", "prediction"])],
      seen.ce.path.loss.map((_, k) => [String(k), ...losses.flatMap(l => {
        const path = seen[l.name].path;
        return [exactly(path.loss[k]), short(path.margin[k]), className(path.prediction[k])];
      })])));
  });
  const show = step => { for (const update of updates) update(step); };
  show(v.step);
  return show;
}
