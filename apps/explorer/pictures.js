// Pictures of the images' size on a canvas. Each has a name that says in words what is seen.
function picture() {
  const canvas = element("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.setAttribute("role", "img");
  return canvas;
}

// colourOf(value): three numbers in [0, 1], for a set of grey images; a set in colour shows each channel through levelOf(value).
function paint(canvas, name, values, colourOf, levelOf) {
  const context = canvas.getContext("2d"), data = context.createImageData(width, height);
  for (let p = 0; p < width * height; ++p) {
    const colour = channels === 1 ? colourOf(values[p]) : [0, 1, 2].map(c => levelOf(values[channels * p + c]));
    colour.forEach((v, c) => { data.data[4 * p + c] = Math.round(255 * Math.max(0, Math.min(1, v))); });
    data.data[4 * p + 3] = 255;
  }
  context.putImageData(data, 0, 0);
  canvas.setAttribute("aria-label", name);
}

const paintPhoto = (canvas, name, x) => paint(canvas, name, x, v => [v, v, v], v => v);

// From blue (−1) over near-white (0) to orange (1), told apart by colour-blind readers.
const ends = {low: [0, 0.33, 0.6], middle: [0.97, 0.97, 0.97], high: [0.75, 0.3, 0]};
function diverging(v) {
  const end = v < 0 ? ends.low : ends.high, part = Math.min(1, Math.abs(v));
  return ends.middle.map((m, c) => m + part * (end[c] - m));
}
// values in [−1, 1]
const paintSigned = (canvas, name, values) => paint(canvas, name, values, diverging, v => 0.5 + v / 2);

// A picture with a line below it.
function captioned(canvas, text) {
  const holder = element("div", undefined, "picture");
  holder.append(canvas, element("span", text));
  return holder;
}

// In place of a picture of which every value is exactly zero.
function blank(name, text) {
  const box = element("div", text, "blank");
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", name);
  box.style.aspectRatio = `${width} / ${height}`;
  return box;
}
