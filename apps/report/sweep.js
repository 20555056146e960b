// The page of a sweep, from {sweep: {axes, columns, family, rows: [{label, values, figures: {key: {mean, std, n, p_holm, over_seeds}}, cells}]}}.
const sweep = given.sweep;
const figure = (row, key) => row.figures[key];
const mean = (row, key) => (figure(row, key) || {}).mean;
const shown = (c, f) => !f || !isNumber(f.mean) ? "–"
  : (c.is_percent ? percent(f.mean) : short(f.mean)) +
    (isNumber(f.std) ? " ± " + (c.is_percent ? percent(f.std) : short(Number(f.std.toPrecision(2)))) : "") + signs(f);
// * over seeds, after Holm over the family; † on the same images, after Holm over the column.
const isSmall = p => isNumber(p) && p < 0.05;
const signs = f => {
  const text = (isSmall((f.over_seeds || {}).p_holm) ? "*" : "") + (isSmall(f.p_holm) ? "†" : "");
  return text && " " + text;
};
const signed = (c, v) => {
  if (!isNumber(v)) return "–";
  const text = c.is_percent ? percent(Math.abs(v)) : short(Number(Math.abs(v).toPrecision(2)));
  return Number(text) === 0 ? text : (v < 0 ? "−" : "+") + text;
};
const difference = (c, d) => `${signed(c, d.difference)} [${signed(c, d.interval[0])}, ${signed(c, d.interval[1])}]`;
const pText = p => !isNumber(p) ? "–" : p < 0.001 ? "<0.001" : p.toFixed(3);
// What a cell of the table says when it is pointed at.
const tooltip = (c, f) => {
  const d = f && f.over_seeds, lines = [];
  if (d) lines.push(`row − baseline ${difference(c, d)}, 95 % interval over ${d.interval_over}`,
    `over ${d.df + 1} seeds: paired t, p = ${pText(d.p)}` + (isNumber(d.p_holm) ? `, ${pText(d.p_holm)} after Holm: ${d.verdict}` : "; exploratory"),
    isNumber(d.p_tost) ? `equivalent within ${short(100 * sweep.family.margin)} points: p = ${pText(d.p_tost)}` : "");
  if (f && isNumber(f.p_holm)) lines.push(`these models on the same images: McNemar, p = ${pText(f.p_holm)} after Holm for the column`);
  return lines.filter(l => l).join("\n");
};
const tableCell = (c, f) => {
  const td = element("td", shown(c, f)), text = tooltip(c, f);
  if (text) td.title = text;
  return td;
};
const state = row => {
  const state = c => c.has_converged === false ? "not converged" : c.status;
  const bad = row.cells.filter(c => state(c) !== "done");
  return bad.length ? `${state(bad[0])} ${bad.length} of ${row.cells.length}` : "done";
};

document.getElementById("summary").textContent = sweep.reading || "";
const gapTo = sweep.gap_to || "worst case", gapName = gapTo === "worst case" ? "attack gap" : `CE − ${gapTo}`;
const capital = text => text[0].toUpperCase() + text.slice(1);
document.getElementById("gap-to").textContent = gapTo;
const attacked = [...new Set(sweep.rows.flatMap(r => r.cells.map(c => c.attacked)).filter(n => n))].sort((a, b) => a - b);
document.getElementById("attacked").textContent = attacked.length ? `: ${attacked.join(" or ")} images` : "";
document.getElementById("gap-name").textContent = document.getElementById("gap-title").textContent = capital(gapName);

section("table", () => fillTable("sweep-table", ["run", "state", ...sweep.columns.map(c => c.title)],
  sweep.rows.map(r => [r.label + (r.is_baseline ? " (baseline)" : ""), state(r), ...sweep.columns.map(c => tableCell(c, figure(r, c.key)))])));

