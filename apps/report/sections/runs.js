// The config of every run.
section("runs", () => {
  const host = document.getElementById("configs");
  for (const r of runs) {
    const details = host.appendChild(element("details"));
    details.appendChild(element("summary", `${r.label} – ${r.name}`));
    details.appendChild(element("pre", r.config || "no config.toml"));
  }
});
