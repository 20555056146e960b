// The input gradients of the two losses side by side.
function gradientPicture(loss, part) {
  if (part.gradient === null) return blank(`gradient of ${loss.title}: exactly zero at every pixel`, "exactly zero");
  const canvas = picture();
  paintSigned(canvas, `gradient of ${loss.title}: largest ${short(part.largest)}, exactly zero in ${percent(part.zeros)} of the pixels`,
    signedOf(part.gradient, 1));
  return canvas;
}

function drawGradients(host, v) {
  forModels(host, v, (column, seen, model) => {
    const pair = column.appendChild(element("div", undefined, "pictures"));
    for (const loss of losses) pair.appendChild(captioned(gradientPicture(loss, seen[loss.name]), loss.title));
    column.appendChild(table(`Gradients of ${model.title}`, ["loss", "value", "largest |∂L/∂x|", "length ‖∂L/∂x‖₂", "exactly zero"],
      losses.map(loss => {
        const part = seen[loss.name];
        return [loss.title, exactly(part.loss), exactly(part.largest), exactly(part.l2), percent(part.zeros)];
      })));
    column.appendChild(element("p", seen.cosine === null ? "One of them is zero: there is no angle between them."
      : `Cosine between the two: ${short(seen.cosine)}.`));
  });
}
