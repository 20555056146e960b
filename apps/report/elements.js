"use strict";
// Numbers as text, elements and tables. All text from outside becomes textContent, never markup.
const isNumber = v => typeof v === "number" && isFinite(v);
const percent = v => isNumber(v) ? (100 * v).toFixed(1) : "–";
const short = v => !isNumber(v) ? "–" : v !== 0 && (Math.abs(v) < 0.01 || Math.abs(v) >= 1e4) ? v.toExponential(2) : Number(v.toPrecision(3)).toString();
const pixels = v => Math.abs(255 * v - Math.round(255 * v)) < 1e-4 ? `${Math.round(255 * v)}/255` : short(v);
const element = (name, text, className) => {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
};

// Lines of cells, texts or elements, into a table below a header; the first cell of each line names it.
function fillRows(table, header, rows) {
  const fill = (part, cells, isHeader) => {
    const tr = part.appendChild(element("tr"));
    cells.forEach((cell, i) => {
      const e = tr.appendChild(cell instanceof Node ? cell : element(isHeader || i === 0 ? "th" : "td", cell));
      if (e.tagName === "TH") e.scope = isHeader ? "col" : "row";
    });
  };
  if (header.length > 12) table.classList.add("wide");  // smaller on paper
  fill(table.appendChild(element("thead")), header, true);
  const body = table.appendChild(element("tbody"));
  for (const row of rows) fill(body, row, false);
}