section("differences", () => {
  const rows = sweep.rows.flatMap(r => sweep.family.columns.filter(key => (figure(r, key) || {}).over_seeds).map(key => {
    const c = sweep.columns.find(column => column.key === key), d = figure(r, key).over_seeds;
    return [r.label, c.title.replace(/ %$/, ""), String(d.df + 1), difference(c, d), pText(d.p), pText(d.p_holm), pText(d.p_tost), element("td", d.verdict, "text")];
  }));
  const isInferred = sweep.rows.some(r => Object.values(r.figures).some(f => f.over_seeds));
  if (!sweep.rows.some(r => r.baseline) || (isInferred && !rows.length)) return void document.getElementById("section-differences").remove();
  document.getElementById(rows.length ? "one-seed" : "differences-legend").remove();
  if (!rows.length) return void document.getElementById("differences").remove();
  document.getElementById("margin").textContent = short(100 * sweep.family.margin);
  document.getElementById("family").textContent = `${rows.length} contrasts: ${sweep.family.columns.join(", ")}`;
  fillTable("differences", ["run", "column", "seeds", "row − baseline [95 %]", "p", "p Holm", "p TOST", element("th", "verdict", "text")], rows);
});

// Deviations as vertical bars, drawn over the chart.
const deviationBars = {id: "deviations", afterDatasetsDraw(chart) {
  const {ctx} = chart;
  chart.data.datasets.forEach((set, i) => {
    if (!chart.isDatasetVisible(i) || !set.deviations) return;
    const scale = chart.scales[set.yAxisID || "y"];
    ctx.strokeStyle = set.borderColor || Chart.defaults.color;
    ctx.lineWidth = 1.5;
    chart.getDatasetMeta(i).data.forEach((point, k) => {
      const d = set.deviations[k], at = set.data[k], value = typeof at === "object" && at !== null ? at.y : at;
      if (!isNumber(d) || !isNumber(value)) return;
      const top = scale.getPixelForValue(value + d), bottom = scale.getPixelForValue(value - d);
      ctx.beginPath();
      ctx.moveTo(point.x, top); ctx.lineTo(point.x, bottom);
      ctx.moveTo(point.x - 3, top); ctx.lineTo(point.x + 3, top);
      ctx.moveTo(point.x - 3, bottom); ctx.lineTo(point.x + 3, bottom);
      ctx.stroke();
    });
  });
}};
Chart.register(deviationBars);

const accuracies = ["clean", "corrupted", "pgd_ce_tau1", "cw", "pgd_log_odds", "pgd_ce_tau_train", "sound", "worst_case"]
  .map(key => sweep.columns.find(c => c.key === key)).filter(c => c);
// Against τ on a logarithmic axis where τ is all that was swept; else one place a row.
const isTauAlone = sweep.axes.length === 1 && sweep.axes[0] === "tau" && sweep.rows.every(r => isNumber(Number(r.values[0])));
section("series", () => {
  if (isTauAlone) {
    const ticks = sweep.rows.map(r => Number(r.values[0]));
    const rows = sweep.rows.filter(r => r.logit_scale === 1);
    draw("series", "line", accuracies.map((c, i) => {
      const measured = rows.filter(r => isNumber(mean(r, c.key)));
      return line(c.title, measured.map(r => ({x: Number(r.values[0]), y: 100 * mean(r, c.key)})), i,
        {borderDash: ["clean", "corrupted"].includes(c.key) ? [6, 4] : [], deviations: measured.map(r => 100 * figure(r, c.key).std)});
    }), {scales: {y: percentAxis("accuracy, %"), x: axis("training temperature τ (log scale)", {type: "logarithmic",
      min: Math.min(...ticks) / 1.3, max: Math.max(...ticks) * 1.3,
      afterBuildTicks: a => { a.ticks = ticks.map(value => ({value})); }, ticks: {callback: v => String(v), autoSkip: false}})}});
  } else if (sweep.axes.length > 1 && sweep.rows.length > 16) {
    document.getElementById("section-series").remove();  // the maps say it better
  } else {
    draw("series", "bar", accuracies.map((c, i) => ({label: c.title, data: sweep.rows.map(r => isNumber(mean(r, c.key)) ? 100 * mean(r, c.key) : null),
      backgroundColor: colors[i % 8], pointStyle: "rect",
      deviations: sweep.rows.map(r => 100 * (figure(r, c.key) || {}).std)})),
      {labels: sweep.rows.map(r => r.label), scales: {y: percentAxis("accuracy, %"), x: axis("")}});
  }
});

