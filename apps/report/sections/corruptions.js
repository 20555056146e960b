// Accuracy under each corruption.
section("corruptions", () => {
  const done = runs.filter(r => r.results.corrupt);
  const names = [...new Set(done.flatMap(r => r.results.corrupt.rows.map(row => row.corruption)))];
  const accuracy = (r, name) => {
    const rows = r.results.corrupt.rows.filter(row => row.corruption === name);
    return 100 * rows.reduce((sum, row) => sum + row.accuracy, 0) / rows.length;
  };
  draw("corruptions", "bar", done.map((r, i) => ({label: r.label, data: names.map(n => accuracy(r, n)), backgroundColor: colors[i % 8],
    pointStyle: "rect"})), {labels: names.map(n => n.replaceAll("_", " ")), scales: {x: axis("corruption"), y: percentAxis("accuracy, %")}});
});