// Where a value was chosen on held-out images: every candidate by its two accuracies, one curve a setting; the chosen ones are large.
section("frontier", () => {
  const {choice} = sweep, robust = "pgd_log_odds";
  const rows = choice ? choice.table.rows.filter(r => isNumber(mean(r, "clean")) && isNumber(mean(r, robust))) : [];
  if (rows.length === 0) return void document.getElementById("section-frontier").remove();
  const position = choice.table.axes.indexOf(choice.axis);
  const others = r => JSON.stringify(r.values.filter((_, i) => i !== position));
  const names = choice.table.axes.filter(a => a !== choice.axis);
  draw("frontier", "line", choice.settings.map((s, i) => {
    const points = rows.filter(r => others(r) === JSON.stringify(s.values));
    return line(s.values.map((v, k) => `${names[k]} ${v}`).join(", "), points.map(r => ({x: 100 * mean(r, "clean"), y: 100 * mean(r, robust),
      value: r.values[position]})), i, {pointRadius: points.map(r => r.values[position] === s.chosen ? 8 : 4)});
  }), {plugins: {tooltip: {callbacks: {label: p => `${p.dataset.label}, ${choice.axis} ${p.raw.value}: ${short(p.raw.x)} %, ${short(p.raw.y)} %`}}},
    scales: {x: axis("clean accuracy on held-out images, %", {type: "linear"}), y: axis("PGD on log-odds, held-out images, %")}});
});

section("gap", () => {
  const rows = sweep.rows.filter(r => isNumber(mean(r, "attack_gap")));
  if (rows.length === 0) return void document.getElementById("section-gap").remove();
  const bar = (label, key, i, unit) => ({label, unit, data: rows.map(r => 100 * mean(r, key)), backgroundColor: colors[i], yAxisID: "y",
    pointStyle: "rect", deviations: rows.map(r => 100 * figure(r, key).std)});
  draw("gap", "bar", [
    {...line("median margin (right axis)", rows.map(r => mean(r, "median_margin")), 2), type: "line", yAxisID: "margin", unit: ""},
    {...line("margin 104: no gradient left", rows.map(() => 104), 7), type: "line", yAxisID: "margin", unit: "", borderDash: [4, 4], pointRadius: 0},
    bar(gapName, "attack_gap", 1, "points"), bar("zero gradient", "zero_gradient_fraction", 0, "% of images"),
  ], {labels: rows.map(r => r.label), scales: {y: axis("points, %"), x: axis(""),
    margin: axis("median margin", {position: "right", beginAtZero: true, grid: {drawOnChartArea: false}})}});
});

section("maps", () => {
  const host = document.getElementById("maps");
  if (sweep.axes.length < 2) return void document.getElementById("section-maps").remove();
  const values = a => [...new Set(sweep.rows.map(r => r.values[a]))];
  const others = [...new Set(sweep.rows.map(r => JSON.stringify(r.values.slice(2))))].map(t => JSON.parse(t));
  for (const rest of others) {
    if (rest.length) host.appendChild(element("h3", rest.map((v, i) => `${sweep.axes[i + 2]} ${v}`).join(", ")));
    const table = host.appendChild(element("div", undefined, "scroll")).appendChild(element("table"));
    table.appendChild(element("caption", `Clean accuracy, %, by ${sweep.axes[0]} and ${sweep.axes[1]}`));
    fillRows(table, [`${sweep.axes[0]} ↓  ${sweep.axes[1]} →`, ...values(1)], values(0).map(v0 => [v0, ...values(1).map(v1 => {
      const row = sweep.rows.find(r => r.logit_scale === 1 && JSON.stringify(r.values) === JSON.stringify([v0, v1, ...rest]));
      const clean = row ? mean(row, "clean") : NaN;
      const cell = element("td", isNumber(clean) ? percent(clean) : row ? row.cells[0].status : "–", isNumber(clean) ? "" : "bad");
      if (isNumber(clean)) cell.style.background = `rgba(0, 114, 178, ${(0.65 * clean).toFixed(2)})`;
      return cell;
    })]));
  }
});

section("cells", () => fillTable("cells", ["run", "seed", "state", "detail", ...sweep.columns.map(c => c.title)],
  sweep.rows.flatMap(r => r.cells.map(cell => [r.label, String(cell.seed), cell.status, cell.detail,
    ...sweep.columns.map(c => c.is_percent ? percent(cell.values[c.key]) : short(cell.values[c.key]))]))));
